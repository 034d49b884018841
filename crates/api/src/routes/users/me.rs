//! `GET /api/v1/users/me`: who somebody is.

use axum::Json;

use crate::{
    auth::{As, ReadsAccount},
    views::UserView,
};

/// Who somebody is.
#[utoipa::path(
    get, path = "/api/v1/users/me", operation_id = "me", tag = "users",
    responses((status = 200, description = "Who you are", body = UserView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(As(caller, _): As<ReadsAccount>) -> Json<UserView> {
    Json(caller.user.into())
}
