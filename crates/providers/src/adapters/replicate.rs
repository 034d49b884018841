//! Replicate's predictions. <https://replicate.com/docs/reference/http>
//!
//! Asynchronous. Official models go by their name, others by a version's hash. `Cancel-After` bounds what a task costs that nobody asks
//! about any more. Pictures are addresses that hold for an hour.

use serde_json::{Value, json};

use crate::{
    Accepted, Attempt, Cancelled, Delivery, FailureClass, Fitted, Output, Polled, ProviderError, Submitted, TaskHandle,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// The shortest and longest time that `Cancel-After` knows, in seconds.
const CANCEL_AFTER: (u64, u64) = (5, 24 * 3600);

/// Replicate's protocol.
pub(crate) struct Replicate;

impl Protocol for Replicate {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let model = &fitted.order.model;
        let mut body = json!({"input": input(wire, fitted).await?});
        let path = match &fitted.capabilities.version {
            Some(version) => {
                body["version"] = json!(version);
                "predictions".to_owned()
            }
            None => format!("models/{model}/predictions"),
        };
        if let Some(callback) = &attempt.webhook {
            body["webhook"] = json!(callback.url);
            body["webhook_events_filter"] = json!(["completed"]);
        }
        let seconds = attempt.time_left.as_secs().clamp(CANCEL_AFTER.0, CANCEL_AFTER.1);
        let call = Call::json(path, body, wire.submits()).header("cancel-after", &format!("{seconds}s"));
        let answer = wire.json(&wire.call(call.shortly(attempt.time_left)).await?)?;
        let task = wire.handle(fitted, attempt, reading::text(wire, &answer, "id")?)?;
        // Whatever it says of its state, the handle is what must be kept first.
        Ok(Submitted::Task(task))
    }

    async fn poll(&self, wire: &Wire, task: &TaskHandle) -> Result<Polled, ProviderError> {
        let answer = wire.call(Call::get(format!("predictions/{}", task.id), wire.asks())).await?;
        let answer = wire.json(&answer)?;
        match reading::text(wire, &answer, "status")? {
            "starting" | "processing" => Ok(Polled::Pending(None)),
            "succeeded" => done(wire, answer.get("output")).map(Polled::Done),
            "canceled" | "aborted" => Err(wire.failure(FailureClass::Timeout, Accepted::Yes, "canceled")),
            "failed" => Err(failed(wire, answer.get("error"))),
            _ => Err(wire.garbage("status")),
        }
    }

    async fn cancel(&self, wire: &Wire, task: &TaskHandle) -> Result<Cancelled, ProviderError> {
        let call = Call::json(format!("predictions/{}/cancel", task.id), json!({}), wire.asks());
        let answer = wire.json(&wire.call(call).await?)?;
        Ok(match answer.get("status").and_then(Value::as_str) {
            Some("succeeded" | "failed") => Cancelled::TooLate,
            _ => Cancelled::Yes,
        })
    }
}

async fn input(wire: &Wire, fitted: &Fitted) -> Result<Value, ProviderError> {
    let order = &fitted.order;
    let files = upload::files(wire, &order.task, MaskStyle::White).await?;
    let mut input = json!({"prompt": order.prompt, "output_format": "png"});
    let known = &fitted.capabilities;
    for (name, value) in [
        ("aspect_ratio", fitted.ratio.map(|ratio| json!(ratio.to_string()))),
        ("width", fitted.ratio.is_none().then(|| json!(order.width))),
        ("height", fitted.ratio.is_none().then(|| json!(order.height))),
        ("num_outputs", (known.pictures_max > 1).then(|| json!(order.num_images))),
        ("negative_prompt", order.negative_prompt.as_ref().map(|text| json!(text))),
        ("seed", order.seed.map(|seed| json!(seed))),
        ("num_inference_steps", order.num_inference_steps.map(|steps| json!(steps))),
        ("guidance_scale", order.guidance_scale.map(|scale| json!(scale))),
        ("prompt_strength", order.strength().filter(|_| known.accepts.contains(&crate::Field::Strength)).map(|s| json!(s))),
        (known.image_field.as_deref().unwrap_or("image"), files.image.as_ref().map(|file| json!(upload::data_url(file)))),
        ("mask", files.mask.as_ref().map(|file| json!(upload::data_url(file)))),
    ] {
        if let Some(value) = value {
            input[name] = value;
        }
    }
    Ok(input)
}

/// One address, or a list of them.
fn done(wire: &Wire, output: Option<&Value>) -> Result<Delivery, ProviderError> {
    let address = |value: &Value| reading::at(wire, value.as_str().ok_or_else(|| wire.garbage("output"))?);
    let outputs: Vec<Output> = match output {
        Some(value @ Value::String(_)) => vec![address(value)?],
        Some(Value::Array(items)) => items.iter().map(address).collect::<Result<_, _>>()?,
        _ => return Err(wire.garbage("output")),
    };
    reading::delivery(wire, outputs, 0)
}

/// Why it failed is a sentence; the rules' doing is told by its words, and the sentence itself is dropped.
fn failed(wire: &Wire, error: Option<&Value>) -> ProviderError {
    let text = error.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let forbidden = ["nsfw", "safety", "sensitive", "content policy", "moderat"].iter().any(|word| text.contains(word));
    if forbidden {
        return reading::moderated(wire, "nsfw");
    }
    let class = if text.contains("out of memory") || text.is_empty() { FailureClass::Transient } else { FailureClass::Permanent };
    wire.failure(class, Accepted::Yes, "failed")
}
