//! `GET /api/v1/webhooks/{id}/deliveries`: what was sent there, and what came of it.

use axum::{Json, extract::State};
use easel_platform::records::Which;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InPath, InQuery},
    views::DeliveryView,
};

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    /// Only those that were given up.
    #[serde(default)]
    dead: bool,
    /// At most so many.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 100)]
    limit: u8,
    /// Those older than this one, the last of the page before.
    before: Option<String>,
}

fn usual() -> u8 {
    20
}

/// What was sent there, newest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "list_webhook_deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The endpoint"), DeliveriesQuery),
    responses((status = 200, description = "Newest first", body = Vec<DeliveryView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
    InQuery(query): InQuery<DeliveriesQuery>,
) -> Result<Json<Vec<DeliveryView>>, ApiError> {
    let (webhooks, user_id) = (state.webhooks()?, &caller.user.id);
    let which = if query.dead { Which::Dead } else { Which::All };
    let last = match &query.before {
        Some(last) => Some(webhooks.delivery(user_id, &id, last).await?),
        None => None,
    };
    let before = last.as_ref().map(|last| (last.created_at, last.id.as_str()));
    let found = webhooks.deliveries(user_id, &id, which, before, query.limit.into()).await?;
    Ok(Json(found.into_iter().map(DeliveryView::from).collect()))
}
