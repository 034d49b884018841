//! `GET /sdapi/v1/embeddings`: the learnt tokens that a prompt can name.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AdapterKind, ApiError, AppState, adapters,
    auth::{As, Generates},
};

/// A learnt token. What it fits is found out when it is used.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct EmbeddingView {
    /// Null.
    step: Option<u64>,
    /// Null.
    sd_checkpoint: Option<String>,
    /// Null.
    sd_checkpoint_name: Option<String>,
    /// Null.
    shape: Option<u64>,
    /// Null.
    vectors: Option<u64>,
}

/// The learnt tokens by their names.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmbeddingsView {
    /// Those that are there.
    loaded: BTreeMap<String, EmbeddingView>,
    /// None.
    skipped: BTreeMap<String, EmbeddingView>,
}

/// The learnt tokens that a prompt can name.
#[utoipa::path(
    get, path = "/sdapi/v1/embeddings", operation_id = "a1111_embeddings", tag = "a1111",
    responses((status = 200, description = "The learnt tokens", body = EmbeddingsView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Result<Json<EmbeddingsView>, ApiError> {
    let files = adapters::list(&state, AdapterKind::Embedding).await?;
    let loaded = files.iter().map(|file| (file.word().to_owned(), EmbeddingView::default())).collect();
    Ok(Json(EmbeddingsView { loaded, skipped: BTreeMap::new() }))
}
