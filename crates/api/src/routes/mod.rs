//! One folder a resource, one file a verb.

pub(crate) mod albums;
pub(crate) mod auth;
pub(crate) mod comments;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod moderation;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod sessions;
pub(crate) mod shares;
pub(crate) mod subscriptions;
pub(crate) mod tags;
pub(crate) mod users;
