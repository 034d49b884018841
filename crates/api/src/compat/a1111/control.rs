//! What always-on scripts ask for. ControlNet's units are understood; of others, those that are switched off are passed over, and those that
//! are not are refused by name, as A1111 refuses scripts that it does not have.

use axum::http::StatusCode;
use easel_imaging::repaint::Fit;
use easel_types::ControlBalance;
use serde_json::{Map, Value};

use super::{flag::flag, neutral::refused};
use crate::{
    ApiError,
    compat::fields::{Fields, unknown_value},
};

/// The script's name, in small letters.
const CONTROL_NET: &str = "controlnet";
/// Parts of A1111's own pages, in small letters: clients that copy all scripts send them, and its API passes them over, as their fields count.
const PAGES: [&str; 3] = ["sampler", "seed", "refiner"];
/// What is done to a picture before the ControlNet sees it.
pub const MODULES: [&str; 2] = ["none", "canny"];
/// Words for how a picture is brought to the size, for what counts more, and for the passes; requests may say their places instead.
const FITS: [&str; 3] = ["Just Resize", "Crop and Resize", "Resize and Fill"];
const BALANCES: [&str; 3] = ["Balanced", "My prompt is more important", "ControlNet is more important"];
const PASSES: [&str; 3] = ["Both", "Low res only", "High res only"];
/// What texts of pictures call the units.
const NAMES: [&str; 8] = [
    "ControlNet 0",
    "ControlNet 1",
    "ControlNet 2",
    "ControlNet 3",
    "ControlNet 4",
    "ControlNet 5",
    "ControlNet 6",
    "ControlNet 7",
];
const CANNY_LOW: f64 = 100.0;
const CANNY_HIGH: f64 = 200.0;

/// A ControlNet that is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its name.
    pub model: String,
    /// Its picture, as it was sent; of image-to-image the start if there is none.
    pub image: Option<String>,
    /// What is done to the picture.
    pub module: Module,
    /// How much of it there is.
    pub weight: f64,
    /// The share of the steps after which it begins.
    pub start: f64,
    /// The share of the steps after which it ends.
    pub end: f64,
    /// Whether the words or the ControlNet counts more.
    pub balance: ControlBalance,
    /// How the picture is brought to the size.
    pub fit: Fit,
    /// In the first pass.
    pub low: bool,
    /// In the second pass.
    pub high: bool,
}

/// What is done to a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Module {
    /// Nothing: it is edges, depths or a pose already.
    None,
    /// Its edges are found.
    Canny {
        /// Weaker ones are none.
        low: u32,
        /// Stronger ones are some.
        high: u32,
    },
}

impl Unit {
    /// As the extension writes it: floating numbers as Python shows them.
    fn written(&self) -> String {
        let (module, thresholds) = match self.module {
            Module::None => ("none", String::new()),
            Module::Canny { low, high } => ("canny", format!(", Threshold A: {low}, Threshold B: {high}")),
        };
        let fit = match self.fit {
            Fit::Stretch => FITS[0],
            Fit::Crop => FITS[1],
            Fit::Fill => FITS[2],
        };
        let balance = match self.balance {
            ControlBalance::Balanced => BALANCES[0],
            ControlBalance::Prompt => BALANCES[1],
            ControlBalance::Control => BALANCES[2],
        };
        let passes = match (self.low, self.high) {
            (true, true) => PASSES[0],
            (true, false) => PASSES[1],
            (false, _) => PASSES[2],
        };
        // What separates values is in none.
        let model = self.model.replace([',', ':'], "");
        let Self { weight, start, end, .. } = self;
        format!(
            "Module: {module}, Model: {model}, Weight: {weight:?}, Resize Mode: {fit}{thresholds}, Guidance Start: {start:?}, \
             Guidance End: {end:?}, Pixel Perfect: True, Control Mode: {balance}, Hr Option: {passes}"
        )
    }
}

/// What the text of a picture says of its ControlNets.
pub fn told(units: &[Unit]) -> Vec<(&'static str, String)> {
    NAMES.into_iter().zip(units.iter().map(Unit::written)).collect()
}

/// The units of a request.
pub fn units(fields: &Fields) -> Result<Vec<Unit>, ApiError> {
    let scripts = match fields.0.get("alwayson_scripts") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(scripts)) => scripts,
        Some(_) => return Err(ApiError::invalid("alwayson_scripts", "invalid_type", "`alwayson_scripts` must be an object")),
    };
    let mut units = Vec::new();
    for (name, script) in scripts {
        let arguments = script.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if name.eq_ignore_ascii_case(CONTROL_NET) {
            for unit in arguments.iter().filter_map(Value::as_object) {
                units.extend(read(unit)?);
            }
        } else if !is_off(arguments) && !PAGES.iter().any(|page| name.eq_ignore_ascii_case(page)) {
            let shown: String = name.chars().take(40).collect();
            let message =
                format!("always on script {shown} not found: this server does not have it; leave it out, or switch it off");
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "script_not_found", message));
        }
    }
    Ok(units)
}

/// Without arguments, or with a switch that is off first, as extensions have it.
fn is_off(arguments: &[Value]) -> bool {
    match arguments.first() {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Object(first)) => {
            first.get("enabled").or_else(|| first.get("enable")) == Some(&Value::Bool(false)) || first.is_empty()
        }
        Some(_) => false,
    }
}

/// A unit; `None` if it is switched off.
fn read(unit: &Map<String, Value>) -> Result<Option<Unit>, ApiError> {
    let fields = Fields(unit.clone());
    let model = fields.text(&["model"])?.unwrap_or_default();
    let model = model.split(" [").next().unwrap_or_default().trim().to_owned();
    if !flag(&fields, "enabled")?.unwrap_or(true) || model.is_empty() || model.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    if fields.text(&["mask"])?.is_some_and(|mask| !mask.is_empty()) {
        return Err(refused("mask", "a ControlNet for a part of the picture"));
    }
    let balance = match choice(&fields, "control_mode", &BALANCES)? {
        0 => ControlBalance::Balanced,
        1 => ControlBalance::Prompt,
        _ => ControlBalance::Control,
    };
    let passes = choice(&fields, "hr_option", &PASSES)?;
    let fit = match choice(&fields, "resize_mode", &FITS)? {
        0 => Fit::Stretch,
        1 => Fit::Crop,
        _ => Fit::Fill,
    };
    Ok(Some(Unit {
        model,
        image: image(unit)?,
        module: module(&fields)?,
        weight: fields.number(&["weight"])?.unwrap_or(1.0),
        start: fields.number(&["guidance_start"])?.unwrap_or(0.0),
        end: fields.number(&["guidance_end"])?.unwrap_or(1.0),
        balance,
        fit,
        low: passes != 2,
        high: passes != 1,
    }))
}

/// The picture, alone or in an object beside a mask.
fn image(unit: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let wrong = || ApiError::invalid("image", "invalid_type", "a ControlNet's `image` must be a picture in base64");
    match unit.get("image").filter(|image| !image.is_null()).or_else(|| unit.get("input_image")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Object(both)) => {
            if both.get("mask").and_then(Value::as_str).is_some_and(|mask| !mask.is_empty()) {
                return Err(refused("mask", "a ControlNet for a part of the picture"));
            }
            both.get("image").and_then(Value::as_str).map(|text| Some(text.to_owned())).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

fn module(fields: &Fields) -> Result<Module, ApiError> {
    let named = fields.text(&["module"])?.unwrap_or_default();
    match named.trim().to_ascii_lowercase().as_str() {
        "" | "none" => Ok(Module::None),
        "canny" => {
            let level = |name: &'static str, usual: f64| -> Result<u32, ApiError> {
                let level = fields.number(&[name])?.filter(|level| *level > 0.0).unwrap_or(usual);
                Ok(level.min(f64::from(u16::MAX)) as u32)
            };
            Ok(Module::Canny { low: level("threshold_a", CANNY_LOW)?, high: level("threshold_b", CANNY_HIGH)? })
        }
        _ => Err(unknown_value("module", &MODULES.join(", "), &named)),
    }
}

/// One of several words, or its place among them.
fn choice(fields: &Fields, name: &'static str, words: &[&str]) -> Result<usize, ApiError> {
    // webuiapi has versions that put the word into a list of its own.
    let value = match fields.0.get(name) {
        Some(Value::Array(one)) if one.len() == 1 => one[0].clone(),
        value => value.cloned().unwrap_or(Value::Null),
    };
    let fields = Fields(Map::from_iter([(name.to_owned(), value)]));
    if let Some(place) = fields.0.get(name).and_then(Value::as_u64) {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        return if place < words.len() { Ok(place) } else { Err(unknown_value(name, &words.join(", "), &place.to_string())) };
    }
    let Some(word) = fields.text(&[name])?.filter(|word| !word.trim().is_empty()) else { return Ok(0) };
    // Either form of "Resize and Fill" is sent: "Inner Fit (Scale to Fit)" is of a version nobody has any more.
    let found = words.iter().position(|known| known.eq_ignore_ascii_case(word.trim()));
    found.ok_or_else(|| unknown_value(name, &words.join(", "), &word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn units(scripts: Value) -> Result<Vec<Unit>, ApiError> {
        let Value::Object(body) = json!({"alwayson_scripts": scripts}) else { panic!("an object") };
        super::units(&Fields(body))
    }

    #[test]
    fn what_is_switched_off_is_passed_over() {
        for scripts in [
            json!({}),
            json!(null),
            json!({"ControlNet": {"args": []}}),
            json!({"ADetailer": {"args": [false]}}),
            json!({"Refiner": {"args": [false, "", 0.8]}}),
            // As A1111's own page would send all of them.
            json!({
                "API payload": {"args": []}, "Comments": {"args": []}, "Extra options": {"args": []}, "Hypertile": {"args": []},
                "Refiner": {"args": [true, "sdxl_refiner", 0.8]}, "Sampler": {"args": [20, "DPM++ 2M", "Karras"]},
                "Seed": {"args": [-1, false, -1, 0, 0, 0]}, "Soft Inpainting": {"args": [false, 1, 0.5, 4, 0, 0.5, 2]},
            }),
            json!({"ControlNet": {"args": [{"enabled": false, "model": "edges"}]}}),
            json!({"controlnet": {"args": [{"model": "None"}]}}),
        ] {
            assert_eq!(units(scripts.clone()), Ok(Vec::new()), "{scripts}");
        }
        let error = units(json!({"ADetailer": {"args": [true, {"ad_model": "face_yolov8n.pt"}]}})).unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (422, "script_not_found"));
    }

    #[test]
    fn a_unit_of_webuiapi_is_understood() {
        let unit = json!({
            "image": "aGk=", "mask": null, "module": "canny", "model": "sd15_canny [d14c016b]", "weight": 0.5,
            "resize_mode": "Crop and Resize", "low_vram": false, "processor_res": 512, "threshold_a": 64, "threshold_b": 128,
            "guidance_start": 0.1, "guidance_end": 0.9, "control_mode": "Balanced", "pixel_perfect": false, "hr_option": "Both",
            "enabled": true,
        });
        let mut listed = unit.clone();
        listed["control_mode"] = json!(["Balanced"]);
        let read = units(json!({"ControlNet": {"args": [unit, listed]}})).unwrap();
        let expected = Unit {
            model: "sd15_canny".to_owned(),
            image: Some("aGk=".to_owned()),
            module: Module::Canny { low: 64, high: 128 },
            weight: 0.5,
            start: 0.1,
            end: 0.9,
            balance: ControlBalance::Balanced,
            fit: Fit::Crop,
            low: true,
            high: true,
        };
        assert_eq!(read, [expected.clone(), expected]);
    }

    #[test]
    fn units_are_told_as_the_extension_tells_them() {
        let unit = |more: Value| {
            let mut unit = json!({"model": "edges [d14c016b]", "image": "aGk="});
            unit.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            unit
        };
        let all = units(json!({"ControlNet": {"args": [
            unit(json!({})),
            unit(json!({
                "module": "canny", "threshold_a": 64, "threshold_b": 128.0, "weight": 0.5, "guidance_start": 0.1, "guidance_end": 0.9,
                "resize_mode": 1, "control_mode": 2, "hr_option": "High res only",
            })),
        ]}}));
        let told = told(&all.unwrap());
        let expected = [
            (
                "ControlNet 0",
                "Module: none, Model: edges, Weight: 1.0, Resize Mode: Just Resize, Guidance Start: 0.0, Guidance End: 1.0, \
                 Pixel Perfect: True, Control Mode: Balanced, Hr Option: Both",
            ),
            (
                "ControlNet 1",
                "Module: canny, Model: edges, Weight: 0.5, Resize Mode: Crop and Resize, Threshold A: 64, Threshold B: 128, \
                 Guidance Start: 0.1, Guidance End: 0.9, Pixel Perfect: True, Control Mode: ControlNet is more important, \
                 Hr Option: High res only",
            ),
        ];
        assert_eq!(told.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_counts_more_is_said_in_words_or_by_its_place() {
        for (said, balance) in [
            (json!(null), ControlBalance::Balanced),
            (json!(0), ControlBalance::Balanced),
            (json!("My prompt is more important"), ControlBalance::Prompt),
            (json!(1), ControlBalance::Prompt),
            (json!("ControlNet is more important"), ControlBalance::Control),
            (json!(["ControlNet is more important"]), ControlBalance::Control),
            (json!(2), ControlBalance::Control),
        ] {
            let unit = json!({"model": "edges", "image": "aGk=", "control_mode": said});
            assert_eq!(units(json!({"ControlNet": {"args": [unit]}})).unwrap()[0].balance, balance, "{said}");
        }
    }

    #[test]
    fn what_a_unit_cannot_do_is_named() {
        for (field, value, code) in [
            ("module", json!("openpose_full"), "invalid_value"),
            ("control_mode", json!(3), "invalid_value"),
            ("control_mode", json!("Mine"), "invalid_value"),
            ("mask", json!("aGk="), "unsupported_parameter"),
            ("resize_mode", json!(7), "invalid_value"),
            ("image", json!(5), "invalid_type"),
        ] {
            let mut unit = json!({"model": "edges", "image": "aGk="});
            unit[field] = value;
            assert_eq!(units(json!({"ControlNet": {"args": [unit]}})).unwrap_err().code(), code, "{field}");
        }
    }
}
