//! A page of a list.

use easel_platform::Page;
use serde::Serialize;
use utoipa::ToSchema;

use super::Cursor;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageView<T> {
    /// The rows.
    data: Vec<T>,
    /// The `cursor` of the next page; null if this is the last.
    next: Option<String>,
}

impl<T> PageView<T> {
    /// Of rows, of which one more than `limit` was asked for; `place` says where a row is in the list.
    pub(crate) fn of<R>(mut rows: Vec<R>, limit: i64, place: impl Fn(&R) -> Cursor) -> Self
    where
        T: From<R>,
    {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| place(row).shown());
        Self { data: rows.into_iter().map(T::from).collect(), next }
    }

    /// Of a page of the rules.
    pub(crate) fn from_page<R>(page: Page<R>) -> Self
    where
        T: From<R>,
    {
        let Page { items, next } = page.map(T::from);
        Self { data: items, next }
    }
}
