//! Pictures of people: one's own to set and remove, everybody's to see.

pub(crate) mod get;
pub(crate) mod remove;
pub(crate) mod set;
