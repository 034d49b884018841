//! `GET /api/v1/styles/{id}`: one style, with what it says.

use axum::{Json, extract::State, http::StatusCode};

use crate::{ApiError, AppState, extract::InName, views::StyleView};

/// One style, with what it says.
#[utoipa::path(
    get, path = "/api/v1/styles/{id}", operation_id = "get_style", tag = "prompts",
    params(("id" = String, Path, description = "The style", example = "linocut")),
    responses((status = 200, description = "The style", body = StyleView))
)]
pub(crate) async fn handler(State(state): State<AppState>, InName(id): InName) -> Result<Json<StyleView>, ApiError> {
    let style = state.platform.prompts.styles().style(&id);
    let style = style.map_err(|error| ApiError::new(StatusCode::NOT_FOUND, error.code(), error.to_string()))?;
    Ok(Json(style.into()))
}
