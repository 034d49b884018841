//! `/api/v1/users`: people.

pub(crate) mod me;
