//! fal's queue. <https://docs.fal.ai/model-apis/model-endpoints/queue>
//!
//! Asynchronous. A model is an app's path (`fal-ai/flux/dev`); its tasks are asked about under the first two parts of it. The addresses in
//! the ticket are not used: they follow from app and id.

use serde_json::{Value, json};

use crate::{
    Accepted, Attempt, Cancelled, Delivery, FailureClass, Field, Fitted, Output, Polled, ProviderError, Submitted, TaskHandle,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// fal's protocol.
pub(crate) struct Fal;

impl Protocol for Fal {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let body = input(wire, fitted).await?;
        let app = match (&fitted.order.task, &fitted.capabilities.edit_model) {
            (easel_types::Task::TextToImage, _) | (_, None) => &fitted.order.model,
            (_, Some(edit)) => edit,
        };
        let path = match &attempt.webhook {
            Some(callback) => format!("{app}?fal_webhook={}", encoded(&callback.url)),
            None => app.clone(),
        };
        let seconds = attempt.time_left.as_secs().max(1).to_string();
        let call = Call::json(path, body, wire.submits()).header("x-fal-request-timeout", &seconds);
        let answer = wire.json(&wire.call(call.shortly(attempt.time_left)).await?)?;
        let task = wire.handle(fitted, attempt, reading::text(wire, &answer, "request_id")?)?;
        Ok(Submitted::Task(TaskHandle { model: app.clone(), ..task }))
    }

    async fn poll(&self, wire: &Wire, task: &TaskHandle) -> Result<Polled, ProviderError> {
        let path = requests(wire, task)?;
        let answer = wire.json(&wire.call(Call::get(format!("{path}/status"), wire.asks())).await?)?;
        match reading::text(wire, &answer, "status")? {
            "IN_QUEUE" | "IN_PROGRESS" => Ok(Polled::Pending(None)),
            "COMPLETED" => {
                let result = wire.json(&wire.call(Call::get(path, wire.asks())).await?)?;
                done(wire, &result).map(Polled::Done)
            }
            _ => Err(wire.garbage("status")),
        }
    }

    async fn cancel(&self, wire: &Wire, task: &TaskHandle) -> Result<Cancelled, ProviderError> {
        let call = Call::get(format!("{}/cancel", requests(wire, task)?), wire.asks()).method(easel_outbound::Method::PUT);
        match wire.call(call).await {
            Ok(_) => Ok(Cancelled::Yes),
            // `ALREADY_COMPLETED`.
            Err(failure) if failure.status == Some(400) => Ok(Cancelled::TooLate),
            Err(failure) => Err(failure),
        }
    }
}

/// Where an app's tasks are: `owner/app`, whatever follows.
fn requests(wire: &Wire, task: &TaskHandle) -> Result<String, ProviderError> {
    let mut parts = task.model.split('/').filter(|part| !part.is_empty());
    let (Some(owner), Some(app)) = (parts.next(), parts.next()) else {
        return Err(wire.failure(FailureClass::Permanent, Accepted::Unknown, "foreign_task"));
    };
    Ok(format!("{owner}/{app}/requests/{}", task.id))
}

async fn input(wire: &Wire, fitted: &Fitted) -> Result<Value, ProviderError> {
    let order = &fitted.order;
    let files = upload::files(wire, &order.task, MaskStyle::White).await?;
    let knows = |field| fitted.capabilities.accepts.contains(&field);
    let mut body = json!({"prompt": order.prompt, "num_images": order.num_images, "output_format": "png"});
    match fitted.ratio {
        Some(ratio) => body["aspect_ratio"] = json!(ratio.to_string()),
        None => body["image_size"] = json!({"width": order.width, "height": order.height}),
    }
    for (name, value) in [
        ("negative_prompt", order.negative_prompt.as_ref().map(|text| json!(text))),
        ("seed", order.seed.map(|seed| json!(seed))),
        ("num_inference_steps", order.num_inference_steps.map(|steps| json!(steps))),
        ("guidance_scale", order.guidance_scale.map(|scale| json!(scale))),
        ("strength", order.strength().filter(|_| knows(Field::Strength)).map(|strength| json!(strength))),
        ("image_url", files.image.as_ref().map(|file| json!(upload::data_url(file)))),
        ("mask_url", files.mask.as_ref().map(|file| json!(upload::data_url(file)))),
    ] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    Ok(body)
}

fn done(wire: &Wire, result: &Value) -> Result<Delivery, ProviderError> {
    let images = match (result.get("images"), result.get("image")) {
        (Some(Value::Array(images)), _) => images.iter().collect(),
        (_, Some(image @ Value::Object(_))) => vec![image],
        _ => return Err(wire.garbage("images")),
    };
    let hidden = |index: usize| {
        let flags = result.get("has_nsfw_concepts").and_then(Value::as_array);
        flags.and_then(|flags| flags.get(index)?.as_bool()) == Some(true)
    };
    let (mut outputs, mut withheld): (Vec<Output>, u32) = (Vec::new(), 0);
    for (index, image) in images.into_iter().enumerate() {
        if hidden(index) {
            // fal sends a black picture in its place.
            withheld += 1;
        } else {
            outputs.push(reading::at(wire, reading::text(wire, image, "url")?)?);
        }
    }
    let mut delivery = reading::delivery(wire, outputs, withheld)?;
    delivery.seed = result.get("seed").and_then(Value::as_u64);
    Ok(delivery)
}

/// As a value of a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
