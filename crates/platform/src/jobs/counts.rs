//! What operators see at `/metrics` of jobs that ended on this node: how many of each kind, and what was used for them. By model, mode, service
//! and plan, never by person or prompt.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use easel_store::{
    Credits,
    jobs::{Job, JobState},
};

use super::Jobs;
use crate::{
    fallback::Away,
    orders::{Order, Work},
};

/// Kinds that are told apart; models beyond are one.
const KINDS_MAX: usize = 1000;
/// What they are called then.
const OTHER: &str = "other";

/// Jobs that ended. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    ended: BTreeMap<Kind, u64>,
    /// Micro-credits by model and plan.
    used: BTreeMap<(String, String), u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    model: String,
    mode: &'static str,
    provider: &'static str,
    outcome: &'static str,
}

impl Counts {
    /// Counts a job that has just ended like this.
    pub(super) fn ended(&self, job: &Job, state: JobState) {
        let served_by = Away::of(job).and_then(|away| away.served_by);
        let kind = Kind {
            model: job.model.clone(),
            mode: mode_of(job),
            provider: served_by.map_or("local", |by| by.kind.name()),
            outcome: state.name(),
        };
        let mut counted = self.held();
        let full = counted.ended.len() >= KINDS_MAX && !counted.ended.contains_key(&kind);
        let kind = if full { Kind { model: OTHER.to_owned(), ..kind } } else { kind };
        *counted.ended.entry(kind).or_default() += 1;
    }

    /// Counts what a job has used.
    pub(super) fn used(&self, model: &str, plan: &str, credits: Credits) {
        let mut counted = self.held();
        let mut place = (model.to_owned(), plan.to_owned());
        if counted.used.len() >= KINDS_MAX && !counted.used.contains_key(&place) {
            OTHER.clone_into(&mut place.0);
        }
        *counted.used.entry(place).or_default() += u64::try_from(credits.0).unwrap_or(0);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.held().write(&mut text);
        text
    }

    /// Numbers are right after whatever panicked with them.
    fn held(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "# HELP generation_requests Jobs that ended.\n# TYPE generation_requests counter")?;
        for (Kind { model, mode, provider, outcome }, count) in &self.ended {
            let model = escaped(model);
            writeln!(
                text,
                "generation_requests_total{{model=\"{model}\",mode=\"{mode}\",provider=\"{provider}\",outcome=\"{outcome}\"}} {count}"
            )?;
        }
        writeln!(text, "# HELP credits_consumed Credits that jobs have used.\n# TYPE credits_consumed counter")?;
        for ((model, plan), micros) in &self.used {
            let credits = *micros as f64 / Credits::UNIT as f64;
            writeln!(text, "credits_consumed_total{{model=\"{}\",plan=\"{}\"}} {credits}", escaped(model), escaped(plan))?;
        }
        Ok(())
    }
}

impl Jobs {
    /// What operators see of jobs that ended on this node, in Prometheus' text format, without the end of the text.
    pub fn metrics(&self) -> String {
        self.counts.text()
    }
}

/// In the words that pictures have for it.
fn mode_of(job: &Job) -> &'static str {
    match Order::from_json(&job.request).map(|order| order.work) {
        Some(Work::Upscale { .. }) => "upscale",
        Some(Work::Draw(drawing)) if drawing.mask.is_some() => "inpaint",
        // What is drawn while its client waits starts from a picture that the order does not name.
        Some(Work::Draw(drawing)) if drawing.start.is_some() || drawing.strength.is_some() => "image_to_image",
        Some(Work::Draw(_)) => "text_to_image",
        None => OTHER,
    }
}

/// As a label's value is written.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_told_in_credits_and_kinds_are_bounded() {
        let counts = Counts::default();
        counts.used("a \"model\"", "pro", Credits(1_500_000));
        counts.used("a \"model\"", "pro", Credits(1_000_000));
        assert!(
            counts.text().contains("credits_consumed_total{model=\"a \\\"model\\\"\",plan=\"pro\"} 2.5\n"),
            "{}",
            counts.text()
        );
        for number in 0..2 * KINDS_MAX {
            counts.used(&number.to_string(), "free", Credits(1_000_000));
        }
        let text = counts.text();
        assert!(text.lines().count() <= KINDS_MAX + 5, "{}", text.lines().count());
        assert!(text.contains("credits_consumed_total{model=\"other\",plan=\"free\"} 1001\n"), "{text}");
    }
}
