//! `/v1/images`.

pub(crate) mod file;
pub(crate) mod generate;
mod stream;
