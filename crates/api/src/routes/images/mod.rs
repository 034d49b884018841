//! `/api/v1/images`: pictures, drawn and sent, and the jobs that make them.

pub(crate) mod batch;
pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod delete_upload;
pub(crate) mod file;
pub(crate) mod generate;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod list_uploads;
pub(crate) mod quote;
pub(crate) mod restore;
mod sent;
pub(crate) mod thumbnail;
pub(crate) mod upload;
pub(crate) mod upscale;
pub(crate) mod variations;
