//! `GET /api/v1/users/me/export/archive`: everything there is about somebody, with their pictures, as one ZIP file.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use easel_platform::PlatformError;
use futures_util::stream;
use tokio::{fs::File, io::AsyncReadExt};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// What is read at a time.
const PIECE: usize = 256 * 1024;

/// Everything there is about you, with your pictures.
#[utoipa::path(
    get, path = "/api/v1/users/me/export/archive", operation_id = "export_archive", tag = "users",
    responses((status = 200, description = "A ZIP file", body = Vec<u8>, content_type = "application/zip")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ActsAsThemselves>) -> Result<Response, ApiError> {
    let file = File::from_std(state.platform.privacy.archive(&caller.user.id).await?);
    let size = file.metadata().await.map_err(PlatformError::File)?.len();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_LENGTH, HeaderValue::from(size)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"easel.zip\"")),
    ];
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (piece.freeze(), file)))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}
