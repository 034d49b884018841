//! `POST /api/v1/images/{id}/variations`: more like this one. The same prompt, from this picture, with another seed.

use axum::{extract::State, http::HeaderMap, response::Response};
use easel_platform::records::{Image, User};
use serde::Deserialize;
use utoipa::ToSchema;

use super::generate::accepted;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::{InPath, JsonBody},
    ordering::{Asked, DrawingBody, SourceBody, submit},
};

/// How different they are to be.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariationsBody {
    /// How many.
    #[schema(minimum = 1, maximum = 10, default = 1)]
    n: Option<u32>,
    /// How much of the picture is redrawn.
    #[schema(minimum = 0, maximum = 1, default = 0.75)]
    strength: Option<f64>,
    /// Of the first; left out, one is drawn.
    #[schema(maximum = 9007199254740991_u64)]
    seed: Option<u64>,
}

/// More like this one.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/variations", operation_id = "variations", tag = "images", request_body = VariationsBody,
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
    JsonBody(body): JsonBody<VariationsBody>,
) -> Result<Response, ApiError> {
    let image = state.platform.images.get(&caller.user.id, &id).await?;
    let order = order(&state, &caller.user, image, body).await?;
    accepted(submit(&state, &caller, &order, Asked::by(&headers)?).await?)
}

/// The order for variations of a picture; one whose model is no longer here is drawn by the default. A styled one is made of its words and
/// styles again, or, if these have changed, of the prompt it was drawn from.
pub(super) async fn order(
    state: &AppState,
    user: &User,
    image: Image,
    body: VariationsBody,
) -> Result<easel_platform::orders::Order, ApiError> {
    let here = state.engine.find_model(Some(&image.model.as_str().into())).is_ok();
    let record = state.platform.prompts.record_of(&image).await?;
    let mut drawing = DrawingBody::variation(SourceBody::image(image.id), image.prompt, here.then_some(image.model));
    if let Some(record) = record {
        drawing = drawing.styled(record);
    }
    drawing.with(body.n, body.strength, body.seed).order(state, user).await
}
