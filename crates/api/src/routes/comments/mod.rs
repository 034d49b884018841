//! What people say under pictures.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod report;
