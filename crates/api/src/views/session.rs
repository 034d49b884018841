//! A session, as its owner sees it.

use easel_platform::records::Session;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// Somebody's session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionRow {
    /// Its id.
    id: String,
    /// What the program called itself.
    user_agent: Option<String>,
    /// Where it began.
    ip: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last refreshed.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// When it ends, however often it is refreshed.
    #[schema(format = DateTime)]
    expires_at: String,
    /// It is the one that asks.
    is_current: bool,
}

impl SessionRow {
    /// As `current` sees it.
    pub(crate) fn of(session: Session, current: Option<&str>) -> Self {
        Self {
            is_current: current == Some(&session.id),
            id: session.id,
            user_agent: session.user_agent,
            ip: session.ip,
            created_at: shown_time(session.created_at),
            last_used_at: shown_time(session.last_used_at),
            expires_at: shown_time(session.expires_at),
        }
    }
}
