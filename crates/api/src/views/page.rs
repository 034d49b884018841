//! A page of a list.

use easel_platform::Page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiError;

/// Rows of a page where nobody says.
const PAGE: i64 = 20;
/// Rows of a page at most.
const PAGE_MAX: i64 = easel_platform::PAGE_MAX;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageView<T> {
    /// The rows.
    data: Vec<T>,
    /// The `cursor` of the next page; null if this is the last.
    next: Option<String>,
}

impl<T> PageView<T> {
    /// Of a page of the rules.
    pub(crate) fn from_page<R>(page: Page<R>) -> Self
    where
        T: From<R>,
    {
        let Page { items, next } = page.map(T::from);
        Self { data: items, next }
    }
}

/// How many rows a client gets that asks for so many.
pub(crate) fn page_size(field: &str, asked: Option<i64>) -> Result<i64, ApiError> {
    match asked.unwrap_or(PAGE) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        _ => Err(ApiError::invalid(field, "out_of_range", format!("`{field}` must be between 1 and {PAGE_MAX}"))),
    }
}
