//! A model as OpenAI's API shows it.

use easel_engine::ModelDescription;

use crate::{AppState, compat::openai::response::Model};

pub(super) fn view(state: &AppState, model: &ModelDescription) -> Model {
    Model {
        id: model.id.0.clone(),
        object: "model",
        created: state.started,
        owned_by: "easel",
        family: model.family.clone(),
        native_size: format!("{}x{}", model.width, model.height),
    }
}
