//! `GET /api/v1/images/proxy`: a picture at a public address, fetched by this server, so that whoever shows it tells nobody where they are. The
//! address is judged as those of uploads are; anything but a picture is refused, and nothing is kept.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use easel_platform::PlatformError;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InQuery,
};

/// Which picture.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProxyQuery {
    /// A public https address of a PNG, JPEG or WebP file.
    #[param(example = "https://example.org/picture.png", max_length = 2048)]
    url: String,
}

/// A picture at a public address.
#[utoipa::path(
    get, path = "/api/v1/images/proxy", operation_id = "proxy_image", tag = "images", params(ProxyQuery),
    responses((status = 200, description = "The picture as it is there", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
    ))),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<WritesImages>,
    InQuery(query): InQuery<ProxyQuery>,
) -> Result<Response, ApiError> {
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    let fetched = state.fetcher()?.fetch_image(&query.url).await.map_err(PlatformError::Outbound)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(fetched.format.media_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, fetched.bytes).into_response())
}
