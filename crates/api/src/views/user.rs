//! Somebody, as they see themselves.

use easel_platform::records::{Credits, Role, User};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CreditAmount, avatar_url, shown_time};

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
    /// Their organisation; null is the default one.
    organization_id: Option<String>,
    /// What they can spend, where one person is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    credits_balance: Option<CreditAmount>,
    /// May log in.
    is_active: bool,
    /// Their address is proved.
    is_verified: bool,
    /// When they came.
    #[schema(format = DateTime)]
    created_at: String,
}

impl UserView {
    /// With what they can spend.
    pub(crate) fn with_balance(user: User, available: Credits) -> Self {
        Self { credits_balance: Some(available.into()), ..user.into() }
    }
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
            organization_id: user.organization_id,
            credits_balance: None,
            is_active: user.is_active,
            is_verified: user.is_verified,
            created_at: shown_time(user.created_at),
        }
    }
}
