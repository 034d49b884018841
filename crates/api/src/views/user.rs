//! Somebody, as they see themselves.

use easel_platform::records::{Role, User};
use serde::Serialize;
use utoipa::ToSchema;

use super::{avatar_url, shown_time};

/// Somebody with an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Their id.
    id: String,
    /// Their address.
    email: String,
    /// What others see.
    username: String,
    /// Their name.
    full_name: Option<String>,
    /// Where their picture is, if they have one.
    avatar_url: Option<String>,
    /// `de`, `pt-BR`.
    locale: Option<String>,
    /// `user`, `moderator`, `admin` or `superuser`.
    #[schema(value_type = String, example = "user")]
    role: Role,
    /// Their plan's name.
    plan: String,
    /// When it falls back to the first one; null is never.
    #[schema(format = DateTime)]
    plan_ends_at: Option<String>,
    /// May log in.
    is_active: bool,
    /// Their address is proved.
    is_verified: bool,
    /// When they came.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            avatar_url: avatar_url(&user.username, user.avatar_key.as_deref()),
            id: user.id,
            email: user.email,
            username: user.username,
            full_name: user.full_name,
            locale: user.locale,
            role: user.role,
            plan: user.plan,
            plan_ends_at: user.plan_ends_at.map(shown_time),
            is_active: user.is_active,
            is_verified: user.is_verified,
            created_at: shown_time(user.created_at),
        }
    }
}
