//! News between nodes: one task that says, one that listens. Either goes on for as long as the program does, whatever breaks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use easel_store::Timestamp;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Bus, Heard, News, Relay, Update, Watched, What, wire};
use crate::Context;

/// Between two attempts to connect.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// News that is not sent by then is missed.
const SAY_MAX: Duration = Duration::from_secs(5);
/// Steps of one job cross at most this often; the last one always does.
const STEP_PAUSE: Duration = Duration::from_millis(200);
/// Jobs whose last step is remembered at a time.
const JOBS_MAX: usize = 10_000;

/// The tasks that carry; they end when this is dropped.
#[derive(Debug)]
pub struct Carrier {
    _tasks: JoinSet<()>,
    connected: watch::Receiver<bool>,
}

impl Carrier {
    /// Waits until this node hears the others.
    pub async fn connected(&mut self) {
        // The sender is in a task that ends with this value.
        let _ = self.connected.wait_for(|&connected| connected).await;
    }

    /// Waits until this node does not hear the others.
    pub async fn disconnected(&mut self) {
        let _ = self.connected.wait_for(|&connected| !connected).await;
    }
}

impl Bus {
    /// Tells other nodes of what is told here, and whoever listens here of what is told there, from now on. What each node says of its news is
    /// its own name, drawn from the context.
    pub fn carry(&self, context: &Context, relay: Arc<dyn Relay>) -> Carrier {
        let mut tasks = JoinSet::new();
        let (told, connected) = watch::channel(false);
        let node = context.moment().id();
        let saying = Saying { context: context.clone(), node: node.clone(), relay: relay.clone(), steps: HashMap::new() };
        // Watches from now on, and not from when its task is first run.
        let mut watching = self.watch(Watched::Everything);
        tasks.spawn(async move { saying.run(&mut watching).await });
        tasks.spawn(listen(self.clone(), node, relay, told));
        Carrier { _tasks: tasks, connected }
    }
}

struct Saying {
    context: Context,
    node: String,
    relay: Arc<dyn Relay>,
    /// When a step of a job last crossed.
    steps: HashMap<String, Timestamp>,
}

impl Saying {
    async fn run(mut self, watching: &mut super::Watching) {
        let mut silent = false;
        loop {
            let Update::Heard(Heard { news, from_elsewhere: false }) = watching.next().await else { continue };
            if !self.is_due(&news) {
                continue;
            }
            let Some(message) = wire::encode(&self.node, &news, self.relay.bytes_max()) else { continue };
            let failed = match timeout(SAY_MAX, self.relay.say(&message)).await {
                Ok(said) => said.err().map(|error| error.to_string()),
                Err(_) => Some("no answer in time".to_owned()),
            };
            match &failed {
                // Once, and not for each message.
                Some(error) if !silent => tracing::warn!(error, "other nodes do not hear of jobs' progress"),
                None if silent => tracing::info!("other nodes hear of jobs' progress again"),
                _ => {}
            }
            silent = failed.is_some();
        }
    }

    fn is_due(&mut self, news: &News) -> bool {
        match news.what {
            What::Step { index, total, .. } if index < total => {
                let now = self.context.now();
                if self.steps.get(&news.job_id).is_some_and(|last| now < last.after(STEP_PAUSE)) {
                    return false;
                }
                if self.steps.len() >= JOBS_MAX {
                    self.steps.clear();
                }
                self.steps.insert(news.job_id.clone(), now);
            }
            What::Ended { .. } => drop(self.steps.remove(&news.job_id)),
            _ => {}
        }
        true
    }
}

async fn listen(bus: Bus, node: String, relay: Arc<dyn Relay>, connected: watch::Sender<bool>) {
    let mut pause = PAUSE_FIRST;
    loop {
        match relay.listen().await {
            Ok(mut listening) => {
                pause = PAUSE_FIRST;
                // Nobody here heard what was said until now.
                bus.watchers.miss();
                connected.send_replace(true);
                while let Some(message) = listening.hear().await {
                    if let Some(news) = wire::decode(&node, &message) {
                        bus.relay(news);
                    }
                }
                connected.send_replace(false);
                tracing::debug!("the connection to other nodes broke: it is made again");
            }
            Err(error) => {
                tracing::debug!(%error, "other nodes cannot be heard yet");
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}
