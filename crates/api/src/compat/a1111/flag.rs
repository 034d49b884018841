//! True and false as A1111's clients write them: also as 1 and 0.

use serde_json::Value;

use crate::{ApiError, compat::fields::Fields};

/// A flag, which may be a number.
pub fn flag(fields: &Fields, name: &'static str) -> Result<Option<bool>, ApiError> {
    match fields.0.get(name).and_then(Value::as_f64) {
        Some(number) => Ok(Some(number != 0.0)),
        None => fields.boolean(&[name]),
    }
}
