//! `GET /api/v1/admin/audit`: the record of what was done, newest first.

use axum::{Json, extract::State};
use easel_platform::records::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAudit},
    extract::InQuery,
    views::{page_size, shown_time},
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The `next` of the page before.
    #[param(minimum = 1)]
    cursor: Option<i64>,
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Its place in the record.
    seq: i64,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// What was done.
    #[schema(example = "user.plan")]
    action: String,
    /// `user`, `api_key`, `operator` or `system`.
    actor_kind: String,
    /// Who did it.
    actor_id: Option<String>,
    /// To what kind of thing.
    target_kind: Option<String>,
    /// To which one.
    target_id: Option<String>,
    /// What the program called itself; null where nobody knows, or not any more.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    user_agent: Option<String>,
    /// The request's id.
    request_id: Option<String>,
    /// More about it.
    #[schema(value_type = Object)]
    detail: Value,
    /// The hash of this row, which covers the one before.
    hash: String,
}

impl From<Record> for AuditView {
    fn from(record: Record) -> Self {
        Self {
            seq: record.seq,
            created_at: shown_time(record.at),
            action: record.action,
            actor_kind: record.actor_kind,
            actor_id: record.actor_id,
            target_kind: record.target_kind,
            target_id: record.target_id,
            user_agent: record.user_agent,
            request_id: record.request_id,
            detail: serde_json::from_str(&record.detail).unwrap_or_default(),
            hash: record.hash,
        }
    }
}

/// A page of the record.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPageView {
    /// The rows.
    data: Vec<AuditView>,
    /// The `cursor` of the next page; null if this is the last.
    next: Option<i64>,
}

/// What was done, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", operation_id = "list_audit", tag = "admin", params(AuditQuery),
    responses((status = 200, description = "The record", body = AuditPageView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<ReadsAudit>,
    InQuery(query): InQuery<AuditQuery>,
) -> Result<Json<AuditPageView>, ApiError> {
    let limit = page_size("limit", query.limit)?;
    let mut rows = state.platform.overview.record(query.cursor, limit + 1).await?;
    let size = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| row.seq);
    Ok(Json(AuditPageView { data: rows.into_iter().map(AuditView::from).collect(), next }))
}
