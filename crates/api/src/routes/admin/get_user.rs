//! `GET /api/v1/admin/users/{id}`: somebody.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsUsers},
    extract::InPath,
    views::UserView,
};

/// Somebody.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}", operation_id = "get_user", tag = "admin",
    params(("id" = String, Path, description = "Who")),
    responses((status = 200, description = "They", body = UserView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<ReadsUsers>,
    InPath(id): InPath<String>,
) -> Result<Json<UserView>, ApiError> {
    let user = state.platform.accounts.get(&id).await?;
    let balance = state.platform.desk.balance(&user.id).await?;
    Ok(Json(UserView::with_balance(user, balance.available)))
}
