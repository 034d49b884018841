//! `/api/v1/users/me`: whoever is logged in.

pub(crate) mod change;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod replace;
pub(crate) mod request_export;
pub(crate) mod stats;
