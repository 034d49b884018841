//! `GET /sdapi/v1/prompt-styles`: the styles that requests can name.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    AppState,
    auth::{As, Generates},
};

/// A style, as A1111's clients read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PromptStyleView {
    /// As requests name it.
    #[schema(example = "photo-portrait")]
    name: String,
    /// What is said, with `{prompt}` where the user's words go.
    prompt: String,
    /// What to avoid.
    negative_prompt: String,
}

/// The styles that requests can name.
#[utoipa::path(
    get, path = "/sdapi/v1/prompt-styles", operation_id = "a1111_prompt_styles", tag = "a1111",
    responses((status = 200, description = "The styles", body = Vec<PromptStyleView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, _: As<Generates>) -> Json<Vec<PromptStyleView>> {
    let styles = state.platform.prompts.styles().styles().iter();
    let view = |style: &easel_platform::prompts::Style| PromptStyleView {
        name: style.id.clone(),
        prompt: style.prompt.clone(),
        negative_prompt: style.negative.clone(),
    };
    Json(styles.map(view).collect())
}
