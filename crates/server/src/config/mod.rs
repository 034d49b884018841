//! The configuration: command line over environment over `easel.toml` over defaults, each value with where it came from.
//!
//! A [`Setting`] is one constant in its section's file; flag, variable, key, default and help all come from it, so they cannot disagree.
//! To add one, write the constant, name it in the section's list and read it in the section's `read`.
//!
//! Why no library: figment was the candidate (layers, and metadata of where a value came from). Its last release builds on an older `toml`
//! parser than the one in this workspace, it guesses types of environment variables (`EASEL_MODEL=007` would be a number), and it
//! knows neither lines of a file nor keys nobody asked for. What is left of the job is [`values`] and [`mod@file`], about 200 lines.

pub mod accounts;
pub mod engine;
mod error;
pub mod file;
pub mod generate;
pub mod hub;
pub mod legal;
pub mod limits;
pub mod log;
pub mod models;
pub mod outside;
pub mod payments;
pub mod prompts;
pub mod quotas;
pub mod safety;
pub mod server;
pub mod setting;
pub mod state;
pub mod storage;
pub mod values;

use std::collections::BTreeMap;

use easel_api::Feature;

pub use accounts::Accounts;
pub use engine::Engine;
pub use error::ConfigError;
pub use generate::Generate;
pub use hub::Hub;
pub use limits::Limits;
pub use log::Log;
pub use models::Models;
pub use outside::Outside;
pub use payments::Payments;
pub use prompts::Prompts;
pub use quotas::Quotas;
pub use safety::Safety;
pub use server::Server;
pub use setting::{Fallback, Setting};
pub use state::State;
pub use storage::Storage;
pub use values::Values;

/// Every section's settings, in the order they are shown.
pub const SECTIONS: &[&[&Setting]] = &[
    storage::SETTINGS,
    state::SETTINGS,
    models::SETTINGS,
    log::SETTINGS,
    hub::SETTINGS,
    server::SETTINGS,
    accounts::SETTINGS,
    legal::SETTINGS,
    payments::SETTINGS,
    quotas::SETTINGS,
    safety::SETTINGS,
    outside::SETTINGS,
    prompts::SETTINGS,
    limits::SETTINGS,
    engine::SETTINGS,
    generate::SETTINGS,
];

/// Every setting.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().copied().flatten().copied()
}

/// What was given on the command line, by key.
pub type Flags = BTreeMap<&'static str, String>;

/// The environment, so that tests need not change the process's own.
pub type Environment = BTreeMap<String, String>;

/// Every setting's effective value.
#[derive(Debug)]
pub struct Config {
    /// Where things are kept.
    pub storage: Storage,
    /// Where people, jobs and pictures are kept.
    pub state: State,
    /// What is logged.
    pub log: Log,
    /// Device and models.
    pub models: Models,
    /// Downloads.
    pub hub: Hub,
    /// The HTTP server.
    pub server: Server,
    /// Who gets in.
    pub accounts: Accounts,
    /// What they agree to.
    pub legal: easel_platform::accounts::Legal,
    /// Who takes the money.
    pub payments: Payments,
    /// How much one person may have, and how long things are kept.
    pub quotas: Quotas,
    /// What is not drawn.
    pub safety: Safety,
    /// What leads out of the server.
    pub outside: Outside,
    /// What helps to write a prompt.
    pub prompts: Prompts,
    /// How many requests somebody may make, and what nodes share.
    pub limits: Limits,
    /// How the engine shares the devices.
    pub engine: Engine,
    /// Defaults of `easel generate`.
    pub generate: Generate,
    /// The values as written, with their origins.
    pub values: Values,
}

impl Config {
    /// Reads every layer. `file` is the configuration file named on the command line.
    pub fn load(flags: Flags, file: Option<&str>, environment: &Environment) -> Result<Self, ConfigError> {
        let values = Values::collect(flags, file, environment)?;
        let (server, mut accounts) = (Server::read(&values)?, Accounts::read(&values)?);
        accounts.registration &= server.features.has(Feature::Registration);
        // What is not offered is read all the same: what is wrong with it is no less wrong.
        let payments = Payments::read(&values)?;
        let payments = if server.features.has(Feature::Payments) { payments } else { Payments::Off };
        Ok(Self {
            storage: Storage::read(&values)?,
            state: State::read(&values)?,
            log: Log::read(&values)?,
            models: Models::read(&values)?,
            hub: Hub::read(&values)?,
            server,
            accounts,
            legal: legal::read(&values)?,
            payments,
            quotas: Quotas::read(&values)?,
            safety: Safety::read(&values)?,
            outside: Outside::read(&values)?,
            prompts: Prompts::read(&values)?,
            limits: Limits::read(&values)?,
            engine: Engine::read(&values)?,
            generate: Generate::read(&values)?,
            values,
        })
    }
}

/// The process's environment; variables that are not UTF-8 are none of ours.
pub fn environment() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
