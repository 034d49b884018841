//! Where the next page begins: opaque to clients, and of no use for anything else.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use easel_platform::records::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::ApiError;

/// Rows of a page where nobody says.
pub(crate) const PAGE: i64 = 20;
/// Rows of a page at most.
pub(crate) const PAGE_MAX: i64 = 100;

/// The last row of the page before, by time and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) Timestamp, pub(crate) String);

impl Cursor {
    /// As rules take it.
    pub(crate) fn as_place(&self) -> (Timestamp, &str) {
        (self.0, &self.1)
    }

    /// As clients get it.
    pub(crate) fn shown(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}.{}", self.0.0, self.1))
    }
}

impl FromStr for Cursor {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let read = bytes.and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            let (time, name) = text.split_once('.')?;
            let plain =
                !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            plain.then_some(Self(Timestamp(time.parse().ok()?), name.to_owned()))
        });
        read.ok_or_else(|| ApiError::invalid("cursor", "invalid_value", "`cursor` must be the `next` of an earlier page"))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("`cursor` must be the `next` of an earlier page"))
    }
}

/// How many rows a client gets that asks for so many.
pub(crate) fn page_size(field: &str, asked: Option<i64>) -> Result<i64, ApiError> {
    match asked.unwrap_or(PAGE) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        _ => Err(ApiError::invalid(field, "out_of_range", format!("`{field}` must be between 1 and {PAGE_MAX}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_shown_and_nothing_else_is_one() {
        let cursor = Cursor(Timestamp(1_796_031_000_123_456), "01890a5d-ac96-774b-bcce-b302099a8057".to_owned());
        assert_eq!(cursor.shown().parse::<Cursor>(), Ok(cursor));
        for bad in ["", "x", "MQ", &BASE64_URL_SAFE_NO_PAD.encode("1."), &BASE64_URL_SAFE_NO_PAD.encode("1.a'b")] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
