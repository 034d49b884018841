//! `/api/v1/auth`: getting an account, and getting in.

pub(crate) mod confirm_reset;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod resend;
pub(crate) mod reset;
mod tokens;
pub(crate) mod verify;
