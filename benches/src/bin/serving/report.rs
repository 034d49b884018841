//! The report: a table, plots, and what they mean.

use std::{fmt::Write as _, fs, path::Path};

use easel_engine::scheduler::Policy;

use crate::{
    PolicyName,
    goodput::{Goodput, Results},
    mix, plot,
};

/// One line for each mix and objective.
pub fn table(results: &Results) -> String {
    let mut text = String::from("| mix | k |");
    for policy in PolicyName::ALL {
        let _ = write!(text, " {} |", policy.text());
    }
    text.push_str(" step-level over static | over the best other |\n|---|---|---|---|---|---|---|---|\n");
    for mix in results.mixes() {
        for k in results.objectives() {
            let of = |policy| results.find(&mix, k, policy);
            let _ = write!(text, "| {mix} | {k} |");
            for policy in PolicyName::ALL {
                let _ = match of(policy) {
                    Some(goodput) => write!(text, " {:.2} ± {:.2}{} |", goodput.mean, goodput.error, setting(goodput)),
                    None => write!(text, " – |"),
                };
            }
            for other in [results.gain_over_static(&mix, k), results.gain_over_others(&mix, k)] {
                let _ = match other {
                    Some(gain) => write!(text, " {:+.0} % |", gain * 100.0),
                    None => write!(text, " – |"),
                };
            }
            text.push('\n');
        }
    }
    text
}

fn setting(goodput: &Goodput) -> String {
    match goodput.setting {
        Policy::Static { rows, window } => format!(" ({rows} rows, {} ms)", window.as_millis()),
        _ => String::new(),
    }
}

/// Whether step-level batching is as good as it should be, in words.
pub fn verdict(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for mix in results.mixes() {
        for k in results.objectives() {
            let (Some(fixed), Some(others)) = (results.gain_over_static(&mix, k), results.gain_over_others(&mix, k)) else {
                continue;
            };
            let varied = mix::all().iter().any(|known| known.name == mix && known.heterogeneous());
            let good = if varied { others > 0.0 && fixed >= 0.3 } else { others >= -0.02 };
            if !good {
                lines.push(format!(
                    "{mix}, k = {k}: {:+.1} % over static batches, {:+.1} % over the best other",
                    fixed * 100.0,
                    others * 100.0
                ));
            }
        }
    }
    lines
}

const SIMULATED: &str = "\
**Simulated, not measured.** The scheduler is the one the server runs; the device is a table of times (`benches/data/h200.toml`), derived from
the arithmetic of the models and the speeds aimed at, with the derivation beside the numbers. What is modelled: the time of a step by rows,
preparing, decoding, loading. What is not: noise in these times, the scheduler's own time (microseconds), HTTP, encoding of pictures.";

const MEASURED: &str = "\
**Measured, in real time.** The engine the server runs, over the built-in model on the processor, which has no more to give once a few rows fill
it: what larger batches gain is little here, what they cost the others is not. What is not in it: HTTP, encoding of pictures. Real time is noisy;
neighbours on the machine disturb it.";

const SHARES: &str = "\
![In-time share over the rate]({name}-shares.svg)

The second plot is for k = {k}; the red line is 95 %. ";

const TUNED: &str = " This is done in virtual
  time, on the costs that the engine has learnt here; so are the rates at which each search begins.";

/// The page and its plots: `serving.md`, or `serving-builtin.md` for the built-in model.
pub fn write(folder: &Path, results: &Results, date: &str) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let (name, option, how) = match results.simulated {
        true => ("serving", "sim", SIMULATED),
        false => ("serving-builtin", "builtin", MEASURED),
    };
    plot::goodputs(results, &folder.join(format!("{name}-goodput.svg"))).map_err(|error| error.to_string())?;
    let objectives = results.objectives();
    let k = objectives.iter().copied().find(|k| *k == 3.0).or(objectives.first().copied()).unwrap_or(3.0);
    let swept = results.goodputs.iter().any(|goodput| !goodput.shares.is_empty());
    if swept {
        plot::shares(results, k, &folder.join(format!("{name}-shares.svg"))).map_err(|error| error.to_string())?;
    }
    let driven = results.mixes();
    let known = mix::all().into_iter().filter(|mix| driven.iter().any(|name| name == mix.name));
    let mixes: String = known.map(|mix| format!("- `{}`: {}\n", mix.name, mix.text)).collect();
    let missed = verdict(results);
    let verdict = match missed.is_empty() {
        true => "It holds for every mix and objective below.".to_owned(),
        false => format!("It does not hold for:\n\n- {}", missed.join("\n- ")),
    };
    let text = TEXT
        .replace("{shares}", if swept { SHARES } else { "" })
        .replace("{swept}", if swept { " --shares" } else { "" })
        .replace("{tuned}", if results.simulated { "" } else { TUNED })
        .replace("{how}", how)
        .replace("{name}", name)
        .replace("{option}", option)
        .replace("{objectives}", &objectives.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        .replace("{share}", &results.precision.to_string())
        .replace("{precision}", &format!("{:.1}", results.precision * 100.0))
        .replace("{date}", date)
        .replace("{target}", &results.target)
        .replace("{requests}", &results.requests.to_string())
        .replace("{seeds}", &results.seeds.to_string())
        .replace("{arrivals}", &results.arrivals)
        .replace("{mixes}", mixes.trim_end())
        .replace("{verdict}", &verdict)
        .replace("{table}", table(results).trim_end())
        .replace("{k}", &k.to_string());
    fs::write(folder.join(format!("{name}.md")), text).map_err(|error| error.to_string())
}

const TEXT: &str = include_str!("report.md");
