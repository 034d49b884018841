//! `GET /api/v1/files/{key}`: the archive of somebody's data that an address was made for. Who has the address may fetch it until it ends; of all
//! that is stored nothing else is given out so.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use easel_platform::PlatformError;

use crate::{ApiError, AppState, extract::InPath};

/// The archive that an address was made for.
#[utoipa::path(
    get, path = "/api/v1/files/{*key}", operation_id = "get_file", tag = "users",
    params(
        ("key" = String, Path, description = "As it stands in the address"),
        ("expires" = i64, Query, description = "As it stands in the address"),
        ("signature" = String, Query, description = "As it stands in the address"),
    ),
    responses((status = 200, description = "A ZIP file", body = Vec<u8>, content_type = "application/zip"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InPath(key): InPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let key = state.platform.privacy.addressed_export(&key, query.as_deref().unwrap_or_default()).await?;
    let reading = state.platform.blobs.read(&key, None).await.map_err(PlatformError::Blobs)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(reading.meta.media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(reading.meta.size)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"easel.zip\"")),
    ];
    Ok((headers, Body::from_stream(reading.into_stream())).into_response())
}
