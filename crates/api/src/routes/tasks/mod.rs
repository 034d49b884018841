//! `/api/v1/tasks`: jobs as clients of earlier designs know them, by other names of the same things.

pub(crate) mod cancel;
pub(crate) mod get;
pub(crate) mod list;
