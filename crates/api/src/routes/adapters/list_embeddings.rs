//! `GET /api/v1/embeddings`: learnt tokens, whose names in a prompt stand for what they learnt.

use axum::{Json, extract::State};

use crate::{
    AdapterKind, ApiError, AppState, adapters,
    auth::{As, Generates},
    views::AdapterView,
};

/// Learnt tokens, whose names in a prompt stand for what they learnt.
#[utoipa::path(
    get, path = "/api/v1/embeddings", operation_id = "list_embeddings", tag = "images",
    responses((status = 200, description = "The learnt tokens that are there now, by name", body = Vec<AdapterView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<Vec<AdapterView>>, ApiError> {
    let files = adapters::list(&state, AdapterKind::Embedding).await?;
    Ok(Json(files.into_iter().map(Into::into).collect()))
}
