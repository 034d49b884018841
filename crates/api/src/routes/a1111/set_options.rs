//! `POST /sdapi/v1/options`: changes the caller's own settings, and nobody else's.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};

use super::{body, kept};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::json_object,
};

/// Changes the caller's own settings, and nobody else's. Clients may send everything back with one value changed.
#[utoipa::path(
    post, path = "/sdapi/v1/options", operation_id = "a1111_set_options", tag = "a1111", request_body = Object,
    responses((status = 200, description = "Null")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Json<()>, ApiError> {
    let values = json_object(request, &state.config).await?;
    body::look_for_model(&state, values.get(body::CHECKPOINT)).await;
    let options = kept::options(&state, &caller.user.id).await?.with(&values, &state.engine)?;
    kept::keep(&state, &caller.user.id, &options).await?;
    Ok(Json(()))
}
