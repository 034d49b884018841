//! `easel fsck`: whether the books are right and every picture is there. Exit code 1 if something is not.

use std::process::ExitCode;

use clap::Args;
use easel_platform::fsck::{Finding, Fsck};
use serde_json::json;

use super::{
    Context, block_on,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Setting},
    error::{Exit, Result},
    output, platform,
};

#[derive(Args)]
pub struct Arguments {
    /// Put right what can be, by booking or by counting again
    #[arg(long)]
    repair: bool,
    /// Do not look at the pictures' files
    #[arg(long)]
    no_files: bool,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::state::SETTINGS];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let (repaired, report) = block_on(async {
        let platform = platform::open_for_command(&context.config).await?;
        let blobs = (!arguments.no_files).then(|| platform.blobs.clone());
        let fsck = Fsck::new(platform.context.clone(), platform.jobs.clone(), blobs);
        let checked = if arguments.repair { fsck.repair().await } else { fsck.check().await.map(|report| (Vec::new(), report)) };
        checked.map_err(|error| platform::failed(&error))
    })?;
    let clean = report.is_clean();
    if context.json {
        output::line(json!({ "clean": clean, "repaired": repaired, "report": report }));
    } else {
        repaired.iter().for_each(|finding| print("repaired", finding));
        report.findings.iter().for_each(|finding| print("wrong", finding));
        output::line(format_args!(
            "{}: {} accounts, {} transfers, {} jobs, {} pictures, {} files",
            if clean { "all is well" } else { "not all is well" },
            report.accounts,
            report.transfers,
            report.jobs,
            report.images,
            report.files
        ));
    }
    Ok(if clean { ExitCode::SUCCESS } else { Exit::Failure.into() })
}

fn print(word: &str, finding: &Finding) {
    let Finding { invariant, what, subject, expected, found, .. } = finding;
    output::line(format_args!("{word} {invariant}: {what}: {subject}: expected {expected}, found {found}"));
}
