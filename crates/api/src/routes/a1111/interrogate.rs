//! `POST /sdapi/v1/interrogate`: a picture in words. No model here does that.

use axum::{Json, http::StatusCode};
use serde_json::Value;

use crate::{
    ApiError,
    auth::{As, Generates},
    compat::a1111::schema::ImageBody,
};

/// A picture in words: no model here does that, and it is refused as A1111 refuses a model it does not have.
#[utoipa::path(
    post, path = "/sdapi/v1/interrogate", operation_id = "a1111_interrogate", tag = "a1111", request_body = ImageBody,
    responses((status = 404, description = "No model does that")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Result<Json<Value>, ApiError> {
    Err(ApiError::new(StatusCode::NOT_FOUND, "unsupported", "Model not found: no model here puts pictures into words"))
}
