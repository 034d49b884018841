//! `POST /api/v1/admin/users/{id}/credits`: corrects a balance, up or down, at most to zero. The key makes the same correction happen once.

use axum::{Json, extract::State};
use easel_platform::records::Credits;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{AdjustsCredits, As},
    extract::{InPath, JsonBody},
    views::TransferView,
};

/// A correction.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustBody {
    /// Whole credits to add, or to take if negative.
    #[schema(example = 10)]
    credits: i64,
    /// Which correction it is: a second one with the same key changes nothing.
    #[schema(example = "ticket-4711", min_length = 1, max_length = 100)]
    key: String,
    /// Why, for the record.
    #[schema(example = "lost in an outage")]
    reason: String,
}

/// Corrects somebody's balance.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/credits", operation_id = "adjust_credits", tag = "admin", request_body = AdjustBody,
    params(("id" = String, Path, description = "Whose")),
    responses((status = 200, description = "The booking", body = TransferView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<AdjustsCredits>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<AdjustBody>,
) -> Result<Json<TransferView>, ApiError> {
    let plain = |text: &str, max: usize| !text.trim().is_empty() && text.len() <= max && !text.chars().any(char::is_control);
    if !plain(&body.key, 100) {
        return Err(ApiError::invalid("key", "invalid_value", "`key` must have 1 to 100 printable characters"));
    }
    if !plain(&body.reason, 500) {
        return Err(ApiError::invalid("reason", "invalid_value", "`reason` must have 1 to 500 printable characters"));
    }
    let out_of_range = || ApiError::invalid("credits", "out_of_range", "`credits` is out of range, or zero");
    let change = Credits::whole(body.credits).filter(|change| *change != Credits::ZERO).ok_or_else(out_of_range)?;
    let booked = state.platform.desk.adjust(&caller.actor(), &id, change, &body.key, &body.reason).await?;
    Ok(Json(booked.into()))
}
