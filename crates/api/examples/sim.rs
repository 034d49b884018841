//! The whole HTTP side over a toy device: `cargo run -p easel-api --example sim [address]`. For work on pages and clients without a model.

use std::{env, error::Error, path::Path, sync::Arc, time::Duration};

use easel_api::{ApiConfig, AppState, Door, FilesConfig, router};
use easel_blobs::{Blobs, SigningKeys};
use easel_engine::{
    Engine, EngineConfig,
    sim::{SimBackend, SimConfig},
};
use easel_platform::{
    Context, Platform, PlatformSettings,
    plans::Catalogue,
    worker::{Worker, WorkerSettings},
};
use easel_store::{Db, Settings};
use tokio::net::TcpListener;

/// Of a folder that is gone afterwards.
async fn platform(folder: &Path) -> Result<Arc<Platform>, Box<dyn Error>> {
    let db = Db::open(&Settings::new(format!("sqlite:{}", folder.join("easel.db").display()))).await?;
    db.migrate().await?;
    let blobs = Blobs::open(easel_blobs::Settings {
        url: format!("file://{}", folder.join("blobs").display()),
        options: Vec::new(),
        address: None,
        signing_keys: SigningKeys::new(vec![vec![0; 32]])?,
        cdn: None,
    })?;
    let settings = PlatformSettings { secret: vec![0; 32], ..PlatformSettings::default() };
    Ok(Arc::new(Platform::new(Context::system(db), Catalogue::embedded(), blobs, settings)?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7860".to_owned());
    let sim = SimConfig { steps: 20, size: (512, 512), step_delay: Duration::from_millis(100), ..SimConfig::default() };
    let (backend, _) = SimBackend::new(sim);
    let engine = Engine::start(move || Ok(backend), EngineConfig::default());
    let folder = tempfile::tempdir()?;
    let door = Door::Local { hosts: Vec::new() };
    let config = ApiConfig { door, ..ApiConfig::new(FilesConfig::new(folder.path().join("files"))) };
    let platform = platform(folder.path()).await?;
    let worker = Worker::new(Arc::clone(&platform), engine.clone(), WorkerSettings::new("sim"));
    tokio::spawn(async move { worker.run(std::future::pending()).await });
    let state = AppState::new(engine, platform, config)?;
    let listener = TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router(state)).await?;
    Ok(())
}
