//! ControlNets in the body of a request, which OpenAI's API has not: a list `controlnet`, each with a picture by address or as base64.
//!
//! Fields go by our own names, by diffusers' (`conditioning_scale`, `control_guidance_start`) or by A1111's (`module`, `guidance_start`).

use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range, unknown_value},
};

/// What the planner takes; pictures of more are not even read.
const CONTROLS_MAX: usize = 8;

/// A ControlNet, and the picture it looks at as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlAsked {
    /// Its name.
    pub model: String,
    /// An address, a data URL or base64.
    pub image: String,
    /// How much of it there is.
    pub weight: f64,
    /// The share of the steps after which it begins.
    pub start: f64,
    /// The share of the steps after which it ends.
    pub end: f64,
    /// It looks at the picture's edges, which are found here.
    pub edges: bool,
}

impl ControlAsked {
    /// All of a body.
    pub(super) fn read(fields: &Fields) -> Result<Vec<Self>, ApiError> {
        let all = fields.objects(&["controlnet", "controlnets", "controls"])?;
        if all.len() > CONTROLS_MAX {
            return Err(out_of_range("controlnet", "a list of at most 8", all.len()));
        }
        all.iter().map(Self::of).collect()
    }

    fn of(control: &Fields) -> Result<Self, ApiError> {
        let needed = |spellings: &[&'static str], what: &str| {
            let missing =
                || ApiError::invalid("controlnet", "missing_required_parameter", format!("every `controlnet` needs {what}"));
            control.text(spellings)?.ok_or_else(missing)
        };
        let edges = match control.text(&["preprocessor", "module"])?.as_deref().map(str::trim) {
            None | Some("" | "none" | "None") => false,
            Some("canny") => true,
            Some(other) => return Err(unknown_value("controlnet", "none, canny for `preprocessor`", other)),
        };
        Ok(Self {
            model: needed(&["model", "name"], "a `model`")?,
            image: needed(&["image", "image_url", "input_image"], "an `image`")?,
            weight: control.number(&["weight", "conditioning_scale", "controlnet_conditioning_scale"])?.unwrap_or(1.0),
            start: control.number(&["start", "control_guidance_start", "guidance_start"])?.unwrap_or(0.0),
            end: control.number(&["end", "control_guidance_end", "guidance_end"])?.unwrap_or(1.0),
            edges,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn read(value: Value) -> Result<Vec<ControlAsked>, ApiError> {
        ControlAsked::read(&Fields(Map::from_iter([("controlnet".to_owned(), value)])))
    }

    #[test]
    fn names_of_several_programs_are_known() {
        let expected =
            ControlAsked { model: "edges".to_owned(), image: "AQI=".to_owned(), weight: 0.5, start: 0.1, end: 0.9, edges: true };
        for one in [
            json!({"model": "edges", "image": "AQI=", "weight": 0.5, "start": 0.1, "end": 0.9, "preprocessor": "canny"}),
            json!({"name": "edges", "image_url": "AQI=", "conditioning_scale": "0.5", "control_guidance_start": 0.1,
                "control_guidance_end": 0.9, "preprocessor": "canny"}),
            json!({"model": "edges", "input_image": "AQI=", "weight": 0.5, "guidance_start": 0.1, "guidance_end": 0.9, "module": "canny"}),
        ] {
            assert_eq!(read(json!([one])), Ok(vec![expected.clone()]));
            assert_eq!(read(json!(json!([one]).to_string())), Ok(vec![expected.clone()]), "a form has nothing but strings");
        }
        assert_eq!(read(Value::Null), Ok(Vec::new()));
        let plain = read(json!([{"model": "edges", "image": "AQI="}])).unwrap().remove(0);
        assert_eq!((plain.weight, plain.start, plain.end, plain.edges), (1.0, 0.0, 1.0, false));
        for (wrong, code) in [
            (json!([{"model": "edges"}]), "missing_required_parameter"),
            (json!([{"image": "AQI="}]), "missing_required_parameter"),
            (json!([{"model": "edges", "image": "AQI=", "module": "depth_midas"}]), "invalid_value"),
            (json!(vec![json!({"model": "edges", "image": "AQI="}); 9]), "out_of_range"),
            (json!("edges"), "invalid_type"),
        ] {
            assert_eq!(read(wrong.clone()).unwrap_err().code(), code, "{wrong}");
        }
    }
}
