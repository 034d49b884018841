//! `/api/v1/albums`: how people order their pictures.

pub(crate) mod add;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod order;
pub(crate) mod order_pictures;
pub(crate) mod pictures;
pub(crate) mod remove;
