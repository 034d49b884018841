//! `/api/v1/subscriptions`: what there is to be had.

pub(crate) mod list;
