//! `easel bench`: what this machine does.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Setting},
    error::{Failure, Result},
    output,
    runtime::{Options, Runtime},
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

#[derive(Subcommand)]
enum What {
    /// Seconds of a denoising step by rows, and the knee: the fewest rows with 95 % of the highest throughput
    Knee,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::models::SETTINGS];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let What::Knee = arguments.what;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|error| Failure::io("cannot start", &error))?;
    tokio.block_on(async {
        // Measured now, whatever is known from earlier.
        let spinner = super::progress::spinner(context, "measuring");
        let mut engine = Runtime::engine_config(&context.config);
        (engine.measure, engine.curves) = (true, None);
        let runtime = Runtime::start(&context.config, Options { need_model: true, engine, ..Options::default() })?;
        runtime.ready().await?;
        // The device's thread measures before it does anything else, and leaves after it.
        runtime.engine.drain();
        runtime.engine.stopped().await;
        spinner.finish_and_clear();
        let Some(model) = runtime.engine.models().into_iter().next() else { return Ok(ExitCode::SUCCESS) };
        let (cost, knee) = runtime.engine.cost(&model, model.width, model.height);
        let curve = cost.step;
        let device = runtime.engine.status().backend;
        if context.json {
            let points: Vec<_> = curve.points().iter().map(|(rows, s)| json!({"rows": rows, "seconds": s})).collect();
            output::line(json!({
                "model": model.id, "width": model.width, "height": model.height, "knee": knee, "steps": points,
                "device": device.as_ref().map(|d| &d.device), "detail": device.as_ref().map(|d| &d.detail),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        let detail = device.map(|d| format!("{}: {}", d.device, d.detail)).unwrap_or_default();
        output::line(format_args!("{}, {}x{}, on {detail}", model.id, model.width, model.height));
        output::line(format_args!("{:>4}  {:>10}  {:>8}", "ROWS", "STEP", "ROWS/S"));
        let best = curve.points().iter().map(|(rows, _)| curve.throughput(*rows)).fold(0.0, f64::max);
        for (rows, seconds) in curve.points() {
            let throughput = curve.throughput(*rows);
            let bar = "#".repeat((40.0 * throughput / best).round() as usize);
            let mark = if *rows == knee { "  <- knee" } else { "" };
            output::line(format_args!("{rows:>4}  {:>7.1} ms  {throughput:>8.1}  {bar}{mark}", seconds * 1e3));
        }
        Ok(ExitCode::SUCCESS)
    })
}
