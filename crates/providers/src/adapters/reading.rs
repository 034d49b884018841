//! What answers have in common: pictures in base64, lists of them, names of tasks.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::{Accepted, Delivery, FailureClass, Output, ProviderError, wire::Wire};

/// More pictures than anybody asks for in one answer.
const PICTURES_MAX: usize = 64;
/// Addresses longer than this are refused anyway.
const URL_MAX: usize = 8192;

/// With or without the signs that fill it up.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Whether a provider's name for a task can stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    !text.is_empty() && text.len() <= 128 && text.chars().all(fits)
}

/// A picture as base64, bare or as a `data:` address.
pub(crate) fn inline(wire: &Wire, text: &str) -> Result<Output, ProviderError> {
    let text = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,").ok_or_else(|| wire.garbage("bad_data_url"))?.1,
        None => text,
    };
    let bytes = BASE64.decode(text.trim()).map_err(|_| wire.garbage("bad_base64"))?;
    if bytes.is_empty() {
        return Err(wire.garbage("empty_picture"));
    }
    Ok(Output::Inline(bytes.into()))
}

/// A picture by its address; some send the picture itself in place of one.
pub(crate) fn at(wire: &Wire, url: &str) -> Result<Output, ProviderError> {
    if url.starts_with("data:") {
        return inline(wire, url);
    }
    if url.is_empty() || url.len() > URL_MAX {
        return Err(wire.garbage("bad_url"));
    }
    Ok(Output::At(url.to_owned()))
}

/// OpenAI's `data`: each item is `b64_json` or `url`.
pub(crate) fn data_list(wire: &Wire, answer: &Value) -> Result<Delivery, ProviderError> {
    let data = answer.get("data").and_then(Value::as_array).ok_or_else(|| wire.garbage("no_data"))?;
    let output = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        match (text("b64_json"), text("url")) {
            (Some(picture), _) => inline(wire, picture),
            (None, Some(url)) => at(wire, url),
            (None, None) => Err(wire.garbage("no_picture")),
        }
    };
    let outputs = data.iter().take(PICTURES_MAX).map(output).collect::<Result<_, _>>()?;
    delivery(wire, outputs, 0)
}

/// A delivery has a picture at least.
pub(crate) fn delivery(wire: &Wire, outputs: Vec<Output>, withheld: u32) -> Result<Delivery, ProviderError> {
    if outputs.is_empty() {
        return Err(match withheld {
            0 => wire.garbage("no_pictures"),
            _ => moderated(wire, "withheld"),
        });
    }
    Ok(Delivery { outputs, seed: None, withheld })
}

/// The provider's rules forbid it; some have it paid all the same.
pub(crate) fn moderated(wire: &Wire, code: &str) -> ProviderError {
    wire.failure(FailureClass::Moderated, Accepted::Unknown, code)
}

/// A text of an answer.
pub(crate) fn text<'a>(wire: &Wire, answer: &'a Value, name: &str) -> Result<&'a str, ProviderError> {
    answer.get(name).and_then(Value::as_str).ok_or_else(|| wire.garbage("field_missing"))
}
