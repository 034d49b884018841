//! One folder a resource, one file a verb.

pub(crate) mod auth;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod identities;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod sessions;
pub(crate) mod users;
pub(crate) mod webhooks;
