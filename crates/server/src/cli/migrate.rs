//! `easel migrate`: brings the database's tables up to date. `easel serve` does the same when it starts.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{
    Context, block_on,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Setting},
    error::Result,
    output, platform,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::state::SETTINGS];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context) -> Result<ExitCode> {
    let migrated = block_on(async {
        let db = platform::database(&context.config).await?;
        let migrated = db.migrate().await.map_err(|error| platform::failed(&error.into()))?;
        db.close().await;
        Ok(migrated)
    })?;
    if context.json {
        output::line(json!({ "version": migrated.version, "applied": migrated.applied }));
    } else {
        output::line(format_args!(
            "the tables are those of version {}; {} changes were made",
            migrated.version, migrated.applied
        ));
    }
    Ok(ExitCode::SUCCESS)
}
