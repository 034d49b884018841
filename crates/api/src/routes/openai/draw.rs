//! What the three routes have in common: a request is drawn while its client waits, paid for, and answered whole or as events.
//!
//! The ticket lives in the handler's future. When the client goes away, the server drops the future, the ticket with it, and the engine
//! stops within one step.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use easel_engine::{Outcome, SubmitError, Terms, Ticket, plan};
use easel_types::ModelId;
use serde_json::{Map, Value};

use super::stream;
use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::openai::{
        request::{ImageRequest, ResponseFormat},
        response::{ImagesResponse, Traits},
    },
    generation::{BaseUrl, Paid, asked_of, hand_over},
    ordering::{DEFAULT_MODEL, find_anywhere},
    outward::{Asked, Foreign, Outward, There, model_of},
    sent::{fitted, fitted_elsewhere, seen},
};

/// How much later than its time limit a request may be answered.
const GRACE: Duration = Duration::from_secs(5);

/// Draws what is asked for, with the address that files are told under.
pub(super) async fn draw(
    state: AppState,
    caller: &Caller,
    base: Result<BaseUrl, ApiError>,
    request: ImageRequest,
) -> Result<Response, ApiError> {
    let mut request = request.in_styles(&state.platform.prompts)?.masked_by(&state.platform.jobs);
    // Before the work is done: a picture nobody can be told the address of is not worth making.
    let base = match request.response_format {
        ResponseFormat::Url if !request.stream => Some(base?),
        _ => None,
    };
    request.generation.controls = seen(&state, &caller.user.id, std::mem::take(&mut request.controls)).await?;
    request.generation = match state.engine.find_model(request.generation.model.as_ref()) {
        Ok(_) => fitted(&state, request.generation).await?,
        Err(_) => fitted_elsewhere(request.generation).await?,
    };
    let order = asked_of(&request, &model_of(&state, &request.generation));
    let outward = Outward::of(&state, caller, order, &request.generation).await?;
    // The engine and whoever else is asked keep the time limit; this one is for those that do not answer at all.
    let timeout = state.config.generation_timeout + GRACE;
    let mut held = None;
    if let Some(outward) = &outward
        && let Some(local) = outward.leaves(&state)?
    {
        let paid = Paid::hold_with(&state, caller, outward.order(), Some(outward.offer())).await?;
        let asked = tokio::time::timeout(timeout, paid.elsewhere(&state, outward, local, std::future::pending()));
        match asked.await.unwrap_or_else(|_| Err(ApiError::timeout()))? {
            Asked::There(there) if request.stream => return Ok(stream::answer_there(&state, &request, there).into_response()),
            Asked::There(there) => return answer_there(&state, &request, base.as_ref(), there).await,
            Asked::Here(paid) => held = Some(*paid),
        }
    }
    let terms = Terms {
        user: Some(caller.user.id.clone()),
        time_limit: Some(state.config.generation_timeout),
        preview_every: preview_every(&state, &request)?,
        ..Terms::default()
    };
    let ticket = state.engine.submit_on(request.generation.clone(), &terms)?;
    let paid = match held {
        Some(paid) => paid,
        None => Paid::hold(&state, caller, &request, &ticket.resolved()[0], outward.as_ref()).await?,
    };
    if request.stream {
        return Ok(stream::answer(state, request, ticket, paid, outward).into_response());
    }
    let answer = tokio::time::timeout(timeout, answer(&state, &request, base.as_ref(), ticket, (paid, outward.as_ref())));
    answer.await.unwrap_or_else(|_| Err(ApiError::timeout()))
}

/// Evaluations between two previews. How many there are depends on sampler, schedule and strength: the planner knows.
fn preview_every(state: &AppState, request: &ImageRequest) -> Result<u32, ApiError> {
    if !request.stream || request.partial_images == 0 {
        return Ok(request.preview_every(0));
    }
    let model = state.engine.find_model(request.generation.model.as_ref())?;
    let planned = plan(&request.generation, &model, state.engine.limits(), 0).map_err(SubmitError::from)?;
    let evaluations = planned.plans.first().map_or(0, |plan| plan.table.rows.len());
    Ok(request.preview_every(u32::try_from(evaluations).unwrap_or(u32::MAX)))
}

async fn answer(
    state: &AppState,
    request: &ImageRequest,
    base: Option<&BaseUrl>,
    ticket: Ticket,
    (mut paid, outward): (Paid, Option<&Outward>),
) -> Result<Response, ApiError> {
    let traits = Traits::new(&ticket.resolved()[0], request.output_format, request.quality);
    let outcome = tokio::select! {
        outcome = ticket.outcome() => outcome,
        stopped = paid.stopped() => return Err(stopped),
    };
    let pictures = match outcome {
        Outcome::Finished(pictures) => pictures,
        Outcome::Failed(error) => {
            let there = paid.after(state, outward, error, std::future::pending()).await?;
            return answer_there(state, request, base, there).await;
        }
        Outcome::Cancelled => return Err(ApiError::internal()),
    };
    let mut data = Vec::with_capacity(pictures.len());
    for delivered in paid.deliver(state, request, pictures).await? {
        let seed = delivered.resolved.seed;
        data.push(hand_over(state, request, base, (delivered.bytes, Some(seed))).await?);
    }
    let (served_by, unit_price) = (None, None);
    let (created, masked) = (state.now(), request.masked.clone());
    Ok(Json(ImagesResponse { created, data, served_by, unit_price, masked, traits }).into_response())
}

/// Of pictures that somebody else has drawn.
async fn answer_there(
    state: &AppState,
    request: &ImageRequest,
    base: Option<&BaseUrl>,
    there: There,
) -> Result<Response, ApiError> {
    let There { pictures, served_by, unit_price } = there;
    let size = pictures.first().map_or((0, 0), |picture| picture.size);
    let traits = Traits::of_size(size, request.output_format, request.quality);
    let mut data = Vec::with_capacity(pictures.len());
    for Foreign { bytes, seed, .. } in pictures {
        data.push(hand_over(state, request, base, (bytes, seed)).await?);
    }
    let unit_price = Some(unit_price);
    let (created, masked) = (state.now(), request.masked.clone());
    Ok(Json(ImagesResponse { created, data, served_by, unit_price, masked, traits }).into_response())
}

/// The model that a body names, if it is not here and somebody else would draw with it. Whether it is known is seen when the body is read.
pub(super) async fn missing(state: &AppState, caller: &Caller, body: &Map<String, Value>) -> Option<ModelId> {
    let named = body.get("model").and_then(Value::as_str);
    let found = find_anywhere(state, &caller.user, named, false).await;
    let name = named.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(DEFAULT_MODEL);
    matches!(found, Ok(None)).then(|| ModelId::from(name))
}
