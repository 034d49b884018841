//! `/api/v1/auth`: getting an account, and getting in.

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod register;
mod tokens;
