//! Models under the names A1111's clients have for them: the title they were shown, the file's name, or the hash.

use easel_engine::{Engine, ModelDescription, SubmitError};
use easel_types::ModelId;

use crate::ApiError;

/// As clients show it, and set it: with the hash, if there is one.
pub fn title(model: &ModelDescription) -> String {
    match &model.hash {
        Some(hash) => format!("{} [{hash}]", model.id),
        None => model.id.0.clone(),
    }
}

/// Looks for a model that nobody has heard of yet: it may have been installed since the server started.
pub async fn look_for(name: &str, engine: &Engine) {
    if find(name, engine).is_err() {
        engine.refresh_models().await;
    }
}

/// The model of a name; an empty one is the default.
pub fn find(name: &str, engine: &Engine) -> Result<Option<ModelId>, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let models = engine.models();
    let found = models.iter().find(|model| model.id.0 == name).or_else(|| models.iter().find(|model| is_called(model, name)));
    match found {
        Some(model) => Ok(Some(model.id.clone())),
        None if models.is_empty() => Err(SubmitError::Loading.into()),
        None => Err(ApiError::model_not_found(name)),
    }
}

fn is_called(model: &ModelDescription, name: &str) -> bool {
    let (head, hash) = match name.rsplit_once(" [") {
        Some((head, tail)) if tail.ends_with(']') => (head, Some(tail.trim_end_matches(']'))),
        _ => (name, None),
    };
    let own = model.hash.as_deref();
    let same_hash = |hash: &str| own.is_some_and(|own| hash.len() >= 8 && (own.starts_with(hash) || hash.starts_with(own)));
    // Another file of the same name is another model.
    if hash.is_some_and(|hash| own.is_some() && !same_hash(hash)) {
        return false;
    }
    same_hash(name.trim_matches(['[', ']'])) || head == model.id.0 || stem(head) == stem(&model.id.0)
}

/// Without folders and the endings of weight files.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    [".safetensors", ".ckpt", ".sft"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn files_are_called_without_their_folder_and_ending() {
        assert_eq!(stem("sd/v1-5.safetensors"), "v1-5");
        assert_eq!(stem("C:\\models\\v1-5.ckpt"), "v1-5");
        assert_eq!(stem("org/name"), "name");
        assert_eq!(stem("v1.5"), "v1.5");
    }
}
