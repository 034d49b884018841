//! `GET /api/v1/users/me/storage`: what one has stored, and how much the plan allows.

use axum::{Json, extract::State};
use easel_platform::gallery::Storage;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ReadsAccount},
};

/// What somebody has stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct StorageView {
    /// Pictures, those in the trash included.
    images: i64,
    /// Their bytes.
    bytes: i64,
    /// Pictures in the trash.
    trash_images: i64,
    /// Their bytes: they count until they are removed.
    trash_bytes: i64,
    /// What the plan allows; null is any amount.
    bytes_max: Option<i64>,
    /// The plan.
    plan: String,
}

impl From<Storage> for StorageView {
    fn from(storage: Storage) -> Self {
        let Storage { stored, bytes_max, plan } = storage;
        Self {
            images: stored.images,
            bytes: stored.bytes,
            trash_images: stored.trash_images,
            trash_bytes: stored.trash_bytes,
            bytes_max,
            plan,
        }
    }
}

/// What one has stored, and how much the plan allows.
#[utoipa::path(
    get, path = "/api/v1/users/me/storage", operation_id = "my_storage", tag = "users",
    responses((status = 200, description = "Pictures and bytes", body = StorageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["account:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsAccount>,
) -> Result<Json<StorageView>, ApiError> {
    let storage = state.platform.gallery.storage(&caller.user).await?;
    Ok(Json(storage.into()))
}
