//! Google's Imagen by the Gemini API. <https://ai.google.dev/gemini-api/docs/imagen>
//!
//! Synchronous. Pictures that were filtered are simply missing, so fewer may come than were asked for.

use serde_json::{Value, json};

use crate::{
    Attempt, Fitted, Output, ProviderError, Submitted,
    adapters::{Protocol, reading},
    wire::{Call, Wire},
};

/// Imagen's protocol.
pub(crate) struct Imagen;

impl Protocol for Imagen {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let order = &fitted.order;
        let mut parameters = json!({"sampleCount": order.num_images, "personGeneration": "allow_adult"});
        if let Some(ratio) = fitted.ratio {
            parameters["aspectRatio"] = json!(ratio.to_string());
        }
        if let Some(size) = &order.quality {
            parameters["imageSize"] = json!(size);
        }
        let body = json!({"instances": [{"prompt": order.prompt}], "parameters": parameters});
        let path = format!("models/{}:predict", order.model);
        let answer = wire.call(Call::json(path, body, wire.submits()).within(attempt.time_left)).await?;
        read(wire, &wire.json(&answer)?, order.num_images)
    }
}

fn read(wire: &Wire, answer: &Value, asked: u32) -> Result<Submitted, ProviderError> {
    let Some(fields) = answer.as_object() else { return Err(wire.garbage("not_an_object")) };
    let predictions = match fields.get("predictions") {
        Some(Value::Array(predictions)) => predictions.as_slice(),
        // An answer without any is one in which all were filtered.
        None if fields.is_empty() => &[],
        _ => return Err(wire.garbage("no_predictions")),
    };
    let pictures = predictions.iter().filter_map(|prediction| prediction.get("bytesBase64Encoded")?.as_str());
    let outputs: Vec<Output> = pictures.map(|picture| reading::inline(wire, picture)).collect::<Result<_, _>>()?;
    if predictions.iter().any(|item| item.get("bytesBase64Encoded").is_none() && item.get("raiFilteredReason").is_none()) {
        return Err(wire.garbage("no_picture"));
    }
    let withheld = asked.saturating_sub(u32::try_from(outputs.len()).unwrap_or(u32::MAX));
    reading::delivery(wire, outputs, withheld).map(Submitted::Done)
}
