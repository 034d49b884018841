//! OpenAI's Images API: what its clients send and what they read.

pub mod control;
mod extra_args;
pub(crate) mod form;
pub mod model;
pub mod request;
pub mod response;
pub mod schema;
