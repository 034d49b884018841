//! Times, as RFC 3339 in UTC.

use chrono::{DateTime, SecondsFormat};
use easel_platform::records::Timestamp;

use crate::ApiError;

/// `2026-11-28T09:30:00.123456Z`; a time that no calendar has is the beginning of ours.
pub(crate) fn shown_time(time: Timestamp) -> String {
    DateTime::from_timestamp_micros(time.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A time that somebody wrote.
pub(crate) fn read_time(field: &str, text: &str) -> Result<Timestamp, ApiError> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        let message = format!("`{field}` must be a time such as 2026-11-28T09:30:00Z");
        ApiError::invalid(field, "invalid_value", message)
    })?;
    Ok(Timestamp(time.timestamp_micros()))
}
