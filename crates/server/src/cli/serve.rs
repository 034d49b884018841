//! `easel serve`: the HTTP server.

use std::{process::ExitCode, sync::Arc};

use clap::Args;
use easel_api::{ApiConfig, AppState, Door, FilesConfig};
use easel_imaging::Processor;
use easel_platform::{
    Platform,
    nodes::Myself,
    worker::{Worker, WorkerSettings},
};

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    caretaker,
    config::{self, Config, Setting, server::Role},
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
        config::legal::SETTINGS,
        config::payments::SETTINGS,
        config::quotas::SETTINGS,
        config::safety::SETTINGS,
        config::state::SETTINGS,
        config::outside::SETTINGS,
        config::prompts::SETTINGS,
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
        let opened = platform::open(config, Processor::Auto).await?;
        let outside = outside::open(config, &opened.platform).await?;
        let setup = setup_token(config, &opened.platform).await?;
        let mailer = platform::mailer(config, &opened.platform)?;
        let mut caretaker = caretaker::start(&opened.platform, mailer, opened.clock, config.quotas.retention);
        let myself = myself(config, &opened.platform);
        let name = myself.id.clone();
        caretaker.spawn(caretaker::beat(Arc::clone(&opened.platform), runtime.engine.clone(), myself));
        let state = AppState::new(runtime.engine.clone(), Arc::clone(&opened.platform), api(config))
            .map_err(|error| Failure::io(format!("cannot use the data folder {}", config.storage.data_dir.display()), &error))?
            .with_services(outside.services.clone());
        let role = config.server.role;
        let router = if role == Role::Worker { easel_api::health_router(state) } else { easel_api::router(state) };
        let worker = (role != Role::Serve).then(|| {
            let worker = Worker::new(opened.platform, runtime.engine.clone(), worker(config, name));
            worker.with_fallback(outside.services.fallback.clone())
        });
        serve::serve(config, &runtime, router, worker, setup.as_deref()).await
    })?;
    // Whatever still runs on a blocking thread is not worth waiting for.
    tokio.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// What the first administrator needs, while there is none and people need accounts.
async fn setup_token(config: &Config, platform: &Platform) -> Result<Option<String>> {
    if !config.accounts.required || config.server.role == Role::Worker {
        return Ok(None);
    }
    let administered = platform.accounts.has_administrator().await.map_err(|error| platform::failed(&error))?;
    Ok((!administered).then(|| platform.setup_token()))
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

/// Named anew at each start: what an earlier one had is not this one's.
fn myself(config: &Config, platform: &Platform) -> Myself {
    let host = sysinfo::System::host_name().unwrap_or_else(|| "node".to_owned());
    let role = match config.server.role {
        Role::All => "all",
        Role::Serve => "serve",
        Role::Worker => "worker",
    };
    Myself {
        id: format!("{host}/{}/{:016x}", std::process::id(), rand::random::<u64>()),
        address: std::net::SocketAddr::new(config.server.host, config.server.port).to_string(),
        role,
        version: env!("CARGO_PKG_VERSION"),
        started_at: platform.context.now(),
    }
}

fn worker(config: &Config, name: String) -> WorkerSettings {
    WorkerSettings {
        jobs_max: config.server.jobs_max,
        time_limit: config.server.generation_timeout,
        device_limit: config.quotas.device,
        write_parameters: config.server.write_parameters,
        ..WorkerSettings::new(name)
    }
}

fn api(config: &Config) -> ApiConfig {
    let files = FilesConfig::new(config.storage.data_dir.join("files"));
    let door = if config.accounts.required { Door::Accounts } else { Door::Local { hosts: Vec::new() } };
    ApiConfig {
        door,
        registration: config.accounts.registration,
        public_url: config.server.public_url.clone(),
        cdn: config.server.cdn.clone(),
        features: config.server.features.clone(),
        prefix: config.server.api_prefix.clone(),
        compat_routes: config.server.compat_routes,
        proxies: config.server.proxies.clone(),
        metrics_token: config.server.metrics_token.clone(),
        generation_timeout: config.server.generation_timeout,
        write_parameters: config.server.write_parameters,
        settings: super::config::everything(config),
        ..ApiConfig::new(files)
    }
}
