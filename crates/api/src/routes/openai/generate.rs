//! `POST /v1/images/generations`: a prompt becomes pictures.
//!
//! The ticket lives in the handler's future. When the client goes away, the server drops the future, the ticket with it, and the engine
//! stops within one step.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use easel_engine::{Outcome, Terms, Ticket};
use serde_json::Value;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::openai::{
        model,
        request::{ImageRequest, ResponseFormat},
        response::{CompletedEvent, ImagesResponse, Traits},
        schema::GenerationBody,
    },
    extract::json_object,
    generation::{BaseUrl, Paid, hand_over},
    routes::openai::stream,
};

/// How much later than its time limit a request may be answered.
const GRACE: Duration = Duration::from_secs(5);

/// A prompt becomes pictures.
#[utoipa::path(
    post, path = "/v1/images/generations", operation_id = "openai_generate", tag = "openai", request_body = GenerationBody,
    responses(
        (status = 200, description = "The pictures; with `stream` as events", content(
            (ImagesResponse = "application/json"),
            (CompletedEvent = "text/event-stream"),
        ))
    ),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let base = BaseUrl::of(&state, request.uri(), request.headers());
    let body = json_object(request, &state.config).await?;
    if let Some(name) = body.get("model").and_then(Value::as_str) {
        model::look_for(name, &state.engine).await;
    }
    let request = ImageRequest::read(body, &state.engine)?.in_styles(&state.platform.prompts)?;
    // Before the work is done: a picture nobody can be told the address of is not worth making.
    let base = match request.response_format {
        ResponseFormat::Url if !request.stream => Some(base?),
        _ => None,
    };
    let terms = Terms {
        user: Some(caller.user.id.clone()),
        time_limit: Some(state.config.generation_timeout),
        preview_every: request.preview_every(),
        ..Terms::default()
    };
    let ticket = state.engine.submit_on(request.generation.clone(), &terms)?;
    let paid = Paid::hold(&state, &caller, &request, &ticket.resolved()[0]).await?;
    if request.stream {
        return Ok(stream::answer(state, request, ticket, paid).into_response());
    }
    // The engine keeps the time limit; this one is for an engine that does not answer at all.
    let timeout = state.config.generation_timeout + GRACE;
    let answer = tokio::time::timeout(timeout, answer(&state, &request, base.as_ref(), ticket, paid));
    answer.await.unwrap_or_else(|_| Err(ApiError::timeout()))
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
