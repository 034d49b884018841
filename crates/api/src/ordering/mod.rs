//! From what somebody asks for to an order that a worker can do: checked whole before anything is set aside for it.
//!
//! The engine's own planner checks every number, so that a job that is taken fails only for what could not be known. Pictures to start from
//! are looked up and not read: their sizes are in the database.

mod body;
mod elsewhere;
mod lora;
mod size;

use axum::http::HeaderMap;
use easel_platform::{
    jobs::{NewJob, Submitted},
    orders::{NO_MODEL, Order, Work},
};
use easel_types::Quality;

use crate::{ApiError, AppState, auth::Caller};

pub(crate) use body::{DrawingBody, Notify, SourceBody};
pub(crate) use elsewhere::{DEFAULT_MODEL, check as check_elsewhere, check_sides, find as find_anywhere, size_elsewhere};
pub(crate) use lora::LoraBody;
pub(crate) use size::Ratio;

/// What makes the same request happen once.
const KEY: &str = "idempotency-key";

/// The key a client sent with its request.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| ApiError::invalid("Idempotency-Key", "invalid_value", "`Idempotency-Key` must be ASCII"))?;
    Ok(Some(text))
}

/// What an order is priced and counted by.
pub(crate) fn measures(order: &Order) -> (&str, Quality, i64) {
    match &order.work {
        Work::Draw(drawing) => (&drawing.model, order.output.quality, i64::from(drawing.count)),
        Work::Upscale { .. } => (NO_MODEL, Quality::Normal, 1),
    }
}

/// How a job is asked for, beside what it is to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// What makes it happen once.
    pub(crate) key: Option<&'a str>,
    /// Where its end is told.
    pub(crate) callback_url: Option<&'a str>,
    /// Its end is told by mail.
    pub(crate) mail_at_end: bool,
    /// What all jobs of its batch share.
    pub(crate) batch_key: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// By the headers alone.
    pub(crate) fn by(headers: &'a HeaderMap) -> Result<Self, ApiError> {
        Ok(Self { key: idempotency_key(headers)?, ..Self::default() })
    }
}

/// Takes a job.
pub(crate) async fn submit(state: &AppState, caller: &Caller, order: &Order, asked: Asked<'_>) -> Result<Submitted, ApiError> {
    let user = &caller.user;
    if let Some(url) = asked.callback_url {
        state.webhooks()?.check_address(url).await?;
    }
    state.platform.desk.grant_periods(user).await?;
    let (model, quality, images) = measures(order);
    let request = order.to_json();
    let new = NewJob {
        user_id: &user.id,
        idempotency_key: asked.key,
        model,
        quality,
        images,
        request: &request,
        key_id: caller.key_id.as_deref(),
        callback_url: asked.callback_url,
        mail_at_end: asked.mail_at_end,
        parent_image: order.parent(),
        batch_key: asked.batch_key,
    };
    let offer = match &state.services.fallback {
        Some(fallback) => {
            let here = state.engine.find_model(Some(&model.into())).is_ok();
            fallback.offer(&user.id, order, here).await?
        }
        None => None,
    };
    Ok(state.platform.jobs.submit_with(new, offer.as_ref()).await?)
}
