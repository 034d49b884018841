//! Reading a JSON object the way liberal servers do: explicit nulls are absent, numbers may be strings, unknown fields are ignored, and
//! every complaint names its field.
//!
//! A field may have several spellings; the first that is there counts.

use serde_json::{Map, Value};

use crate::ApiError;

/// Characters of a wrong value that are shown in a message.
const SHOWN_MAX: usize = 40;

/// A JSON object on its way to becoming a request.
#[derive(Debug)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// A string.
    pub fn text(&self, spellings: &[&'static str]) -> Result<Option<String>, ApiError> {
        match self.find(spellings) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text.clone())),
            Some((name, other)) => Err(wrong(name, "a string", other)),
        }
    }

    /// A whole number that fits into 64 bits with or without a sign.
    pub fn integer(&self, spellings: &[&'static str]) -> Result<Option<i128>, ApiError> {
        let Some((name, value)) = self.find(spellings) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => {
                let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
                whole.or_else(|| number.as_f64().and_then(whole_number))
            }
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| wrong(name, "an integer", value))
    }

    /// A whole number of a field that has its own bounds elsewhere, but has to fit into 32 bits to get there.
    pub fn small(&self, spellings: &[&'static str]) -> Result<Option<u32>, ApiError> {
        let Some(number) = self.integer(spellings)? else { return Ok(None) };
        let name = self.find(spellings).map_or("", |(name, _)| name);
        let fits = u32::try_from(number);
        fits.map(Some).map_err(|_| out_of_range(name, "a positive integer of reasonable size", number))
    }

    /// A finite number.
    pub fn number(&self, spellings: &[&'static str]) -> Result<Option<f64>, ApiError> {
        let Some((name, value)) = self.find(spellings) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).map(Some).ok_or_else(|| wrong(name, "a number", value))
    }

    /// True or false.
    pub fn boolean(&self, spellings: &[&'static str]) -> Result<Option<bool>, ApiError> {
        match self.find(spellings) {
            None => Ok(None),
            Some((_, Value::Bool(value))) => Ok(Some(*value)),
            Some((_, Value::String(text))) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some((_, Value::String(text))) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some((name, other)) => Err(wrong(name, "true or false", other)),
        }
    }

    /// A list of strings.
    pub fn texts(&self, spellings: &[&'static str]) -> Result<Vec<String>, ApiError> {
        let Some((name, value)) = self.find(spellings) else { return Ok(Vec::new()) };
        let texts = value.as_array().and_then(|all| all.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        texts.ok_or_else(|| wrong(name, "a list of strings", value))
    }

    /// A list of objects; as JSON in a string where the body is a form, which has nothing but strings.
    pub fn objects(&self, spellings: &[&'static str]) -> Result<Vec<Fields>, ApiError> {
        let Some((name, value)) = self.find(spellings) else { return Ok(Vec::new()) };
        let inside = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        let value = inside.as_ref().unwrap_or(value);
        let objects = value.as_array().and_then(|all| all.iter().map(|item| item.as_object().cloned().map(Fields)).collect());
        objects.ok_or_else(|| wrong(name, "a list of objects", value))
    }

    /// The first spelling that is there and not null.
    fn find(&self, spellings: &[&'static str]) -> Option<(&'static str, &Value)> {
        spellings.iter().find_map(|name| self.0.get(*name).filter(|value| !value.is_null()).map(|value| (*name, value)))
    }
}

/// A value outside its bounds.
pub fn out_of_range(name: &str, expected: &str, got: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(name, "out_of_range", format!("`{name}` must be {expected}, got {}", shorten(&got.to_string())))
}

/// A value that is none of the known ones.
pub fn unknown_value(name: &str, known: &str, got: &str) -> ApiError {
    ApiError::invalid(name, "invalid_value", format!("`{name}` must be one of {known}, got \"{}\"", shorten(got)))
}

fn wrong(name: &str, expected: &str, got: &Value) -> ApiError {
    let got = match got {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        other => shorten(&other.to_string()),
    };
    ApiError::invalid(name, "invalid_type", format!("`{name}` must be {expected}, got {got}"))
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

/// Some clients write 20.0 for 20.
fn whole_number(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e18).then_some(number as i128)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        let Value::Object(object) = value else { panic!("an object") };
        Fields(object)
    }

    #[test]
    fn numbers_come_in_many_forms() {
        for value in [json!(20), json!(20.0), json!("20"), json!(" 20 ")] {
            assert_eq!(fields(json!({"a": value})).integer(&["a"]), Ok(Some(20)));
        }
        assert_eq!(fields(json!({"a": u64::MAX})).integer(&["a"]), Ok(Some(i128::from(u64::MAX))));
        for value in [json!(20.5), json!("x"), json!(""), json!([1]), json!(true), json!(1e300)] {
            let error = fields(json!({"a": value})).integer(&["a"]).unwrap_err();
            assert_eq!(error.code(), "invalid_type");
        }
        assert_eq!(fields(json!({"a": "7.5"})).number(&["a"]), Ok(Some(7.5)));
        for text in ["NaN", "inf", "1e999"] {
            assert!(fields(json!({"a": text})).number(&["a"]).is_err(), "{text}");
        }
        assert!(fields(json!({"a": 5_000_000_000_u64})).small(&["a"]).is_err());
        assert!(fields(json!({"a": -1})).small(&["a"]).is_err());
    }

    #[test]
    fn lists_have_objects_alone() {
        let fields = fields(json!({"a": [{"b": 1}, {}], "c": [1], "d": {"b": 1}, "e": []}));
        let read = fields.objects(&["a"]).unwrap();
        assert_eq!((read.len(), read[0].integer(&["b"])), (2, Ok(Some(1))));
        assert_eq!((fields.objects(&["e"]).unwrap().len(), fields.objects(&["f"]).unwrap().len()), (0, 0));
        assert!(fields.objects(&["c"]).is_err() && fields.objects(&["d"]).is_err());
        let form = self::fields(json!({"a": "[{\"b\": 1}]", "c": "b"}));
        assert_eq!((form.objects(&["a"]).unwrap().len(), form.objects(&["c"]).is_err()), (1, true));
    }

    #[test]
    fn lists_of_strings_have_nothing_else() {
        let fields = fields(json!({"a": ["x", "y"], "b": ["x", 1], "c": "x", "d": []}));
        assert_eq!(fields.texts(&["a"]), Ok(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!((fields.texts(&["d"]), fields.texts(&["e"])), (Ok(Vec::new()), Ok(Vec::new())));
        assert!(fields.texts(&["b"]).is_err() && fields.texts(&["c"]).is_err());
    }

    #[test]
    fn null_is_absent_and_the_first_spelling_counts() {
        let fields = fields(json!({"a": null, "b": 2, "c": 3}));
        assert_eq!(fields.integer(&["a", "b", "c"]), Ok(Some(2)));
        assert_eq!(fields.text(&["a"]), Ok(None));
    }

    #[test]
    fn long_values_are_not_echoed() {
        let error = fields(json!({"a": "x".repeat(10_000)})).integer(&["a"]).unwrap_err();
        assert!(error.body().to_string().len() < 250);
    }
}
