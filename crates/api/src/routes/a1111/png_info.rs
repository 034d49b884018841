//! `POST /sdapi/v1/png-info`: what is written in a file.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};
use easel_imaging::{Infotext, read_parameters};
use serde_json::Map;

use super::{body, pictures};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::{
        a1111::{infotext, response::PngInfoView, schema::ImageBody},
        fields::Fields,
    },
};

/// What is written in a file.
#[utoipa::path(
    post, path = "/sdapi/v1/png-info", operation_id = "a1111_png_info", tag = "a1111", request_body = ImageBody,
    responses((status = 200, description = "The text, and what it says", body = PngInfoView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    request: Request<Body>,
) -> Result<Json<PngInfoView>, ApiError> {
    let body = body::read(&state, request).await?;
    let image = body::image(&Fields(body.fields))?;
    let (bytes, limits) = (pictures::bytes(&state, "image", &image).await?, pictures::limits(&state));
    let text = pictures::blocking(move || read_parameters(&bytes, &limits)).await?;
    let info = text.map_err(|error| pictures::unusable("image", &error))?.unwrap_or_default();
    let parameters = if info.is_empty() { Map::new() } else { infotext::shown(&Infotext::parse(&info)) };
    Ok(Json(PngInfoView { info, items: Map::new(), parameters }))
}
