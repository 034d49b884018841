//! What clients of stable-diffusion.cpp's server put into the prompt, since OpenAI's API has no place for it:
//! `a cat <sd_cpp_extra_args>{"sample_params": {"sample_steps": 28}}</sd_cpp_extra_args>`.
//!
//! The block is taken out, and its fields become ours; they count more than those beside the prompt. Those that nothing here answers to are
//! ignored, as unknown fields are everywhere.

use serde_json::{Map, Value};

use crate::ApiError;

const BEGIN: &str = "<sd_cpp_extra_args>";
const END: &str = "</sd_cpp_extra_args>";
/// Where a field is in theirs, and what it is called here.
const FIELDS: [(&str, &str); 14] = [
    ("/negative_prompt", "negative_prompt"),
    ("/width", "width"),
    ("/height", "height"),
    ("/strength", "strength"),
    ("/seed", "seed"),
    ("/batch_count", "n"),
    ("/output_format", "output_format"),
    ("/output_compression", "output_compression"),
    ("/lora", "loras"),
    ("/sample_params/sample_steps", "num_inference_steps"),
    ("/sample_params/sample_method", "sampler"),
    ("/sample_params/scheduler", "schedule"),
    ("/sample_params/eta", "eta"),
    ("/sample_params/guidance/txt_cfg", "guidance_scale"),
];
/// Their word for a model's own noise levels.
const OWN_SCHEDULE: &str = "discrete";

/// Takes the block out of a body's prompt and puts its fields into the body.
pub(super) fn unfold(body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let Some(prompt) = body.get("prompt").and_then(Value::as_str) else { return Ok(()) };
    let Some((before, rest)) = prompt.split_once(BEGIN) else { return Ok(()) };
    let wrong =
        || ApiError::invalid("prompt", "invalid_value", format!("what is in `{BEGIN}` must be a JSON object, up to `{END}`"));
    let (inside, after) = rest.split_once(END).ok_or_else(wrong)?;
    let told: Value = serde_json::from_str(inside).map_err(|_| wrong())?;
    if !told.is_object() {
        return Err(wrong());
    }
    let prompt = format!("{}{after}", before.trim_end());
    body.insert("prompt".to_owned(), Value::String(prompt));
    let found = FIELDS.iter().filter_map(|(theirs, ours)| Some((*ours, told.pointer(theirs)?)));
    body.extend(found.filter(|(_, value)| *value != OWN_SCHEDULE).map(|(ours, value)| (ours.to_owned(), value.clone())));
    // One is the last layer there, and less the model's own choice.
    if let Some(layers) = told.get("clip_skip").and_then(Value::as_i64).filter(|layers| *layers >= 1) {
        body.insert("clip_skip".to_owned(), Value::from(layers - 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unfolded(body: Value) -> Result<Value, ApiError> {
        let Value::Object(mut body) = body else { panic!("an object") };
        unfold(&mut body).map(|()| Value::Object(body))
    }

    #[test]
    fn fields_in_the_prompt_are_fields_of_the_body() {
        let told = json!({
            "seed": 5, "clip_skip": 2, "lora": [{"path": "ink", "multiplier": 0.5}], "cache_mode": "x",
            "sample_params": {"sample_steps": 28, "scheduler": "discrete", "guidance": {"txt_cfg": 6.5}},
        });
        let body = json!({"prompt": format!("a cat {BEGIN}{told}{END}, sitting"), "seed": 1, "n": 2});
        let expected = json!({
            "prompt": "a cat, sitting", "n": 2, "seed": 5, "clip_skip": 1, "loras": [{"path": "ink", "multiplier": 0.5}],
            "num_inference_steps": 28, "guidance_scale": 6.5,
        });
        assert_eq!(unfolded(body), Ok(expected));
        for same in [json!({"prompt": "a cat"}), json!({"prompt": 5}), json!({})] {
            assert_eq!(unfolded(same.clone()), Ok(same));
        }
        for wrong in ["{}", "[]</sd_cpp_extra_args>", "{</sd_cpp_extra_args>"] {
            let error = unfolded(json!({"prompt": format!("a cat {BEGIN}{wrong}")})).unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), ("invalid_value", 400), "{wrong}");
        }
    }
}
