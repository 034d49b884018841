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

use super::stream;
use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::openai::{
        request::{ImageRequest, ResponseFormat},
        response::{ImagesResponse, Traits},
    },
    generation::{BaseUrl, Paid, hand_over},
    sent::{fitted, seen},
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
    let mut request = request.in_styles(&state.platform.prompts)?;
    // Before the work is done: a picture nobody can be told the address of is not worth making.
    let base = match request.response_format {
        ResponseFormat::Url if !request.stream => Some(base?),
        _ => None,
    };
    request.generation.controls = seen(&state, std::mem::take(&mut request.controls)).await?;
    request.generation = fitted(&state, request.generation).await?;
    let terms = Terms {
        user: Some(caller.user.id.clone()),
        time_limit: Some(state.config.generation_timeout),
        preview_every: preview_every(&state, &request)?,
        ..Terms::default()
    };
    let ticket = state.engine.submit_on(request.generation.clone(), &terms)?;
    let paid = Paid::hold(&state, caller, &request, &ticket.resolved()[0]).await?;
    if request.stream {
        return Ok(stream::answer(state, request, ticket, paid).into_response());
    }
    // The engine keeps the time limit; this one is for an engine that does not answer at all.
    let timeout = state.config.generation_timeout + GRACE;
    let answer = tokio::time::timeout(timeout, answer(&state, &request, base.as_ref(), ticket, paid));
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
    mut paid: Paid,
) -> Result<Response, ApiError> {
    let traits = Traits::new(&ticket.resolved()[0], request.output_format, request.quality);
    let outcome = tokio::select! {
        outcome = ticket.outcome() => outcome,
        stopped = paid.stopped() => return Err(stopped),
    };
    let pictures = match outcome {
        Outcome::Finished(pictures) => pictures,
        Outcome::Failed(error) => return Err(paid.fail(error).await),
        Outcome::Cancelled => return Err(ApiError::internal()),
    };
    let mut data = Vec::with_capacity(pictures.len());
    for delivered in paid.deliver(state, request, pictures).await? {
        data.push(hand_over(state, request, base, delivered).await?);
    }
    Ok(Json(ImagesResponse { created: state.now(), data, traits }).into_response())
}
