//! Stability AI's Stable Image. <https://platform.stability.ai/docs/api-reference>
//!
//! Synchronous, one picture a call, everything as a form. A model is the end of a path: `generate/core`, `generate/sd3` (whose variant is
//! behind a colon: `generate/sd3:sd3.5-large`), `edit/inpaint`. An answer of 200 may say that the picture was filtered.

use easel_outbound::{Form, Format};
use easel_types::Task;
use serde_json::Value;

use crate::{
    Attempt, Fitted, ProviderError, Submitted,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// Stability's protocol.
pub(crate) struct Stability;

impl Protocol for Stability {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let order = &fitted.order;
        let model = match (&order.task, &fitted.capabilities.edit_model) {
            (Task::Inpaint { .. }, Some(edit)) => edit,
            _ => &order.model,
        };
        let (path, variant) = model.split_once(':').map_or((model.as_str(), None), |(path, variant)| (path, Some(variant)));
        let form = form(wire, fitted, variant).await?;
        let call = Call::form(format!("v2beta/stable-image/{path}"), form, wire.submits());
        let answer = wire.call(call.header("accept", "application/json").within(attempt.time_left)).await?;
        let answer = wire.json(&answer)?;
        match answer.get("finish_reason").and_then(Value::as_str) {
            Some("CONTENT_FILTERED") => return Err(reading::moderated(wire, "CONTENT_FILTERED")),
            Some("SUCCESS") | None => {}
            Some(_) => return Err(wire.garbage("finish_reason")),
        }
        let picture = reading::inline(wire, reading::text(wire, &answer, "image")?)?;
        let mut delivery = reading::delivery(wire, vec![picture], 0)?;
        delivery.seed = answer.get("seed").and_then(Value::as_u64);
        Ok(Submitted::Done(delivery))
    }
}

async fn form(wire: &Wire, fitted: &Fitted, variant: Option<&str>) -> Result<Form, ProviderError> {
    let order = &fitted.order;
    let files = upload::files(wire, &order.task, MaskStyle::White).await?;
    let mut form = Form::default().text("prompt", &order.prompt).text("output_format", "png");
    if let Some(variant) = variant {
        form = form.text("model", variant);
    }
    match (&order.task, fitted.ratio) {
        (Task::TextToImage, Some(ratio)) => form = form.text("aspect_ratio", ratio.to_string()),
        (Task::ImageToImage { strength, .. }, _) => {
            form = form.text("mode", "image-to-image").text("strength", strength.clamp(0.0, 1.0).to_string());
        }
        _ => {}
    }
    if let Some(text) = &order.negative_prompt {
        form = form.text("negative_prompt", text);
    }
    if let Some(seed) = order.seed {
        form = form.text("seed", seed.to_string());
    }
    for (name, file) in [("image", files.image), ("mask", files.mask)] {
        if let Some(file) = file {
            form = form.image(name, Format::Png, file);
        }
    }
    Ok(form)
}
