//! `POST /sdapi/v1/interrupt`: the caller's own requests are left; what they have made so far is answered, and paid.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::heard;
use crate::{
    AppState,
    auth::{As, Generates},
};

/// Leaves the caller's own requests; what they have made so far is answered.
#[utoipa::path(
    post, path = "/sdapi/v1/interrupt", operation_id = "a1111_interrupt", tag = "a1111",
    responses((status = 200, description = "An empty object", body = Object)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Json<Value> {
    heard::leave(&state, &caller.user.id, true);
    Json(json!({}))
}
