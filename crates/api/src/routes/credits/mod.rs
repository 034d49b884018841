//! `/api/v1/credits`: what somebody has, and where it went.

pub(crate) mod balance;
pub(crate) mod history;
