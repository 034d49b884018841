//! Where users want to be told of what happens to their jobs.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod disable;
pub(crate) mod enable;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod resend;
pub(crate) mod rotate;
pub(crate) mod test;
mod words;
