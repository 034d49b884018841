//! AUTOMATIC1111's API, `/sdapi/v1`: what its clients send and what they read.
//!
//! Fields have A1111's names and defaults, samplers its arithmetic (k-diffusion) and its noise. What would change a picture in a way that
//! cannot be done here is refused by name (`neutral.rs`); what concerns A1111's own disk and pages is taken and changes nothing.

pub mod checkpoints;
pub mod comments;
pub mod control;
pub mod flag;
pub mod foreign;
pub mod hires;
pub mod infotext;
pub mod networks;
pub mod neutral;
pub mod nodes;
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

use easel_platform::bus::Bus;
use tokio::{runtime::Handle, task::JoinSet};

/// What is remembered of A1111's clients between their requests.
#[derive(Debug)]
pub struct Remembered {
    /// What this process draws for each of them.
    pub tasks: Arc<tasks::Tasks>,
    /// What others do.
    pub nodes: Arc<nodes::Nodes>,
    /// Hears of it, as long as this is there.
    _hearing: JoinSet<()>,
}

impl Remembered {
    /// Nothing, and what is heard from now on.
    pub fn hearing(bus: &Bus) -> Self {
        let nodes = Arc::<nodes::Nodes>::default();
        let mut hearing = JoinSet::new();
        // Without a runtime there is nobody who could ask.
        if let Ok(runtime) = Handle::try_current() {
            hearing.spawn_on(Arc::clone(&nodes).hear(bus.listen()), &runtime);
        }
        Self { tasks: Arc::default(), nodes, _hearing: hearing }
    }
}
