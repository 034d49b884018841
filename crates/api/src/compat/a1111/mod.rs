//! AUTOMATIC1111's API, `/sdapi/v1`: what its clients send and what they read.
//!
//! Fields have A1111's names and defaults, samplers its arithmetic (k-diffusion) and its noise. What would change a picture in a way that
//! cannot be done here is refused by name (`neutral.rs`); what concerns A1111's own disk and pages is taken and changes nothing.

pub mod checkpoints;
pub mod control;
pub mod flag;
pub mod hires;
pub mod infotext;
pub mod neutral;
pub mod noising;
pub mod options;
pub mod parameters;
pub mod repaint;
pub mod request;
pub mod response;
pub mod samplers;
pub mod schedulers;
pub mod schema;
pub mod tasks;
pub mod upscalers;

use std::sync::Arc;

/// What is remembered of A1111's clients between their requests, by this process alone.
#[derive(Debug, Default)]
pub struct Remembered {
    /// What is being drawn for each of them.
    pub tasks: Arc<tasks::Tasks>,
}
