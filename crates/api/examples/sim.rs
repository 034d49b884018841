//! The whole HTTP side over a toy device: `cargo run -p easel-api --example sim [address]`. For work on pages and clients without a model.

use std::{env, error::Error, time::Duration};

use easel_api::{ApiConfig, AppState, FilesConfig, router};
use easel_engine::{
    Engine, EngineConfig,
    sim::{SimBackend, SimConfig},
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7860".to_owned());
    let sim = SimConfig { steps: 20, size: (512, 512), step_delay: Duration::from_millis(100), ..SimConfig::default() };
    let (backend, _) = SimBackend::new(sim);
    let engine = Engine::start(move || Ok(backend), EngineConfig::default());
    let files = FilesConfig::new(env::temp_dir().join("easel-sim-files"));
    let state = AppState::new(engine, ApiConfig::new(files))?;
    let listener = TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router(state)).await?;
    Ok(())
}
