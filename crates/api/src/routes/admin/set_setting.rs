//! `PUT /api/v1/admin/settings/{key}`: changes a setting while the server runs. This node has it at once, others within seconds.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::list_settings::RunTimeSettingsView;
use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    extract::{InPath, JsonBody},
};

/// What it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingBody {
    /// A whole number; null is as the configuration of each node says.
    #[schema(minimum = 0, example = 50)]
    value: Option<i64>,
}

/// Changes a setting while the server runs.
#[utoipa::path(
    put, path = "/api/v1/admin/settings/{key}", operation_id = "set_setting", tag = "admin", request_body = SettingBody,
    params(("key" = String, Path, description = "Which", example = "max_tasks_per_day")),
    responses((status = 200, description = "All of them, as they are now", body = RunTimeSettingsView)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesServer>,
    InPath(key): InPath<String>,
    JsonBody(body): JsonBody<SettingBody>,
) -> Result<Json<RunTimeSettingsView>, ApiError> {
    let platform = &state.platform;
    platform.catalogue.run_time().set(&platform.context, &caller.actor(), &key, body.value).await?;
    RunTimeSettingsView::of(&state).await.map(Json)
}
