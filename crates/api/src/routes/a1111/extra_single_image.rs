//! `POST /sdapi/v1/extra-single-image`: a picture is enlarged.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};

use super::{body, extras::Extras};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::{
        a1111::{response::EnlargedView, schema::ExtrasBody},
        fields::Fields,
    },
};

/// A picture is enlarged.
#[utoipa::path(
    post, path = "/sdapi/v1/extra-single-image", operation_id = "a1111_extra_single_image", tag = "a1111", request_body = ExtrasBody,
    responses((status = 200, description = "The picture", body = EnlargedView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Json<EnlargedView>, ApiError> {
    let body = body::read(&state, request).await?;
    let fields = Fields(body.fields);
    let (extras, image) = (Extras::read(&fields)?, body::image(&fields)?);
    let image = extras.enlarged(&state, &caller, "image", &image).await?;
    Ok(Json(EnlargedView { html_info: String::new(), image }))
}
