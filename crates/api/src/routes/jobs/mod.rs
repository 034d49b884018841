//! `/api/v1/jobs`: what somebody asked for, and how far it is.

pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod list;
mod progress;
pub(crate) mod socket;
