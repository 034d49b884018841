//! An API key, as its owner sees it after it was shown.

use easel_platform::records::{ApiKey, ByKey, Credits};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CreditAmount, shown_time};

/// A key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// How it begins.
    prefix: String,
    /// What it allows.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it is good; null is for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// How many jobs may come by it in a calendar month; null is any number.
    jobs_monthly_max: Option<i64>,
    /// How many whole credits they may cost together; null is any number.
    credits_monthly_max: Option<i64>,
    /// Jobs that came by it in this calendar month (UTC), those that failed or were cancelled too.
    jobs_this_month: i64,
    /// What they cost together, or may cost while they are under way.
    credits_this_month: CreditAmount,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl KeyView {
    /// A key that is new: nothing has come by it.
    pub(crate) fn unused(key: ApiKey) -> Self {
        Self::of(key, &[])
    }

    /// A key and what came by its owner's keys this month.
    pub(crate) fn of(key: ApiKey, used: &[ByKey]) -> Self {
        let used = used.iter().find(|used| used.api_key_id == key.id);
        Self {
            jobs_this_month: used.map_or(0, |used| used.jobs),
            credits_this_month: used.map_or(Credits::ZERO, |used| used.credits).into(),
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.split(' ').map(str::to_owned).collect(),
            created_at: shown_time(key.created_at),
            expires_at: key.expires_at.map(shown_time),
            jobs_monthly_max: key.jobs_monthly_max,
            credits_monthly_max: key.credits_monthly_max.map(|credits| credits.0 / Credits::UNIT),
            last_used_at: key.last_used_at.map(shown_time),
            revoked_at: key.revoked_at.map(shown_time),
        }
    }
}
