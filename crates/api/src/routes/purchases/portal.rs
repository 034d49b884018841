//! `GET /api/v1/subscriptions/portal`: the payment service's own page, where somebody looks after what they pay.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct PortalView {
    /// The address, for a while.
    url: String,
}

/// The page where you look after what you pay.
#[utoipa::path(
    get, path = "/api/v1/subscriptions/portal", operation_id = "payment_portal", tag = "credits",
    responses((status = 200, description = "Where it is", body = PortalView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<PortalView>, ApiError> {
    Ok(Json(PortalView { url: state.payments()?.portal(&caller.user.id).await? }))
}
