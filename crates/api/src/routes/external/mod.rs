//! `/api/v1/users/me/external`: whether one's prompts may leave this server.

pub(crate) mod get;
pub(crate) mod set;
mod words;
