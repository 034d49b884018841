//! `GET /api/v1/models`: what can draw here, with what each does where a request says nothing, and what a picture costs. The default first.

use axum::{Json, extract::State};
use easel_engine::ModelDescription;
use easel_platform::plans::Plan;
use easel_types::Quality;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    views::CreditAmount,
};

/// A model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelView {
    /// Its name, as a request says it.
    id: String,
    /// Its family, such as `sd1` or `sdxl`.
    family: String,
    /// Pixels it draws best.
    width: u32,
    /// Pixels it draws best.
    height: u32,
    /// Sides are multiples of this.
    size_multiple: u32,
    /// Denoising steps where a request says nothing.
    steps: u32,
    /// Guidance where a request says nothing.
    guidance: f64,
    /// The update rule where a request says nothing.
    sampler: String,
    /// The noise levels where a request says nothing.
    schedule: String,
    /// It was made for repainting parts of pictures.
    for_editing: bool,
    /// The tier of plans that it needs: `basic`, `advanced` or `all`.
    tier: &'static str,
    /// Your plan has it.
    available: bool,
    /// What one picture costs at normal quality.
    unit_price: CreditAmount,
}

/// What can draw here, the default first.
#[utoipa::path(
    get, path = "/api/v1/models", operation_id = "list_models", tag = "images",
    responses((status = 200, description = "The models", body = Vec<ModelView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
) -> Result<Json<Vec<ModelView>>, ApiError> {
    state.engine.refresh_models().await;
    let plan = state.platform.catalogue.of(&caller.user, state.platform.context.now());
    state.engine.models().iter().map(|model| view(&state, plan, model)).collect::<Result<_, _>>().map(Json)
}

fn view(state: &AppState, plan: &Plan, model: &ModelDescription) -> Result<ModelView, ApiError> {
    let catalogue = &state.platform.catalogue;
    let quote = state.platform.jobs.quote(&model.id.0, Quality::Normal, 1)?;
    Ok(ModelView {
        id: model.id.0.clone(),
        family: model.family.clone(),
        width: model.width,
        height: model.height,
        size_multiple: model.size_multiple,
        steps: model.num_inference_steps,
        guidance: model.guidance_scale,
        sampler: model.sampler.kind.name().to_owned(),
        schedule: model.sampler.schedule.name().to_owned(),
        for_editing: model.has_mask_channels,
        tier: catalogue.tier_of(&model.id.0).name(),
        available: catalogue.check_model(plan, &model.id.0).is_ok(),
        unit_price: quote.unit_price.into(),
    })
}
