//! `/api/v1/files`: addresses that are signed by this server, where the storage cannot sign its own.

pub(crate) mod get;
pub(crate) mod put;
