//! `/v1`: OpenAI's Images and Models API, by which programs made for it work here unchanged.

mod draw;
pub(crate) mod edit;
pub(crate) mod file;
pub(crate) mod generate;
pub(crate) mod get_model;
pub(crate) mod list_models;
mod model_view;
mod start;
mod stream;
pub(crate) mod vary;
