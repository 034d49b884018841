//! `/api/v1/subscriptions`: what is paid for.

pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod current;
pub(crate) mod list;
pub(crate) mod resume;
