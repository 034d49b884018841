//! `/api/v1/images`: pictures, drawn and sent, one's own and everybody's, and the jobs that make them.

pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod delete_upload;
pub(crate) mod file;
pub(crate) mod generate;
pub(crate) mod get;
pub(crate) mod like;
pub(crate) mod list;
pub(crate) mod list_public;
pub(crate) mod list_uploads;
pub(crate) mod publish;
pub(crate) mod quote;
pub(crate) mod report;
pub(crate) mod restore;
mod sent;
pub(crate) mod template;
pub(crate) mod thumbnail;
pub(crate) mod trash;
pub(crate) mod unlike;
pub(crate) mod upload;
pub(crate) mod upscale;
pub(crate) mod variations;
pub(crate) mod view;
pub(crate) mod withdraw;
