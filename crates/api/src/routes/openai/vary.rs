//! `POST /v1/images/variations`: a picture becomes others like it, without words.

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};

use super::start::start;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::openai::{request::Purpose, response::ImagesResponse, schema::VariationBody},
};

/// A picture becomes others like it, without words.
#[utoipa::path(
    post, path = "/v1/images/variations", operation_id = "openai_variation", tag = "openai",
    request_body(content = VariationBody, content_type = "multipart/form-data"),
    responses((status = 200, description = "The pictures", body = ImagesResponse)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    start(state, &caller, request, Purpose::Variation).await
}
