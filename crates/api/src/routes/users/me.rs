//! `GET /api/v1/users/me`: who somebody is, and what they have. What their plan gives for today and this month is given when they look.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
    views::UserView,
};

/// Who somebody is.
#[utoipa::path(
    get, path = "/api/v1/users/me", operation_id = "me", tag = "users",
    responses((status = 200, description = "Who you are", body = UserView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ReadsAccount>) -> Result<Json<UserView>, ApiError> {
    let desk = &state.platform.desk;
    desk.grant_periods(&caller.user).await?;
    let balance = desk.balance(&caller.user.id).await?;
    Ok(Json(UserView::with_balance(caller.user, balance.available)))
}
