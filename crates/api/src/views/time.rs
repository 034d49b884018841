//! Times, as RFC 3339 in UTC.

use chrono::{DateTime, SecondsFormat};
use easel_platform::records::Timestamp;

/// `2026-11-28T09:30:00.123456Z`; a time that no calendar has is the beginning of ours.
pub(crate) fn shown_time(time: Timestamp) -> String {
    DateTime::from_timestamp_micros(time.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
