//! `POST /sdapi/v1/txt2img`: a prompt becomes pictures, perhaps in two passes.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};

use super::{body, draw, kept};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::a1111::{options::Options, request::Asked, response::DrawnView, schema::TextToImageBody},
};

/// A prompt becomes pictures, perhaps in two passes.
#[utoipa::path(
    post, path = "/sdapi/v1/txt2img", operation_id = "a1111_txt2img", tag = "a1111", request_body = TextToImageBody,
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
    let asked = Asked::text_to_image(body.fields, &options, &state.engine)?;
    let asked = asked.in_styles(&state.platform.prompts)?.masked_by(&state.platform.jobs);
    draw::answer(&state, &caller, asked, body.place).await
}
