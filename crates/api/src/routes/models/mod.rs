//! `/api/v1/models`: what can draw here.

pub(crate) mod list;
