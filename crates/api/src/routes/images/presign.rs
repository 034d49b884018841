//! `POST /api/v1/images/upload/presign`: an address to send a picture to, so that its bytes need not go through a form. What was sent there is
//! nothing yet: `POST /api/v1/images/uploads/{id}/complete` has it looked at.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use easel_imaging::Format;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
    generation::BaseUrl,
    views::shown_time,
};

/// What is to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PresignBody {
    /// What it is.
    content_type: ImageType,
    /// How many bytes.
    #[schema(minimum = 1, example = 48_213)]
    size: u64,
}

/// A type that is read.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub(crate) enum ImageType {
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// WebP.
    #[serde(rename = "image/webp")]
    Webp,
}

impl From<ImageType> for Format {
    fn from(kind: ImageType) -> Self {
        match kind {
            ImageType::Png => Self::Png,
            ImageType::Jpeg => Self::Jpeg,
            ImageType::Webp => Self::Webp,
        }
    }
}

/// Where to send it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PresignView {
    /// What it will be called.
    id: String,
    /// The address, for these bytes alone.
    url: String,
    /// How to send it.
    #[schema(value_type = String, example = "PUT")]
    method: &'static str,
    /// Headers to send along, as they are.
    headers: BTreeMap<&'static str, String>,
    /// Until when.
    #[schema(format = DateTime)]
    expires_at: String,
    /// What to `POST` to once it was sent.
    complete_url: String,
}

/// An address to send a picture to.
#[utoipa::path(
    post, path = "/api/v1/images/upload/presign", operation_id = "presign_upload", tag = "images", request_body = PresignBody,
    responses((status = 201, description = "Where to send it", body = PresignView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PresignBody>,
) -> Result<(StatusCode, Json<PresignView>), ApiError> {
    let here = BaseUrl::of(&state, &uri, &headers)?.signed_files();
    let made = state.platform.images.presign(&caller.user, body.content_type.into(), body.size, &here).await?;
    let view = PresignView {
        url: made.address.url.into(),
        method: "PUT",
        headers: made.address.headers.into_iter().collect(),
        expires_at: shown_time(made.expires_at),
        complete_url: format!("/api/v1/images/uploads/{}/complete", made.id),
        id: made.id,
    };
    Ok((StatusCode::CREATED, Json(view)))
}
