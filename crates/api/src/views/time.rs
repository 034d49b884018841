//! Times, as RFC 3339 in UTC; days as ISO 8601.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat};
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

/// `2026-11-28`.
pub(crate) fn shown_day(day: i64) -> String {
    shown_time(Timestamp::of_day(day))[..10].to_owned()
}

/// A day that somebody wrote, counted from 1970.
pub(crate) fn read_day(field: &str, text: &str) -> Result<i64, ApiError> {
    let epoch = NaiveDate::default();
    let day =
        text.parse::<NaiveDate>().ok().filter(|day| *day >= epoch && epoch.checked_add_days(Days::new(3_000_000)) > Some(*day));
    let day =
        day.ok_or_else(|| ApiError::invalid(field, "invalid_value", format!("`{field}` must be a day such as 2026-11-28")))?;
    Ok(day.signed_duration_since(epoch).num_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_are_read_as_they_are_shown() {
        let time = Timestamp(1_796_031_000_123_456);
        assert_eq!(shown_time(time), "2026-11-30T09:30:00.123456Z");
        assert_eq!(read_time("t", &shown_time(time)).ok(), Some(time));
        assert_eq!(read_time("t", "2026-11-30T10:30:00.123456+01:00").ok(), Some(time));
        assert_eq!(read_day("d", &shown_day(time.day())).ok(), Some(time.day()));
        for bad in ["", "yesterday", "2026-13-01", "1969-12-31", "2026-11-30T09:30:00Z"] {
            assert!(read_day("d", bad).is_err(), "{bad}");
        }
        assert_eq!(shown_time(Timestamp::MAX), "1970-01-01T00:00:00.000000Z");
    }
}
