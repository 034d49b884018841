//! OpenAI's Images API, and any server that speaks it. <https://platform.openai.com/docs/api-reference/images>
//!
//! Synchronous. gpt-image always answers in base64 and refuses `response_format`; DALL·E and other servers are asked for base64. In a mask
//! what is transparent is drawn anew. `Idempotency-Key` is sent everywhere and trusted only where the operator says that it is honoured.

use easel_outbound::{Form, Format};
use easel_types::Task;
use serde_json::{Value, json};

use crate::{
    Attempt, Fitted, Order, ProviderError, Recovery, Submitted,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// OpenAI's protocol.
pub(crate) struct Openai {
    /// Another server than OpenAI's own: it knows seeds and steps, and answers in base64 if asked to.
    pub compatible: bool,
    /// The server gives the same answer for the same `Idempotency-Key`.
    pub idempotent: bool,
}

impl Protocol for Openai {
    fn recovery(&self) -> Recovery {
        if self.idempotent { Recovery::SendAgain } else { Recovery::GiveUp }
    }

    async fn submit(&self, wire: &Wire, order: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let call = match order.order.task {
            Task::TextToImage => Call::json("images/generations", self.generation(order), wire.submits()),
            _ => Call::form("images/edits", self.edit(wire, order).await?, wire.submits()),
        };
        let call = call.header("idempotency-key", attempt.key.as_str()).within(attempt.time_left);
        let answer = wire.call(call).await?;
        reading::data_list(wire, &wire.json(&answer)?).map(Submitted::Done)
    }
}

impl Openai {
    fn base64_on_request(&self, model: &str) -> bool {
        self.compatible || model.starts_with("dall-e")
    }

    fn generation(&self, fitted: &Fitted) -> Value {
        let order = &fitted.order;
        let mut body = json!({
            "model": order.model,
            "prompt": order.prompt,
            "n": order.num_images,
            "size": format!("{}x{}", order.width, order.height),
        });
        if let Some(quality) = &order.quality {
            body["quality"] = json!(quality);
        }
        if self.base64_on_request(&order.model) {
            body["response_format"] = json!("b64_json");
        }
        for (name, value) in extras(order) {
            body[name] = value;
        }
        body
    }

    async fn edit(&self, wire: &Wire, fitted: &Fitted) -> Result<Form, ProviderError> {
        let order = &fitted.order;
        let files = upload::files(wire, &order.task, MaskStyle::Transparent).await?;
        let mut form = Form::default()
            .text("model", &order.model)
            .text("prompt", &order.prompt)
            .text("n", order.num_images.to_string())
            .text("size", format!("{}x{}", order.width, order.height));
        if let Some(quality) = &order.quality {
            form = form.text("quality", quality);
        }
        if self.base64_on_request(&order.model) {
            form = form.text("response_format", "b64_json");
        }
        for (name, value) in extras(order) {
            form = form.text(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        for (name, file) in [("image", files.image), ("mask", files.mask)] {
            if let Some(file) = file {
                form = form.image(name, Format::Png, file);
            }
        }
        Ok(form)
    }
}

/// Fields that only other servers know. For OpenAI's own models they were dropped: its catalogue cannot name them.
fn extras(order: &Order) -> impl Iterator<Item = (&'static str, Value)> + use<> {
    let fields = [
        ("negative_prompt", order.negative_prompt.as_ref().map(|text| json!(text))),
        ("seed", order.seed.map(|seed| json!(seed))),
        ("num_inference_steps", order.num_inference_steps.map(|steps| json!(steps))),
        ("guidance_scale", order.guidance_scale.map(|scale| json!(scale))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
