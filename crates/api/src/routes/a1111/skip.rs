//! `POST /sdapi/v1/skip`: the caller's own requests leave the round they are at, and go on with the next.

use axum::{Json, extract::State};

use super::heard;
use crate::{
    AppState,
    auth::{As, Generates},
};

/// The caller's own requests leave the round they are at.
#[utoipa::path(
    post, path = "/sdapi/v1/skip", operation_id = "a1111_skip", tag = "a1111",
    responses((status = 200, description = "Null")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Json<()> {
    heard::leave(&state, &caller.user.id, false);
    Json(())
}
