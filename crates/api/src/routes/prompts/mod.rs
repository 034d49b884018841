//! What helps to write a prompt.

pub(crate) mod build;
pub(crate) mod clear;
pub(crate) mod enhance;
pub(crate) mod forget;
pub(crate) mod history;
pub(crate) mod random;
pub(crate) mod suggest;
pub(crate) mod terms;

use crate::ApiError;

/// Characters of a prompt, as requests to draw have it.
const PROMPT_MAX: usize = 10_000;

/// Refuses a text that no request to draw would take.
fn check_length(field: &str, text: &str) -> Result<(), ApiError> {
    if text.chars().count() <= PROMPT_MAX {
        return Ok(());
    }
    Err(ApiError::invalid(field, "out_of_range", format!("`{field}` must have at most {PROMPT_MAX} characters")))
}

/// A seed that every JSON reader keeps exactly.
fn some_seed() -> u64 {
    rand::random::<u64>() >> 11
}
