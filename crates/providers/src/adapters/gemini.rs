//! Gemini's image models. <https://ai.google.dev/gemini-api/docs/image-generation>
//!
//! Synchronous, one picture a call. Success may hold text alone, so every part is looked at; what was blocked says so in one of three places.

use serde_json::{Value, json};

use crate::{
    Attempt, Fitted, Output, ProviderError, Submitted,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// Reasons to end that are the rules' doing.
const BLOCKED: [&str; 8] = [
    "SAFETY",
    "IMAGE_SAFETY",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "BLOCKLIST",
    "RECITATION",
    "IMAGE_RECITATION",
    "NO_IMAGE",
];

/// Gemini's protocol.
pub(crate) struct Gemini;

impl Protocol for Gemini {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let order = &fitted.order;
        let files = upload::files(wire, &order.task, MaskStyle::White).await?;
        let mut parts = vec![json!({"text": order.prompt})];
        if let Some(file) = &files.image {
            parts.push(json!({"inline_data": {"mime_type": "image/png", "data": upload::base64(file)}}));
        }
        let mut config = json!({"responseModalities": ["TEXT", "IMAGE"]});
        if let Some(ratio) = fitted.ratio {
            config["imageConfig"] = json!({"aspectRatio": ratio.to_string()});
            if let Some(size) = &order.quality {
                config["imageConfig"]["imageSize"] = json!(size);
            }
        }
        let body = json!({"contents": [{"parts": parts}], "generationConfig": config});
        let path = format!("models/{}:generateContent", order.model);
        let answer = wire.call(Call::json(path, body, wire.submits()).within(attempt.time_left)).await?;
        read(wire, &wire.json(&answer)?)
    }
}

fn read(wire: &Wire, answer: &Value) -> Result<Submitted, ProviderError> {
    if let Some(reason) = answer.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        return Err(reading::moderated(wire, reason));
    }
    let candidates = answer.get("candidates").and_then(Value::as_array).ok_or_else(|| wire.garbage("no_candidates"))?;
    let parts = candidates.iter().filter_map(|candidate| candidate.pointer("/content/parts")?.as_array()).flatten();
    let pictures = parts.filter_map(|part| {
        // A draft that the model looked at by itself is not the picture.
        let thought = part.get("thought").and_then(Value::as_bool) == Some(true);
        let data = part.pointer("/inlineData/data").or_else(|| part.pointer("/inline_data/data"))?.as_str()?;
        (!thought).then(|| reading::inline(wire, data))
    });
    let outputs: Vec<Output> = pictures.take(1).collect::<Result<_, _>>()?;
    let reason = candidates.iter().find_map(|candidate| candidate.get("finishReason")?.as_str());
    match reason {
        Some(reason) if outputs.is_empty() && BLOCKED.contains(&reason) => Err(reading::moderated(wire, reason)),
        _ => reading::delivery(wire, outputs, 0).map(Submitted::Done),
    }
}
