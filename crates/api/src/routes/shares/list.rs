//! `GET /api/v1/shares`: one's links, newest first, those that are over included.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::ShareView,
};

/// To which picture.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SharesQuery {
    /// To this one; without it, to any.
    image_id: Option<String>,
}

/// One's links, newest first, those that are over included.
#[utoipa::path(
    get, path = "/api/v1/shares", operation_id = "list_shares", tag = "gallery",
    params(SharesQuery),
    responses((status = 200, description = "At most five hundred", body = Vec<ShareView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
    InQuery(query): InQuery<SharesQuery>,
) -> Result<Json<Vec<ShareView>>, ApiError> {
    let shares = state.platform.social.shares(&caller.user.id, query.image_id.as_deref()).await?;
    Ok(Json(shares.into_iter().map(ShareView::from).collect()))
}
