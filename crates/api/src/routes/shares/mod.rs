//! Links to one picture.

pub(crate) mod create;
pub(crate) mod file;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod revoke;
pub(crate) mod thumbnail;
