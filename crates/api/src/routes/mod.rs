//! One folder a resource, one file a verb.

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod credits;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod plans;
pub(crate) mod sessions;
pub(crate) mod users;
