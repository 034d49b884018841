//! `/api/v1/api-configs`: people's own accounts with image services.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod test;
mod words;
