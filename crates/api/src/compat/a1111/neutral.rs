//! Fields of A1111 that would change the picture in a way that cannot be done here. Clients send all of them with every request, so each has
//! values that ask for nothing; anything else is refused by name.

use axum::http::StatusCode;
use serde_json::Value;

use super::flag::flag;
use crate::{ApiError, compat::fields::Fields};

/// Flags that must not be set, and what they would ask for.
const FLAGS: [(&str, &str); 2] = [("restore_faces", "the restoration of faces"), ("tiling", "pictures that tile")];

/// Texts that must be empty or "None".
const TEXTS: [(&str, &str); 3] = [
    ("refiner_checkpoint", "a refiner"),
    ("firstpass_image", "a first pass that was drawn elsewhere"),
    ("latent_mask", "a mask of latents"),
];

/// Lists that must be empty, or name what is there anyway.
const LISTS: [(&str, &str, &str); 1] =
    [("hr_additional_modules", "Use same choices", "other parts of the model in the second pass")];

/// Refuses what cannot be done.
pub fn check(fields: &Fields) -> Result<(), ApiError> {
    for (name, what) in FLAGS {
        if flag(fields, name)?.unwrap_or(false) {
            return Err(refused(name, what));
        }
    }
    for (name, what) in TEXTS {
        let text = fields.text(&[name])?.unwrap_or_default();
        if !text.trim().is_empty() && !text.trim().eq_ignore_ascii_case("none") {
            return Err(refused(name, what));
        }
    }
    for (name, neutral, what) in LISTS {
        let items = match fields.0.get(name) {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => return Err(ApiError::invalid(name, "invalid_type", format!("`{name}` must be a list"))),
        };
        if items.iter().any(|item| item.as_str().is_none_or(|item| item != neutral)) {
            return Err(refused(name, what));
        }
    }
    script(fields)
}

/// Scripts that are chosen by name. There are none.
fn script(fields: &Fields) -> Result<(), ApiError> {
    let named = fields.text(&["script_name"])?.unwrap_or_default();
    if named.trim().is_empty() || named.trim().eq_ignore_ascii_case("none") {
        return Ok(());
    }
    let shown: String = named.chars().take(40).collect();
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "script_not_found", format!("Script '{shown}' not found")))
}

/// What cannot be done.
pub fn refused(name: &str, what: &str) -> ApiError {
    ApiError::invalid(
        name,
        "unsupported_parameter",
        format!("`{name}` asks for {what}, which this server does not do; leave it out"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: Value) -> Result<(), ApiError> {
        let Value::Object(object) = body else { panic!("an object") };
        super::check(&Fields(object))
    }

    #[test]
    fn what_clients_always_send_asks_for_nothing() {
        // webuiapi's defaults.
        let body = json!({
            "styles": [], "subseed": -1, "subseed_strength": 0.0, "seed_resize_from_h": 0, "seed_resize_from_w": 0,
            "restore_faces": false, "tiling": false, "s_min_uncond": 0, "s_churn": 0, "s_tmax": 0, "s_tmin": 0, "s_noise": 1,
            "script_name": null,
            "script_args": [], "initial_noise_multiplier": 1, "image_cfg_scale": 1.5,
        });
        assert_eq!(check(body), Ok(()));
        assert_eq!(check(json!({})), Ok(()));
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        for (field, value) in [
            ("restore_faces", json!(true)),
            ("tiling", json!(1)),
            ("hr_additional_modules", json!(["another.vae"])),
            ("refiner_checkpoint", json!("sdxl_refiner")),
        ] {
            let error = check(json!({field: value})).unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), ("unsupported_parameter", 400), "{field}");
            assert!(error.body().to_string().contains(field), "{field}");
        }
        assert_eq!(check(json!({"script_name": "x/y/z plot"})).unwrap_err().code(), "script_not_found");
        assert_eq!(check(json!({"hr_additional_modules": "x"})).unwrap_err().code(), "invalid_type");
    }
}
