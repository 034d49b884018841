//! `/v1/models`.

pub(crate) mod get;
pub(crate) mod list;

use easel_engine::ModelDescription;

use crate::{AppState, compat::openai::response::Model};

fn view(state: &AppState, model: &ModelDescription) -> Model {
    Model {
        id: model.id.0.clone(),
        object: "model",
        created: state.started,
        owned_by: "easel",
        family: model.family.clone(),
        native_size: format!("{}x{}", model.width, model.height),
    }
}
