//! `POST /v1/images/generations`: a prompt becomes pictures.

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};

use super::draw::{draw, missing};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::openai::{
        request::{ImageRequest, Purpose},
        response::{CompletedEvent, ImagesResponse},
        schema::GenerationBody,
    },
    extract::json_object,
    generation::BaseUrl,
};

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
    let missing = missing(&state, &caller, &body).await;
    let request = ImageRequest::read_for(body, Purpose::Generation, &state.engine, missing)?;
    draw(state, &caller, base, request).await
}
