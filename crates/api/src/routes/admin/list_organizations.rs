//! `GET /api/v1/admin/organizations`: every organisation, oldest first.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsUsers},
    extract::InQuery,
    views::{OrganizationView, page_size},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrganizationsQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The id of the last row of the page before.
    after: Option<String>,
}

/// A page of organisations.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationsView {
    /// The rows.
    data: Vec<OrganizationView>,
    /// The `after` of the next page; null if this is the last.
    next: Option<String>,
}

/// Every organisation, oldest first. The default one, of everybody who is in none, has no row.
#[utoipa::path(
    get, path = "/api/v1/admin/organizations", operation_id = "list_organizations", tag = "admin", params(OrganizationsQuery),
    responses((status = 200, description = "The organisations", body = OrganizationsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsUsers>,
    InQuery(query): InQuery<OrganizationsQuery>,
) -> Result<Json<OrganizationsView>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let mut rows = state.platform.organizations.list(&caller.actor(), query.after.as_deref(), limit + 1).await?;
    let size = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok(Json(OrganizationsView { data: rows.into_iter().map(OrganizationView::from).collect(), next }))
}
