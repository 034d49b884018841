//! `POST /api/v1/prompts/enhance`: fitting detail for a prompt, by rule and seed on this host, or by the operator's model where it is asked for.

use axum::{Json, extract::State};
use easel_platform::prompts::{Amount, By, EnhanceRequest, Style};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{check_length, some_seed};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::JsonBody,
    views::{EnhancedView, TermView},
};

/// A prompt to enhance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnhanceBody {
    /// The words, in any of the languages; they stay as they are.
    #[schema(example = "a fox under a bridge", max_length = 10_000)]
    prompt: String,
    /// What to avoid.
    negative_prompt: Option<String>,
    /// The styles it will be drawn in: what is added contradicts none of them.
    #[serde(default)]
    #[schema(max_items = 8)]
    styles: Vec<String>,
    /// Other seeds add other detail; left out, one is drawn.
    #[schema(maximum = 9007199254740991_u64)]
    seed: Option<u64>,
    /// How much is added: `few`, `some` or `many`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "some")]
    amount: Amount,
    /// Who does it: `rules`, on this host, or `model`, which is wherever the operator has it. When the model cannot, the rules do.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "rules")]
    by: Who,
}

/// Who does it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Who {
    /// The rules, on this host.
    #[default]
    Rules,
    /// The operator's model.
    Model,
}

/// Fitting detail for a prompt.
#[utoipa::path(
    post, path = "/api/v1/prompts/enhance", operation_id = "enhance_prompt", tag = "prompts", request_body = EnhanceBody,
    responses((status = 200, description = "The prompt, and who enhanced it", body = EnhancedView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    JsonBody(body): JsonBody<EnhanceBody>,
) -> Result<Json<EnhancedView>, ApiError> {
    check_length("prompt", &body.prompt)?;
    check_length("negative_prompt", body.negative_prompt.as_deref().unwrap_or_default())?;
    let prompts = &state.platform.prompts;
    // Refuses what a request to draw would refuse.
    prompts.styled(&body.prompt, None, &body.styles)?;
    let styles: Vec<Style> = body.styles.iter().filter_map(|id| prompts.styles().style(id).ok().cloned()).collect();
    let seed = body.seed.unwrap_or_else(some_seed);
    let request = EnhanceRequest { prompt: body.prompt, negative: body.negative_prompt, styles, seed, amount: body.amount };
    let by = match body.by {
        Who::Rules => By::Rules,
        Who::Model => By::Model,
    };
    let enhancement = prompts.enhance(&caller.user.id, &request, by).await?;
    let added = enhancement.added.iter().filter_map(|id| prompts.vocabulary().term(id)).map(TermView::from).collect();
    Ok(Json(EnhancedView::of(enhancement, added, seed)))
}
