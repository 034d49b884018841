//! What a browser needs to know before anybody is logged in, and the first administrator of a fresh server.

pub(crate) mod config;
pub(crate) mod create;
