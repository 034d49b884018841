//! What operators see of the accounts at `/metrics`, in Prometheus' text format: by account, class and reason, never by user or prompt.

use std::fmt::Write;

use easel_providers::{FailureClass, FallbackReason, LATENCY_BUCKETS, Snapshot};

use super::Fallback;

/// Every state a breaker has, so that each has a line.
const STATES: [&str; 4] = ["closed", "open", "half_open", "locked"];

impl Fallback {
    /// The accounts' numbers, without the end of the text.
    pub fn metrics(&self) -> String {
        written(&self.snapshots())
    }
}

fn written(snapshots: &[Snapshot]) -> String {
    let mut text = String::new();
    if snapshots.is_empty() {
        return text;
    }
    let mut family = |name: &str, kind: &str, help: &str, lines: &mut dyn FnMut(&mut String)| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        lines(&mut text);
    };
    family("provider_circuit", "gauge", "1 for the state a provider's breaker is in.", &mut |text| {
        for snapshot in snapshots {
            for state in STATES {
                let is = u8::from(snapshot.breaker.name() == state);
                let _ = writeln!(text, "provider_circuit{{provider=\"{}\",state=\"{state}\"}} {is}", snapshot.provider);
            }
        }
    });
    family("provider_attempts", "counter", "Attempts elsewhere, by what came of them.", &mut |text| {
        for Snapshot { provider, counts, .. } in snapshots {
            let _ =
                writeln!(text, "provider_attempts_total{{provider=\"{provider}\",outcome=\"succeeded\"}} {}", counts.succeeded);
            for class in FailureClass::ALL {
                let count = counts.failed.get(class).copied().unwrap_or(0);
                let _ = writeln!(text, "provider_attempts_total{{provider=\"{provider}\",outcome=\"{class}\"}} {count}");
            }
        }
    });
    family("provider_fallback", "counter", "Attempts elsewhere, by why they were not made here.", &mut |text| {
        for Snapshot { provider, counts, .. } in snapshots {
            for reason in FallbackReason::ALL {
                let count = counts.fallbacks.get(reason).copied().unwrap_or(0);
                let _ = writeln!(text, "provider_fallback_total{{provider=\"{provider}\",reason=\"{}\"}} {count}", reason.name());
            }
        }
    });
    family("provider_request_duration_seconds", "histogram", "From submission to pictures.", &mut |text| {
        for Snapshot { provider, counts, .. } in snapshots {
            for (end, count) in LATENCY_BUCKETS.iter().zip(counts.latency.buckets) {
                let _ =
                    writeln!(text, "provider_request_duration_seconds_bucket{{provider=\"{provider}\",le=\"{end}\"}} {count}");
            }
            let all = counts.latency.count;
            let _ = writeln!(text, "provider_request_duration_seconds_bucket{{provider=\"{provider}\",le=\"+Inf\"}} {all}");
            let _ = writeln!(text, "provider_request_duration_seconds_sum{{provider=\"{provider}\"}} {}", counts.latency.sum);
            let _ = writeln!(text, "provider_request_duration_seconds_count{{provider=\"{provider}\"}} {all}");
        }
    });
    family("provider_spent_micros", "gauge", "Spent in the period that it is, in millionths of a US dollar.", &mut |text| {
        for Snapshot { provider, day, month, .. } in snapshots {
            for (period, spend) in [("day", day), ("month", month)] {
                let Some(spent) = spend.spent else { continue };
                let _ = writeln!(text, "provider_spent_micros{{provider=\"{provider}\",period=\"{period}\"}} {}", spent.0);
            }
        }
    });
    family("provider_budget_micros", "gauge", "What may be spent in a period, in millionths of a US dollar.", &mut |text| {
        for Snapshot { provider, day, month, .. } in snapshots {
            for (period, spend) in [("day", day), ("month", month)] {
                let _ = writeln!(text, "provider_budget_micros{{provider=\"{provider}\",period=\"{period}\"}} {}", spend.limit.0);
            }
        }
    });
    text
}
