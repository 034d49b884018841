//! `/api/v1/tags`: words people put on their pictures.

pub(crate) mod list;
