//! `POST /api/v1/credits/purchase`: orders a pack of credits. What was ordered is paid at `url`, and given once that is told of.

use axum::{Json, extract::State, http::StatusCode};
use easel_platform::payments::Wanted;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::OrderedView,
};

/// Which pack.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuyBody {
    /// Its id.
    #[schema(example = "credits-100")]
    pack: String,
}

/// Orders a pack of credits.
#[utoipa::path(
    post, path = "/api/v1/credits/purchase", operation_id = "buy_credits", tag = "credits", request_body = BuyBody,
    responses((status = 201, description = "The order, and where it is paid", body = OrderedView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<BuyBody>,
) -> Result<(StatusCode, Json<OrderedView>), ApiError> {
    let ordered = state.payments()?.order(&caller.user, Wanted::Pack(&body.pack)).await?;
    Ok((StatusCode::CREATED, Json(ordered.into())))
}
