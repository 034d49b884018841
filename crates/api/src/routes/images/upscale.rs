//! `POST /api/v1/images/{id}/upscale`: two or four times as wide and as high, by resampling and sharpening.

use axum::{extract::State, http::HeaderMap, response::Response};
use easel_platform::{
    orders::{Order, Output, OutputFormat, Source, Work},
    records::Image,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::generate::accepted;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::{InPath, JsonBody},
    ordering::{Asked, submit},
};

/// How much larger.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpscaleBody {
    /// 2 or 4.
    #[schema(example = 2, minimum = 2, maximum = 4)]
    pub(super) factor: u32,
}

/// Enlarges one of your pictures.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/upscale", operation_id = "upscale", tag = "images", request_body = UpscaleBody,
    params(
        ("id" = String, Path, description = "The picture"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same body is the same job, for a day"),
    ),
    responses((status = 202, description = "The job; `Location` is where it is", body = crate::views::JobView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<UpscaleBody>,
) -> Result<Response, ApiError> {
    let image = state.platform.images.get(&caller.user.id, &id).await?;
    let order = order(&image, body)?;
    accepted(submit(&state, &caller, &order, Asked::by(&headers)?).await?)
}

/// The order that enlarges a picture, in the format it has.
pub(super) fn order(image: &Image, body: UpscaleBody) -> Result<Order, ApiError> {
    if ![2, 4].contains(&body.factor) {
        return Err(ApiError::invalid("factor", "out_of_range", "`factor` must be 2 or 4"));
    }
    let format = match image.format.as_str() {
        "jpeg" => OutputFormat::Jpeg,
        "webp" => OutputFormat::Webp,
        _ => OutputFormat::Png,
    };
    let work = Work::Upscale { source: Source::Image(image.id.clone()), factor: body.factor };
    Ok(Order { work, output: Output { format, ..Output::default() } })
}
