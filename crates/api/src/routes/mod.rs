//! One folder a resource, one file a verb.

pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod models;
pub(crate) mod page;
