//! `POST /api/v1/prompts/build`: a prompt from its parts, in styles, as a request to draw would make it. Nothing is drawn.

use axum::{Json, extract::State};
use easel_platform::prompts::PromptParts;
use serde::Deserialize;
use utoipa::ToSchema;

use super::check_length;
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::JsonBody,
    views::BuiltView,
};

/// Phrases about quality, and whatever else.
const QUALITY_MAX: usize = 16;

/// The parts of a prompt; each is text, or the id of one of `/api/v1/prompts/terms`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BuildBody {
    /// What it shows.
    #[schema(example = "a fox under a bridge")]
    subject: String,
    /// What it is made of or with.
    medium: String,
    /// View and arrangement.
    composition: String,
    /// Where the light comes from, and how.
    light: String,
    /// What it feels like.
    mood: String,
    /// Its colours.
    palette: String,
    /// How well it is made, and anything else.
    #[schema(max_items = 16)]
    quality: Vec<String>,
    /// What to avoid.
    negative_prompt: Option<String>,
    /// The styles, nearest first.
    #[schema(max_items = 8)]
    styles: Vec<String>,
}

/// A prompt from its parts, in styles.
#[utoipa::path(
    post, path = "/api/v1/prompts/build", operation_id = "build_prompt", tag = "prompts", request_body = BuildBody,
    responses((status = 200, description = "What the model would be told", body = BuiltView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<Generates>,
    JsonBody(body): JsonBody<BuildBody>,
) -> Result<Json<BuiltView>, ApiError> {
    let BuildBody { subject, medium, composition, light, mood, palette, quality, negative_prompt, styles } = body;
    if quality.len() > QUALITY_MAX {
        return Err(ApiError::invalid("quality", "out_of_range", format!("`quality` must be at most {QUALITY_MAX} phrases")));
    }
    let prompts = &state.platform.prompts;
    let prompt = PromptParts { subject, medium, composition, light, mood, palette, quality }.build(prompts.vocabulary());
    check_length("subject", &prompt)?;
    check_length("negative_prompt", negative_prompt.as_deref().unwrap_or_default())?;
    let styled = prompts.styled(&prompt, negative_prompt.as_deref(), &styles)?;
    Ok(Json(styled.map_or_else(|| BuiltView::plain(prompt, negative_prompt), BuiltView::from)))
}
