//! Orders for models that this server does not have, where somebody else would draw them. The planner cannot look at these: what any service
//! would refuse is refused here.

use easel_engine::{ModelDescription, State};
use easel_platform::{orders::Drawing, records::User};
use easel_types::GenerationRequest;
use std::sync::Arc;

use crate::{ApiError, AppState, compat::openai::model};

/// Pixels of a side where nobody says.
const SIDE: u32 = 1024;
/// What the sides are multiples of.
const MULTIPLE: u32 = 8;
/// The longest prompt in characters.
const PROMPT_MAX: usize = 10_000;
/// Pictures of one job.
const COUNT_MAX: u32 = 10;
/// The shortest and the longest side.
const SIDES: std::ops::RangeInclusive<u32> = 64..=4096;

/// What a model is called that nobody has named, where there is none.
pub(crate) const DEFAULT_MODEL: &str = "default";

/// What a model draws best: width, height, and what sides are multiples of.
pub(super) fn best(model: Option<&ModelDescription>) -> (u32, u32, u32) {
    model.map_or((SIDE, SIDE, MULTIPLE), |model| (model.width, model.height, model.size_multiple))
}

/// The model a name stands for; `None` is one that is not here, and that somebody else would draw with for this user.
pub(crate) async fn find(
    state: &AppState,
    user: &User,
    name: Option<&str>,
    stays_here: bool,
) -> Result<Option<Arc<ModelDescription>>, ApiError> {
    if let Some(name) = name {
        model::look_for(name, &state.engine).await;
    }
    let found = model::resolve(name, &state.engine).and_then(|named| Ok(state.engine.find_model(named.as_ref())?));
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    // A server whose engine did not come up knows no model at all.
    let failed = state.engine.status().state == State::Failed;
    match (found, &state.services.fallback) {
        (Ok(found), _) => Ok(Some(found)),
        (Err(error), Some(fallback)) if !stays_here && (failed || name.is_some() && error.code() == "model_not_found") => {
            if fallback.serves(&user.id, name.unwrap_or(DEFAULT_MODEL)).await? {
                Ok(None)
            } else {
                Err(error)
            }
        }
        (Err(error), _) => Err(error),
    }
}

/// The size of a request for a model that is not here.
pub(crate) fn size_elsewhere(request: &GenerationRequest) -> (u32, u32) {
    (request.width.unwrap_or(SIDE), request.height.unwrap_or(SIDE))
}

/// Sides that any service might draw: what is resized before it is sent must not fill the memory.
pub(crate) fn check_sides(sides: impl IntoIterator<Item = u32>) -> Result<(), ApiError> {
    if sides.into_iter().any(|side| !SIDES.contains(&side)) {
        return Err(ApiError::invalid("width", "out_of_range", "`width` and `height` must be between 64 and 4096"));
    }
    Ok(())
}

/// What any service would refuse.
pub(crate) fn check(drawing: &Drawing) -> Result<(), ApiError> {
    let out_of_range = |field: &str, message: &str| Err(ApiError::invalid(field, "out_of_range", message));
    if drawing.prompt.trim().is_empty() || drawing.prompt.chars().count() > PROMPT_MAX {
        return out_of_range("prompt", "`prompt` must have 1 to 10000 characters");
    }
    if !(1..=COUNT_MAX).contains(&drawing.count) {
        return out_of_range("n", "`n` must be between 1 and 10");
    }
    check_sides(drawing.width.into_iter().chain(drawing.height))?;
    if (!drawing.loras.is_empty() || !drawing.controls.is_empty()) && !drawing.allow_drops {
        let message = "the model is not on this server, and no other service has this server's LoRAs and ControlNets; `allow_drops` leaves them out";
        return Err(ApiError::invalid("model", "model_not_found", message));
    }
    Ok(())
}
