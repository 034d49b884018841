//! `POST /v1/images/edits`: a picture becomes another by words; with a mask, the transparent part of it.

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};

use super::start::start;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::openai::{
        request::Purpose,
        response::{CompletedEvent, ImagesResponse},
        schema::{EditBody, EditJson},
    },
};

/// A picture becomes another by words; with a mask, the transparent part of it.
#[utoipa::path(
    post, path = "/v1/images/edits", operation_id = "openai_edit", tag = "openai",
    request_body(content((EditBody = "multipart/form-data"), (EditJson = "application/json"))),
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
    start(state, &caller, request, Purpose::Edit).await
}
