//! `GET /sdapi/v1/schedulers`: the schedule types, as A1111 names them.

use axum::Json;

use crate::{
    auth::{As, Generates},
    compat::a1111::schedulers::{self, SchedulerView},
};

/// The schedule types, as A1111 names them.
#[utoipa::path(
    get, path = "/sdapi/v1/schedulers", operation_id = "a1111_schedulers", tag = "a1111",
    responses((status = 200, description = "The list", body = Vec<SchedulerView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(_: As<Generates>) -> Json<Vec<SchedulerView>> {
    Json(schedulers::views())
}
