//! Black Forest Labs' FLUX. <https://docs.bfl.ai>
//!
//! Asynchronous. The answer says where to ask (`polling_url`), because regions differ: it is asked there only if that is one of their hosts,
//! since the key goes along. Pictures hold for ten minutes.

use serde_json::{Value, json};

use crate::{
    Accepted, Attempt, FailureClass, Field, Fitted, Polled, ProviderError, Submitted, TaskHandle,
    adapters::{
        Protocol, reading,
        upload::{self, MaskStyle},
    },
    wire::{Call, Wire},
};

/// Where the key may go.
const HOSTS: [&str; 1] = ["bfl.ai"];

/// Black Forest Labs' protocol.
pub(crate) struct Bfl;

impl Protocol for Bfl {
    async fn submit(&self, wire: &Wire, fitted: &Fitted, attempt: &Attempt) -> Result<Submitted, ProviderError> {
        let order = &fitted.order;
        let mut body = input(wire, fitted).await?;
        if let Some(callback) = &attempt.webhook {
            body["webhook_url"] = json!(callback.url);
            if let Some(secret) = &callback.secret {
                body["webhook_secret"] = json!(secret.expose());
            }
        }
        let path = match (&order.task, &fitted.capabilities.edit_model) {
            (easel_types::Task::Inpaint { .. }, Some(edit)) => edit,
            _ => &order.model,
        };
        let answer = wire.json(&wire.call(Call::json(path, body, wire.submits()).shortly(attempt.time_left)).await?)?;
        let task = wire.handle(fitted, attempt, reading::text(wire, &answer, "id")?)?;
        let poll_url = answer.get("polling_url").and_then(Value::as_str).map(str::to_owned);
        Ok(Submitted::Task(TaskHandle { poll_url, ..task }))
    }

    async fn poll(&self, wire: &Wire, task: &TaskHandle) -> Result<Polled, ProviderError> {
        let call = |path: String| Call::get(path, wire.asks());
        let answer = match &task.poll_url {
            Some(url) => wire.call_at(url, &HOSTS, call(String::new())).await?,
            None => wire.call(call(format!("get_result?id={}", task.id))).await?,
        };
        let answer = wire.json(&answer)?;
        match reading::text(wire, &answer, "status")? {
            "Pending" | "Queued" | "Processing" => Ok(Polled::Pending(share(&answer))),
            "Ready" => {
                let sample = answer.pointer("/result/sample").and_then(Value::as_str).ok_or_else(|| wire.garbage("sample"))?;
                let mut delivery = reading::delivery(wire, vec![reading::at(wire, sample)?], 0)?;
                delivery.seed = answer.pointer("/result/seed").and_then(Value::as_u64);
                Ok(Polled::Done(delivery))
            }
            "Request Moderated" => Err(reading::moderated(wire, "request_moderated")),
            "Content Moderated" => Err(reading::moderated(wire, "content_moderated")),
            "Task not found" => Err(wire.failure(FailureClass::Permanent, Accepted::Unknown, "task_not_found")),
            "Error" => Err(wire.failure(FailureClass::Transient, Accepted::Yes, "failed")),
            _ => Err(wire.garbage("status")),
        }
    }
}

fn share(answer: &Value) -> Option<f32> {
    let share = answer.get("progress")?.as_f64()?;
    (0.0..=1.0).contains(&share).then_some(share as f32)
}

async fn input(wire: &Wire, fitted: &Fitted) -> Result<Value, ProviderError> {
    let order = &fitted.order;
    let files = upload::files(wire, &order.task, MaskStyle::White).await?;
    let knows = |field| fitted.capabilities.accepts.contains(&field);
    let mut body = json!({"prompt": order.prompt, "output_format": "png"});
    let inpaints = files.mask.is_some();
    let image_field = if inpaints { "image" } else { fitted.capabilities.image_field.as_deref().unwrap_or("input_image") };
    for (name, value) in [
        ("aspect_ratio", fitted.ratio.filter(|_| !inpaints).map(|ratio| json!(ratio.to_string()))),
        ("width", (fitted.ratio.is_none() && !inpaints).then(|| json!(order.width))),
        ("height", (fitted.ratio.is_none() && !inpaints).then(|| json!(order.height))),
        ("seed", order.seed.map(|seed| json!(seed))),
        ("steps", order.num_inference_steps.filter(|_| knows(Field::NumInferenceSteps)).map(|steps| json!(steps))),
        ("guidance", order.guidance_scale.filter(|_| knows(Field::GuidanceScale)).map(|scale| json!(scale))),
        (image_field, files.image.as_ref().map(|file| json!(upload::base64(file)))),
        ("mask", files.mask.as_ref().map(|file| json!(upload::base64(file)))),
    ] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    Ok(body)
}
