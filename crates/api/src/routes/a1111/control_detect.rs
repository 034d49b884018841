//! `POST /controlnet/detect`: what a ControlNet would see of pictures.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};
use base64::Engine as _;
use easel_imaging::canny::{canny, in_rgb};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    body,
    pictures::{self, ENCODER, blocking, flattened, png},
};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::{
        a1111::control::MODULES,
        fields::{Fields, out_of_range, unknown_value},
    },
};

/// A1111's thresholds where a request names none.
const THRESHOLD: f64 = 64.0;
/// What brings the pictures.
const FIELD: &str = "controlnet_input_images";

/// What is to be looked at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: the body is read as it comes")]
pub(crate) struct DetectBody {
    /// `none` or `canny`.
    #[schema(example = "canny")]
    controlnet_module: String,
    /// The pictures in base64.
    controlnet_input_images: Vec<String>,
    /// Weaker edges are none.
    controlnet_threshold_a: Option<f64>,
    /// Stronger edges are some.
    controlnet_threshold_b: Option<f64>,
}

/// What would be seen.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetectedView {
    /// PNG files in base64.
    images: Vec<String>,
    /// `Success`.
    info: &'static str,
}

/// What a ControlNet would see of pictures.
#[utoipa::path(
    post, path = "/controlnet/detect", operation_id = "a1111_controlnet_detect", tag = "a1111", request_body = DetectBody,
    responses((status = 200, description = "The pictures", body = DetectedView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    request: Request<Body>,
) -> Result<Json<DetectedView>, ApiError> {
    let body = body::read(&state, request).await?;
    let fields = Fields(body.fields);
    let module = fields.text(&["controlnet_module"])?.unwrap_or_else(|| "none".to_owned());
    if !MODULES.contains(&module.as_str()) {
        return Err(unknown_value("controlnet_module", &MODULES.join(", "), &module));
    }
    let threshold = |name: &'static str| -> Result<u32, ApiError> {
        Ok(fields.number(&[name])?.unwrap_or(THRESHOLD).clamp(0.0, f64::from(u16::MAX)) as u32)
    };
    let (low, high) = (threshold("controlnet_threshold_a")?, threshold("controlnet_threshold_b")?);
    let listed = [FIELD, "controlnet_images"].iter().find_map(|name| fields.0.get(*name)?.as_array());
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    let max = state.engine.limits().images_max as usize;
    if listed.is_empty() || listed.len() > max {
        return Err(out_of_range(FIELD, &format!("between 1 and {max} pictures"), listed.len()));
    }
    let mut images = Vec::with_capacity(listed.len());
    for text in listed {
        let bytes = pictures::bytes(&state, FIELD, text.as_str().unwrap_or_default()).await?;
        let picture = pictures::decoded(&state, FIELD, bytes).await?;
        let edges = module == "canny";
        let seen = blocking(move || {
            let picture = flattened(picture, [255; 3]);
            png(&if edges { in_rgb(&canny(&picture, low, high)) } else { picture }, None)
        });
        images.push(ENCODER.encode(seen.await??));
    }
    Ok(Json(DetectedView { images, info: "Success" }))
}
