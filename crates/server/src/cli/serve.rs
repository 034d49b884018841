//! `easel serve`: the HTTP server.

use std::process::ExitCode;

use clap::Args;
use easel_api::{ApiConfig, AppState, Door, FilesConfig};

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Config, Setting},
    error::{Exit, Failure, Result},
    outside, platform,
    runtime::{Options, Runtime},
    serve,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[
        config::models::SETTINGS,
        config::server::SETTINGS,
        config::accounts::SETTINGS,
        config::state::SETTINGS,
        config::outside::SETTINGS,
        config::limits::SETTINGS,
        config::engine::SETTINGS,
    ];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context) -> Result<ExitCode> {
    let config = &context.config;
    check_door(config)?;
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let tokio = tokio.map_err(|error| Failure::io("cannot start", &error))?;
    let mut engine = Runtime::engine_config(config);
    engine.measure = config.engine.measure;
    tokio.block_on(async {
        let runtime = Runtime::start(config, Options { engine, ..Options::default() })?;
        let platform = platform::open(config).await?;
        let outside = outside::open(config, &platform).await?;
        let state = AppState::new(runtime.engine.clone(), platform, api(config))
            .map_err(|error| Failure::io(format!("cannot use the data folder {}", config.storage.data_dir.display()), &error))?
            .with_services(outside.services.clone());
        serve::serve(config, &runtime, easel_api::router(state)).await
    })?;
    // Whatever still runs on a blocking thread is not worth waiting for.
    tokio.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// Others are let in only by accounts.
fn check_door(config: &Config) -> Result<()> {
    if config.accounts.required || config.server.host.is_loopback() {
        return Ok(());
    }
    let message = format!("{} lets other machines in, and nobody would have to log in", config.server.host);
    let hint = "add --auth required (EASEL_AUTH=required), make an administrator with `easel admin create-superuser`, and put a proxy with \
                HTTPS before it; or leave --host at 127.0.0.1";
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

fn api(config: &Config) -> ApiConfig {
    let files = FilesConfig::new(config.storage.data_dir.join("files"));
    let door = if config.accounts.required { Door::Accounts } else { Door::Local { hosts: Vec::new() } };
    ApiConfig {
        door,
        public_url: config.server.public_url.clone(),
        generation_timeout: config.server.generation_timeout,
        write_parameters: config.server.write_parameters,
        ..ApiConfig::new(files)
    }
}
