//! `POST /sdapi/v1/extra-batch-images`: pictures are enlarged, one after another.

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
        a1111::{response::AllEnlargedView, schema::BatchExtrasBody},
        fields::{Fields, out_of_range},
    },
};

/// Pictures are enlarged, one after another.
#[utoipa::path(
    post, path = "/sdapi/v1/extra-batch-images", operation_id = "a1111_extra_batch_images", tag = "a1111", request_body = BatchExtrasBody,
    responses((status = 200, description = "The pictures", body = AllEnlargedView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Json<AllEnlargedView>, ApiError> {
    let body = body::read(&state, request).await?;
    let fields = Fields(body.fields);
    let (extras, list) = (Extras::read(&fields)?, fields.objects(&["imageList"])?);
    let max = state.engine.limits().images_max as usize;
    if list.is_empty() || list.len() > max {
        return Err(out_of_range("imageList", &format!("between 1 and {max} pictures"), list.len()));
    }
    let mut images = Vec::with_capacity(list.len());
    for item in &list {
        let missing =
            || ApiError::invalid("imageList", "missing_required_parameter", "every one of `imageList` needs its `data`");
        let image = item.text(&["data"])?.ok_or_else(missing)?;
        images.push(extras.enlarged(&state, &caller, "imageList", &image).await?);
    }
    Ok(Json(AllEnlargedView { html_info: String::new(), images }))
}
