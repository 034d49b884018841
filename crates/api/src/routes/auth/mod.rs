//! `/api/v1/auth`: getting an account, and getting in.

pub(crate) mod callback;
pub(crate) mod confirm_reset;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod providers;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod resend;
pub(crate) mod reset;
pub(crate) mod sign_in;
mod tokens;
pub(crate) mod verify;
