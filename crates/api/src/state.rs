//! What every handler can reach.

use std::{
    io,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use easel_engine::Engine;
use easel_platform::{Platform, worker::Keeper};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{ApiConfig, Cdn, FileStore, Services, auth::basic::BasicSessions, compat::a1111::Remembered, traffic::Traffic};

/// Pictures that may be on their way to us at a time.
const UPLOADS_MAX: usize = 32;

/// Shared by all requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) engine: Engine,
    pub(crate) platform: Arc<Platform>,
    /// Stores what is drawn while its client waits.
    pub(crate) keeper: Keeper,
    /// What this process is called in leases.
    pub(crate) node: Arc<str>,
    /// Pictures that are being sent, which lie in memory until they are there.
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) files: FileStore,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) services: Arc<Services>,
    /// Of A1111's clients.
    pub(crate) a1111: Arc<Remembered>,
    /// The sessions of programs that send a password with every request.
    pub(crate) basic: Arc<BasicSessions>,
    /// What was answered, for the metrics.
    pub(crate) traffic: Arc<Traffic>,
    /// When the server started, as seconds since 1970: the `created` of its models.
    pub(crate) started: u64,
}

impl AppState {
    /// Where pictures that everybody may see are delivered from, if everybody may see any.
    pub(crate) fn cdn(&self) -> Option<&Cdn> {
        self.config.cdn.as_ref().filter(|_| !self.platform.social.is_divided())
    }

    /// Opens the store of files.
    pub fn new(engine: Engine, platform: Arc<Platform>, config: ApiConfig) -> io::Result<Self> {
        let files = FileStore::open(config.files.clone())?;
        let started = unix_seconds((config.files.clock)());
        let keeper = Keeper::new(Arc::clone(&platform), config.write_parameters);
        let node = format!("api/{}", Uuid::new_v4().simple()).into();
        let uploads = Arc::new(Semaphore::new(UPLOADS_MAX));
        let (config, services) = (Arc::new(config), Arc::default());
        let (a1111, basic) = (Arc::new(Remembered::hearing(platform.jobs.bus())), Arc::default());
        let traffic = Arc::default();
        Ok(Self { engine, platform, keeper, node, uploads, files, config, services, a1111, basic, traffic, started })
    }

    /// The time, as OpenAI's `created` has it.
    pub(crate) fn now(&self) -> u64 {
        unix_seconds((self.config.files.clock)())
    }
}

pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
