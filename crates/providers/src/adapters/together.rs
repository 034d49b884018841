//! Together's images. <https://docs.together.ai/reference/post-images-generations>
//!
//! Synchronous; errors are worded as OpenAI's. A picture to start from goes as an address, here a `data:` one.

use serde_json::json;

use crate::{
    Attempt, Fitted, ProviderError, Submitted,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// Together's protocol.
pub(crate) struct Together;

impl Protocol for Together {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let order = &fitted.order;
        let files = upload::files(wire, &order.task, MaskStyle::White).await?;
        let mut body = json!({
            "model": order.model,
            "prompt": order.prompt,
            "n": order.num_images,
            "width": order.width,
            "height": order.height,
            "response_format": "base64",
            "output_format": "png",
        });
        for (name, value) in [
            ("negative_prompt", order.negative_prompt.as_ref().map(|text| json!(text))),
            ("seed", order.seed.map(|seed| json!(seed))),
            ("steps", order.num_inference_steps.or(fitted.capabilities.steps_max).map(|steps| json!(steps))),
            ("guidance_scale", order.guidance_scale.map(|scale| json!(scale))),
            ("image_url", files.image.as_ref().map(|file| json!(upload::data_url(file)))),
        ] {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        let answer = wire.call(Call::json("images/generations", body, wire.submits()).within(attempt.time_left)).await?;
        reading::data_list(wire, &wire.json(&answer)?).map(Submitted::Done)
    }
}
