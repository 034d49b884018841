//! `easel doctor`: what works here, what does not, and what to do about it. Exit code 1 if anything that is needed does not work.

use std::{fs, net::TcpListener, path::Path, process::ExitCode};

use clap::Args;
use easel_models::{Device, DeviceError};
use serde::Serialize;
use serde_json::json;

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    builtin,
    config::{self, Config, Setting},
    error::{Exit, Failure, Result},
    external, library, output,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] =
        &[config::models::SETTINGS, config::server::SETTINGS, config::outside::SETTINGS];
    const HEADING: &'static str = "Settings";
}

const GIB: u64 = 1 << 30;

/// Free space a model of the SD 1.5 family needs to be downloaded.
const DISK_MIN: u64 = 5 * GIB;

/// Free memory below which not even a small model works reliably.
const MEMORY_MIN: u64 = GIB;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Works.
    Ok,
    /// Does not work, and nothing here needs it.
    Skip,
    /// Does not work, and is needed.
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    next_step: Option<String>,
}

impl Check {
    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self { name, status, message: message.into(), next_step: None }
    }

    fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }
}

pub fn run(context: &Context) -> Result<ExitCode> {
    let checks = all(&context.config);
    let ok = checks.iter().all(|check| check.status != Status::Fail);
    if context.json {
        output::line(json!({ "ok": ok, "version": env!("CARGO_PKG_VERSION"), "checks": checks }));
    } else {
        checks.iter().for_each(print);
    }
    Ok(if ok { ExitCode::SUCCESS } else { Exit::Failure.into() })
}

fn print(check: &Check) {
    let mark = match check.status {
        Status::Ok => '✓',
        Status::Skip => '–',
        Status::Fail => '✗',
    };
    output::line(format_args!("{mark} {:<14} {}", check.name, check.message));
    if let Some(step) = &check.next_step {
        output::line(format_args!("  {:<14} → {step}", ""));
    }
}

fn all(config: &Config) -> Vec<Check> {
    let mut checks = vec![configuration(config)];
    checks.extend(config.models.devices.iter().flat_map(|device| devices(*device)));
    checks.push(memory());
    checks.push(data_folder(&config.storage.data_dir));
    checks.push(disk(&config.storage.data_dir));
    checks.push(models(config));
    checks.extend(left_out(config));
    checks.push(providers(config));
    checks.push(port(config));
    checks
}

fn configuration(config: &Config) -> Check {
    let file = config.values.file.as_ref().map_or_else(|| "no file, defaults".to_owned(), |path| path.display().to_string());
    let unknown: Vec<_> = config.values.unknown_variables.iter().map(|(name, _)| name.as_str()).collect();
    match unknown.is_empty() {
        true => Check::new("configuration", Status::Ok, file),
        false => Check::new("configuration", Status::Fail, format!("{file}; unknown variables: {}", unknown.join(", ")))
            .next("`easel config` lists the variables there are"),
    }
}

/// Every kind of device; only the one that is asked for has to work.
fn devices(wanted: Device) -> Vec<Check> {
    let mut checks: Vec<_> = [("cpu", Device::Cpu), ("cuda", Device::Cuda(0)), ("metal", Device::Metal)]
        .into_iter()
        .filter(|(_, device)| *device != wanted)
        .map(|(name, device)| match device.open() {
            Ok(open) => Check::new(name, Status::Ok, format!("{}: {}", open.device, open.detail)),
            Err(error) => Check::new(name, Status::Skip, reason(&error)),
        })
        .collect();
    checks.push(match wanted.open() {
        Ok(open) => Check::new("device", Status::Ok, format!("{wanted} is {}: {}", open.device, open.detail)),
        Err(error) => Check::new("device", Status::Fail, reason(&error)).next("use --device auto, or what the message says"),
    });
    checks
}

fn reason(error: &DeviceError) -> String {
    match error {
        DeviceError::NotBuilt { feature, .. } => format!("not in this build (cargo feature `{feature}`)"),
        error => error.to_string(),
    }
}

fn memory() -> Check {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let (free, all) = (system.available_memory(), system.total_memory());
    let message = format!("{} free of {}", gib(free), gib(all));
    match free >= MEMORY_MIN {
        true => Check::new("memory", Status::Ok, message),
        false => Check::new("memory", Status::Fail, message).next("close other programs, or use a smaller model"),
    }
}

fn data_folder(folder: &Path) -> Check {
    let written = fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder).map(drop));
    match written {
        Ok(()) => Check::new("data folder", Status::Ok, folder.display().to_string()),
        Err(error) => Check::new("data folder", Status::Fail, format!("cannot write to {}: {error}", folder.display()))
            .next("name another one with --data-dir or EASEL_DATA_DIR"),
    }
}

fn disk(folder: &Path) -> Check {
    // The folder itself may not be there yet.
    let existing = folder.ancestors().find_map(|folder| fs::canonicalize(folder).ok()).unwrap_or_else(|| "/".into());
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let disk = disks
        .iter()
        .filter(|disk| existing.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    match disk.map(|disk| disk.available_space()) {
        None => Check::new("disk", Status::Skip, "the system does not say how much is free"),
        Some(free) if free >= DISK_MIN => Check::new("disk", Status::Ok, format!("{} free", gib(free))),
        Some(free) => Check::new("disk", Status::Fail, format!("{} free; a model takes about {}", gib(free), gib(DISK_MIN)))
            .next("remove models with `easel rm`, or put the data folder on another disk"),
    }
}

fn models(config: &Config) -> Check {
    let step = "download one: easel pull stable-diffusion-v1-5/stable-diffusion-v1-5";
    let failed =
        |failure: Failure| Check::new("models", Status::Fail, failure.message).next(failure.hint.unwrap_or_else(|| step.into()));
    let entries = match library::open(config).and_then(|library| library::entries(&library)) {
        Ok(entries) => entries,
        Err(failure) => return failed(failure),
    };
    if entries.is_empty() {
        let inside = if builtin::is_embedded() { "" } else { " (this build has none inside)" };
        return Check::new("models", Status::Fail, format!("none installed{inside}")).next(step);
    }
    if let Some(Err(failure)) = config.models.model.as_ref().map(|wanted| library::find(&entries, &wanted.0)) {
        return failed(failure);
    }
    let names: Vec<_> = entries.iter().map(|entry| entry.id.0.as_str()).collect();
    Check::new("models", Status::Ok, names.join(", "))
}

/// Checkpoints of other programs that cannot be used: nothing here needs them, and whoever misses one wants to know why.
fn left_out(config: &Config) -> Option<Check> {
    let library = library::open(config).ok()?;
    let mut reasons: Vec<String> = library.unusable().into_iter().map(|file| file.reason).collect();
    let outside = library.list().ok()?.into_iter().filter(|model| model.outside);
    let variant = config.models.variant.as_deref();
    reasons.extend(outside.filter_map(|model| Some(library.open(&model.id, variant).err()?.to_string())));
    let check = || Check::new("left out", Status::Skip, reasons.join("; "));
    (!reasons.is_empty()).then(|| check().next("the others are used as they are; `easel list` shows them"))
}

/// External services are nobody's need; a file that cannot be used is a mistake.
fn providers(config: &Config) -> Check {
    let named = match external::read(config) {
        Ok(Some(named)) => named,
        Ok(None) => return Check::new("providers", Status::Skip, "none: nothing leaves this host"),
        Err(failure) => return Check::new("providers", Status::Fail, failure.message).next("see docs/providers.md"),
    };
    let environment = config::environment();
    let missing: Vec<_> = named.missing(&environment).collect();
    match named.wrong() {
        Some(wrong) => Check::new("providers", Status::Fail, wrong).next("see docs/providers.md"),
        None if !missing.is_empty() => {
            let message = format!("these variables are not set: {}", missing.join(", "));
            Check::new("providers", Status::Fail, message).next("set them, or keep the keys with `easel secrets set`")
        }
        None => Check::new("providers", Status::Ok, named.summary()),
    }
}

fn port(config: &Config) -> Check {
    let address = (config.server.host, config.server.port);
    match TcpListener::bind(address) {
        Ok(_) => Check::new("port", Status::Ok, format!("{}:{} is free", address.0, address.1)),
        Err(error) => Check::new("port", Status::Fail, format!("{}:{}: {error}", address.0, address.1))
            .next("if that is Easel itself, all is well; else choose another --port, or 0 for a free one"),
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / GIB as f64)
}
