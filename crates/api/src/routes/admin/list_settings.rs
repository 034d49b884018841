//! `GET /api/v1/admin/settings`: what can be changed while the server runs, and what it is now.

use axum::{Json, extract::State};
use easel_platform::{records::Timestamp, run_time::SystemSetting};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesServer},
    views::shown_time,
};

/// A setting.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunTimeSettingView {
    /// Its name.
    #[schema(example = "max_tasks_per_day")]
    key: String,
    /// What it is; null is as the configuration of each node says.
    value: Option<i64>,
    /// What it does.
    description: String,
    /// When it was last changed; null is never.
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

impl From<SystemSetting> for RunTimeSettingView {
    fn from(setting: SystemSetting) -> Self {
        let SystemSetting { key, value, description, updated_at } = setting;
        let value = value.and_then(|value| value.parse().ok());
        Self { key, value, description, updated_at: Some(updated_at).filter(|&at| at > Timestamp(0)).map(shown_time) }
    }
}

/// The settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunTimeSettingsView {
    /// The rows.
    data: Vec<RunTimeSettingView>,
}

impl RunTimeSettingsView {
    /// As they are now, for this node too.
    pub(crate) async fn of(state: &AppState) -> Result<Self, ApiError> {
        let rows = state.platform.catalogue.run_time().refresh(&state.platform.context).await?;
        Ok(Self { data: rows.into_iter().map(RunTimeSettingView::from).collect() })
    }
}

/// What can be changed while the server runs.
#[utoipa::path(
    get, path = "/api/v1/admin/settings", operation_id = "list_settings", tag = "admin",
    responses((status = 200, description = "The settings", body = RunTimeSettingsView)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ManagesServer>) -> Result<Json<RunTimeSettingsView>, ApiError> {
    RunTimeSettingsView::of(&state).await.map(Json)
}
