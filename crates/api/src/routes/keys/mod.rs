//! `/api/v1/api-keys`: keys for programs.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;
