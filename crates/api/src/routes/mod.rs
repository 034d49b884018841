//! One folder a resource, one file a verb.

pub(crate) mod admin;
pub(crate) mod albums;
pub(crate) mod auth;
pub(crate) mod avatars;
pub(crate) mod comments;
pub(crate) mod credits;
pub(crate) mod docs;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod identities;
pub(crate) mod images;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod moderation;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod shares;
pub(crate) mod subscriptions;
pub(crate) mod tags;
pub(crate) mod users;
pub(crate) mod webhooks;
