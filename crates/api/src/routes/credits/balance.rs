//! `GET /api/v1/credits/balance`: what somebody has. What their plan gives for today and this month is given when they look.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    views::BalanceView,
};

/// What you have.
#[utoipa::path(
    get, path = "/api/v1/credits/balance", operation_id = "balance", tag = "credits",
    responses((status = 200, description = "The balance", body = BalanceView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
) -> Result<Json<BalanceView>, ApiError> {
    let desk = &state.platform.desk;
    desk.grant_periods(&caller.user).await?;
    let (balance, grants) = (desk.balance(&caller.user.id).await?, desk.grants(&caller.user.id).await?);
    Ok(Json(BalanceView::of(balance, grants)))
}
