//! `POST /sdapi/v1/img2img`: a picture is drawn over, or a part of it.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};

use super::{body, draw, kept};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::a1111::{options::Options, request::Asked, response::DrawnView, schema::ImageToImageBody},
};

/// A picture is drawn over, or a part of it.
#[utoipa::path(
    post, path = "/sdapi/v1/img2img", operation_id = "a1111_img2img", tag = "a1111", request_body = ImageToImageBody,
    responses((status = 200, description = "The pictures", body = DrawnView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Json<DrawnView>, ApiError> {
    let body = body::read(&state, request).await?;
    body::look_for_models(&state, &body.fields).await;
    let missing = body::missing(&state, &caller, &body.fields).await;
    let options = Options { missing, ..kept::options(&state, &caller.user.id).await? };
    let asked = Asked::image_to_image(body.fields, &options, &state.engine)?;
    let asked = asked.in_styles(&state.platform.prompts)?.masked_by(&state.platform.jobs);
    draw::answer(&state, &caller, asked, body.place).await
}
