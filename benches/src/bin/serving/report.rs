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

/// `serving.md` and its plots.
pub fn write(folder: &Path, results: &Results, date: &str) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    plot::goodputs(results, &folder.join("serving-goodput.svg")).map_err(|error| error.to_string())?;
    let objectives = results.objectives();
    let k = objectives.iter().copied().find(|k| *k == 3.0).or(objectives.first().copied()).unwrap_or(3.0);
    plot::shares(results, k, &folder.join("serving-shares.svg")).map_err(|error| error.to_string())?;
    let mixes: String = mix::all().iter().map(|mix| format!("- `{}`: {}\n", mix.name, mix.text)).collect();
    let missed = verdict(results);
    let verdict = match missed.is_empty() {
        true => "It holds for every mix and objective below.".to_owned(),
        false => format!("It does not hold for:\n\n- {}", missed.join("\n- ")),
    };
    let text = TEXT
        .replace("{date}", date)
        .replace("{target}", &results.target)
        .replace("{requests}", &results.requests.to_string())
        .replace("{seeds}", &results.seeds.to_string())
        .replace("{arrivals}", &results.arrivals)
        .replace("{mixes}", mixes.trim_end())
        .replace("{verdict}", &verdict)
        .replace("{table}", table(results).trim_end())
        .replace("{k}", &k.to_string());
    fs::write(folder.join("serving.md"), text).map_err(|error| error.to_string())
}

const TEXT: &str = include_str!("report.md");
