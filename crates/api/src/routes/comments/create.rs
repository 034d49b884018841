//! `POST /api/v1/images/{id}/comments`: says something under a public picture.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InName, JsonBody},
    views::CommentView,
};

/// What is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentBody {
    /// In a thousand characters.
    #[schema(min_length = 1, max_length = 1000)]
    body: String,
}

/// Says something under a public picture.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/comments", operation_id = "create_comment", tag = "gallery", request_body = CommentBody,
    params(("id" = String, Path, description = "The picture")),
    responses((status = 201, description = "The comment", body = CommentView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
    JsonBody(body): JsonBody<CommentBody>,
) -> Result<(StatusCode, Json<CommentView>), ApiError> {
    let comment = state.platform.social.comment(&caller.user, &id, &body.body).await?;
    Ok((StatusCode::CREATED, Json(comment.into())))
}
