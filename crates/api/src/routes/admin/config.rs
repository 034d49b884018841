//! `GET /api/v1/admin/config`: the effective settings of the node that answers, and where each came from. Secrets are not shown.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState, ShownSetting,
    auth::{As, ManagesServer},
};

/// The settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsView {
    /// The rows.
    data: Vec<ShownSetting>,
}

/// The effective settings of the node that answers.
#[utoipa::path(
    get, path = "/api/v1/admin/config", operation_id = "show_config", tag = "admin",
    responses((status = 200, description = "The settings", body = SettingsView)),
    security(("session" = ["superuser"]), ("cookie" = ["superuser"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<ManagesServer>) -> Json<SettingsView> {
    Json(SettingsView { data: state.config.settings.clone() })
}
