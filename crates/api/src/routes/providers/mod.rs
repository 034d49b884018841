//! What external image services send.

pub(crate) mod webhook;
