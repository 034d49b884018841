//! OpenAI's model names. A server that has none of these models draws with its default instead, so that clients work unchanged.

use easel_engine::{Engine, SubmitError};
use easel_types::ModelId;

use crate::ApiError;

/// Names that stand for "whatever this server has" unless a model of that name is installed.
const ALIASES: [&str; 5] = ["auto", "default", "dall-e-2", "dall-e-3", "chatgpt-image-latest"];
/// And every name that begins like this.
const GPT_IMAGE: &str = "gpt-image-";

/// Models of this family answer with base64 only, whatever the request says.
pub fn answers_base64_only(name: &str) -> bool {
    name.starts_with(GPT_IMAGE) || name == "chatgpt-image-latest"
}

fn is_alias(name: &str) -> bool {
    ALIASES.contains(&name) || name.starts_with(GPT_IMAGE)
}

/// Looks for a model that nobody has heard of yet: it may have been installed since the server started.
pub async fn look_for(name: &str, engine: &Engine) {
    let name = name.trim();
    if !name.is_empty() && !is_alias(name) && engine.find_model(Some(&name.into())).is_err() {
        engine.refresh_models().await;
    }
}

/// The model a name stands for; `None` is the default.
pub fn resolve(name: Option<&str>, engine: &Engine) -> Result<Option<ModelId>, ApiError> {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let id = ModelId::from(name);
    match engine.find_model(Some(&id)) {
        Ok(_) => Ok(Some(id)),
        Err(_) if is_alias(name) => Ok(None),
        // Before its models are known, an engine can only say that it is not ready.
        Err(_) if engine.models().is_empty() => Err(SubmitError::Loading.into()),
        Err(_) => Err(ApiError::model_not_found(name)),
    }
}
