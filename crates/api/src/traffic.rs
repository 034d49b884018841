//! What operators see of HTTP at `/metrics`: requests and how long they took, by method, route and status, and how many people there are.
//!
//! Labels are bounded: a route is its pattern, never a path, and nobody is named. Each node counts what it answers itself.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::Method;

/// Ends of the histogram's buckets, in seconds; close together where answers should be.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];
/// How long somebody counts as here after what they did last.
const ACTIVE_FOR: Duration = Duration::from_secs(300);
/// People after whom those who have gone are forgotten for the first time.
const TIDY_FIRST: usize = 10_000;

/// What was answered, and to whom.
#[derive(Debug)]
pub(crate) struct Traffic {
    answers: Mutex<BTreeMap<Kind, Times>>,
    people: Mutex<People>,
}

/// Answers that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    route: String,
    method: &'static str,
    status: u16,
}

/// How long they took.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    /// So many took no longer than each of [`BUCKETS`].
    within: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

/// When each was here last.
#[derive(Debug)]
struct People {
    last: HashMap<String, Instant>,
    tidy_at: usize,
}

impl People {
    fn tidy(&mut self, now: Instant) {
        self.last.retain(|_, at| now.saturating_duration_since(*at) < ACTIVE_FOR);
        self.tidy_at = (self.last.len() * 2).max(TIDY_FIRST);
    }
}

impl Default for Traffic {
    fn default() -> Self {
        let people = People { last: HashMap::new(), tidy_at: TIDY_FIRST };
        Self { answers: Mutex::default(), people: Mutex::new(people) }
    }
}

impl Traffic {
    /// Counts an answer. `route` is the pattern that fitted.
    pub(crate) fn answered(&self, method: &Method, route: Option<&str>, status: u16, took: Duration) {
        let kind = Kind { route: route.unwrap_or("none").to_owned(), method: named(method), status };
        let seconds = took.as_secs_f64();
        let mut answers = held(&self.answers);
        let times = answers.entry(kind).or_default();
        times.count += 1;
        times.seconds += seconds;
        for (within, end) in times.within.iter_mut().zip(BUCKETS) {
            *within += u64::from(seconds <= end);
        }
    }

    /// Somebody was let in.
    pub(crate) fn seen(&self, user_id: &str, now: Instant) {
        let mut people = held(&self.people);
        if let Some(last) = people.last.get_mut(user_id) {
            *last = now;
            return;
        }
        if people.last.len() >= people.tidy_at {
            people.tidy(now);
        }
        people.last.insert(user_id.to_owned(), now);
    }

    /// The numbers in Prometheus' text format, without the end of the text.
    pub(crate) fn text(&self, now: Instant) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write(&mut text, now);
        text
    }

    fn write(&self, text: &mut String, now: Instant) -> std::fmt::Result {
        let answers = held(&self.answers).clone();
        writeln!(text, "# HELP http_requests Requests that were answered.\n# TYPE http_requests counter")?;
        for (kind, times) in &answers {
            writeln!(text, "http_requests_total{{{}}} {}", kind.labels(), times.count)?;
        }
        writeln!(text, "# HELP http_request_duration_seconds Until the answer began.")?;
        writeln!(text, "# TYPE http_request_duration_seconds histogram")?;
        for (kind, times) in &answers {
            let labels = kind.labels();
            for (end, count) in BUCKETS.iter().zip(times.within) {
                writeln!(text, "http_request_duration_seconds_bucket{{{labels},le=\"{end:?}\"}} {count}")?;
            }
            writeln!(text, "http_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {}", times.count)?;
            writeln!(text, "http_request_duration_seconds_sum{{{labels}}} {}", times.seconds)?;
            writeln!(text, "http_request_duration_seconds_count{{{labels}}} {}", times.count)?;
        }
        let active = {
            let mut people = held(&self.people);
            people.tidy(now);
            people.last.len()
        };
        writeln!(text, "# HELP active_users People who were here within five minutes.\n# TYPE active_users gauge")?;
        writeln!(text, "active_users {active}")
    }
}

impl Kind {
    fn labels(&self) -> String {
        let Self { route, method, status } = self;
        format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"")
    }
}

/// Numbers are right after whatever panicked with them.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients may make up methods.
fn named(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_what_they_were() {
        let traffic = Traffic::default();
        for milliseconds in [4, 30, 700_000] {
            traffic.answered(&Method::GET, Some("/api/v1/jobs/{id}"), 200, Duration::from_millis(milliseconds));
        }
        traffic.answered(&Method::GET, Some("/api/v1/jobs/{id}"), 404, Duration::ZERO);
        traffic.answered(&Method::from_bytes(b"BREW").unwrap(), None, 405, Duration::ZERO);
        let text = traffic.text(Instant::now());
        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        let job = "method=\"GET\",route=\"/api/v1/jobs/{id}\",status=\"200\"";
        has(&format!("http_requests_total{{{job}}} 3"));
        has("http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{id}\",status=\"404\"} 1");
        has("http_requests_total{method=\"OTHER\",route=\"none\",status=\"405\"} 1");
        for (end, count) in [("0.005", 1), ("0.025", 1), ("0.05", 2), ("1.0", 2), ("600.0", 2), ("+Inf", 3)] {
            has(&format!("http_request_duration_seconds_bucket{{{job},le=\"{end}\"}} {count}"));
        }
        has(&format!("http_request_duration_seconds_count{{{job}}} 3"));
        has("active_users 0");
    }

    #[test]
    fn people_count_once_and_for_five_minutes() {
        let (traffic, start) = (Traffic::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        for (who, at) in [("ada", 0), ("grace", 0), ("ada", 200)] {
            traffic.seen(who, after(at));
        }
        let active = |at| traffic.text(after(at)).lines().next_back().map(str::to_owned);
        assert_eq!(active(250).as_deref(), Some("active_users 2"));
        assert_eq!(active(400).as_deref(), Some("active_users 1"));
        assert_eq!(active(501).as_deref(), Some("active_users 0"));
        for number in 0..TIDY_FIRST + 1 {
            traffic.seen(&number.to_string(), after(1000 + u64::from(number == TIDY_FIRST) * 400));
        }
        assert_eq!(held(&traffic.people).last.len(), 1, "who has gone is forgotten, whether or not anybody asks");
    }
}
