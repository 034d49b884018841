//! Pages of lists: a page goes on after the last row of the one before it, by what the list is ordered by and the row's name.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::PlatformError;

/// No page has more.
pub const PAGE_MAX: i64 = 100;

/// Some rows of a list, and where the next ones are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Of the rows of a query for one more than `limit`.
    pub(crate) fn cut(mut rows: Vec<T>, limit: i64, place: impl Fn(&T) -> Place) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| place(row).to_text()) } else { None };
        Self { items: rows, next }
    }

    /// The same page of something made of the rows.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next: self.next }
    }
}

/// A row's place in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// What the list is ordered by.
    pub(crate) at: i64,
    /// The row's name.
    pub(crate) id: String,
}

impl Place {
    pub(crate) fn new(at: i64, id: &str) -> Self {
        Self { at, id: id.to_owned() }
    }

    fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}~{}", self.at, self.id))
    }

    /// What somebody sends back, if it is one of ours.
    pub(crate) fn parse(text: Option<&str>) -> Result<Option<Self>, PlatformError> {
        let Some(text) = text else { return Ok(None) };
        let parsed = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= 100)?;
            let text = String::from_utf8(bytes).ok()?;
            let (at, id) = text.split_once('~')?;
            let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            Some(Self { at: at.parse().ok()?, id: id.to_owned() }).filter(|_| plain)
        };
        parsed().map(Some).ok_or(PlatformError::Invalid { field: "cursor", problem: "is not one of a page before" })
    }
}

/// From one to a hundred rows.
pub(crate) fn clamped(limit: i64) -> i64 {
    limit.clamp(1, PAGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let place = Place::new(-5, "01890000-0000-7000-8000-000000000001");
        assert_eq!(Place::parse(Some(&place.to_text())).unwrap(), Some(place));
        assert_eq!(Place::parse(None).unwrap(), None);
        for bad in [
            "",
            "x",
            "💥",
            "MX4n",
            &BASE64_URL_SAFE_NO_PAD.encode("1~' OR 1=1"),
            &BASE64_URL_SAFE_NO_PAD.encode("99999999999999999999~a"),
        ] {
            assert_eq!(Place::parse(Some(bad)).unwrap_err().code(), "invalid_value", "{bad}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_more() {
        let page = |rows: Vec<i64>| Page::cut(rows, 2, |&row| Place::new(row, "a"));
        assert_eq!(page(vec![1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(page(vec![1, 2, 3]).next, Some(Place::new(2, "a").to_text()));
    }
}
