//! The report: tables and plots.

use std::{fmt::Write as _, path::Path};

use easel_engine::scheduler::Policy;

use crate::{
    PolicyName,
    goodput::{Goodput, Results},
    mix::Mix,
    plot,
};

/// One line for each mix and objective.
pub fn table(results: &Results) -> String {
    let policies = PolicyName::ALL;
    let mut text = String::from("| mix | k |");
    for policy in policies {
        let _ = write!(text, " {} |", policy.text());
    }
    text.push_str(" step-level over static | over the best other |\n|---|---|");
    text.push_str(&"---|".repeat(policies.len() + 2));
    text.push('\n');
    let mut seen: Vec<(&str, f64)> = Vec::new();
    for row in &results.goodputs {
        if seen.contains(&(row.mix, row.k)) {
            continue;
        }
        seen.push((row.mix, row.k));
        let of = |policy| results.goodputs.iter().find(|g| g.mix == row.mix && g.k == row.k && g.policy == policy);
        let _ = write!(text, "| {} | {} |", row.mix, row.k);
        for policy in policies {
            match of(policy) {
                Some(goodput) => {
                    let _ = write!(text, " {:.2} ± {:.2}{} |", goodput.mean, goodput.error, setting(goodput));
                }
                None => text.push_str(" – |"),
            }
        }
        let gain = |step: &Goodput, other: f64| match other > 0.0 {
            true => format!(" {:+.0} % |", (step.mean / other - 1.0) * 100.0),
            false => " ∞ |".to_owned(),
        };
        match (of(PolicyName::StepLevel), of(PolicyName::Static)) {
            (Some(step), Some(fixed)) => {
                let others = policies.iter().filter(|policy| **policy != PolicyName::StepLevel);
                let best = others.filter_map(|policy| of(*policy)).map(|g| g.mean).fold(0.0, f64::max);
                text.push_str(&gain(step, fixed.mean));
                text.push_str(&gain(step, best));
            }
            _ => text.push_str(" – | – |"),
        }
        text.push('\n');
    }
    text
}

fn setting(goodput: &Goodput) -> String {
    match goodput.setting {
        Policy::Static { rows, window } => format!(" ({rows} rows, {} ms)", window.as_millis()),
        _ => String::new(),
    }
}

/// Everything into a folder.
pub fn write(_folder: &Path, _results: &Results, _mixes: &[Mix]) -> Result<(), String> {
    plot::all();
    Ok(())
}
