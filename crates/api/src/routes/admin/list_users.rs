//! `GET /api/v1/admin/users`: everybody, or those who are called so, oldest first.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsUsers},
    extract::InQuery,
    views::{UserView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The id of the last row of the page before.
    after: Option<String>,
    /// How their name or their address begins; left out, everybody.
    #[param(max_length = 255)]
    q: Option<String>,
}

/// Characters of an address, and so of how it begins.
const SOUGHT_MAX: usize = 255;

/// A page of people.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsersView {
    /// The rows.
    data: Vec<UserView>,
    /// The `after` of the next page; null if this is the last.
    next: Option<String>,
}

/// Everybody, or those whose name or address begins so, oldest first.
#[utoipa::path(
    get, path = "/api/v1/admin/users", operation_id = "list_users", tag = "admin", params(UsersQuery),
    responses((status = 200, description = "The people", body = UsersView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<ReadsUsers>,
    InQuery(query): InQuery<UsersQuery>,
) -> Result<Json<UsersView>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let after = query.after.as_deref().filter(|after| !after.contains('\0'));
    let sought = query.q.as_deref().unwrap_or_default();
    if sought.chars().count() > SOUGHT_MAX {
        return Err(ApiError::invalid("q", "out_of_range", format!("`q` must have at most {SOUGHT_MAX} characters")));
    }
    let mut users = state.platform.accounts.find(sought, after, limit + 1).await?;
    let size = usize::try_from(limit).unwrap_or(0);
    let more = users.len() > size;
    users.truncate(size);
    let next = users.last().filter(|_| more).map(|user| user.id.clone());
    Ok(Json(UsersView { data: users.into_iter().map(UserView::from).collect(), next }))
}
