//! What a request or its caller's settings say of noise: variation seeds, seeds of another size, ENSD, churn, factors, and below which level
//! of it there is no guidance.

use easel_types::{Noising, Variation};

use super::flag::flag;
use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range},
};

/// The settings that are about noise.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSettings {
    /// `eta_noise_seed_delta` (ENSD).
    pub seed_delta: i64,
    /// `initial_noise_multiplier`.
    pub multiplier: f64,
    /// `s_churn`.
    pub churn: f64,
    /// `s_tmin`.
    pub churn_from: f64,
    /// `s_tmax`; 0 is no limit.
    pub churn_to: f64,
    /// `s_noise`.
    pub factor: f64,
    /// `s_min_uncond`; 0 is no limit.
    pub unguided_below: f64,
    /// `s_min_uncond_all`.
    pub unguided_always: bool,
    /// `img2img_fix_steps`.
    pub whole_steps: bool,
    /// `always_discard_next_to_last_sigma`.
    pub discard: bool,
}

impl Default for NoiseSettings {
    fn default() -> Self {
        Self {
            seed_delta: 0,
            multiplier: 1.0,
            churn: 0.0,
            churn_from: 0.0,
            churn_to: 0.0,
            factor: 1.0,
            unguided_below: 0.0,
            unguided_always: false,
            whole_steps: false,
            discard: false,
        }
    }
}

impl NoiseSettings {
    /// Sets one of them to what the fields say; false if it is none of them.
    pub fn set(&mut self, name: &str, fields: &Fields) -> Result<bool, ApiError> {
        let number = |name: &'static str, least: f64, most: f64, usual: f64| -> Result<f64, ApiError> {
            let number = fields.number(&[name])?.unwrap_or(usual);
            let range = format!("between {least} and {most}");
            if (least..=most).contains(&number) { Ok(number) } else { Err(out_of_range(name, &range, number)) }
        };
        match name {
            "eta_noise_seed_delta" => {
                let delta = fields.integer(&["eta_noise_seed_delta"])?.unwrap_or(0);
                let expected = "a whole number of at most 63 bits";
                self.seed_delta = i64::try_from(delta).map_err(|_| out_of_range("eta_noise_seed_delta", expected, delta))?;
            }
            "initial_noise_multiplier" => self.multiplier = number("initial_noise_multiplier", 0.0, 10.0, 1.0)?,
            "s_churn" => self.churn = number("s_churn", 0.0, 1000.0, 0.0)?,
            "s_tmin" => self.churn_from = number("s_tmin", 0.0, 1000.0, 0.0)?,
            "s_tmax" => self.churn_to = number("s_tmax", 0.0, 1000.0, 0.0)?,
            "s_noise" => self.factor = number("s_noise", 0.0, 10.0, 1.0)?,
            "s_min_uncond" => self.unguided_below = number("s_min_uncond", 0.0, 1000.0, 0.0)?,
            "s_min_uncond_all" => self.unguided_always = flag(fields, "s_min_uncond_all")?.unwrap_or(false),
            "img2img_fix_steps" => self.whole_steps = flag(fields, "img2img_fix_steps")?.unwrap_or(false),
            "always_discard_next_to_last_sigma" => {
                self.discard = flag(fields, "always_discard_next_to_last_sigma")?.unwrap_or(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What a request says, and where it says nothing its caller's settings.
pub fn read(fields: &Fields, settings: &NoiseSettings) -> Result<Noising, ApiError> {
    let mut said = settings.clone();
    for name in ["initial_noise_multiplier", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond"] {
        if fields.0.get(name).is_some_and(|value| !value.is_null()) {
            said.set(name, fields)?;
        }
    }
    Ok(Noising {
        variation: variation(fields)?,
        resized_from: resized_from(fields)?,
        later_seed_delta: said.seed_delta,
        start_factor: said.multiplier,
        churn: said.churn,
        churn_from: said.churn_from,
        churn_to: Some(said.churn_to).filter(|most| *most > 0.0),
        step_factor: said.factor,
        unguided_below: said.unguided_below,
        // What is never asked for is nothing special.
        unguided_always: said.unguided_always && said.unguided_below > 0.0,
        whole_steps: said.whole_steps,
        discard_next_to_last: said.discard.then_some(true),
        ..Noising::default()
    })
}

/// Another seed, if there is to be something of it; -1 is a random one.
fn variation(fields: &Fields) -> Result<Option<Variation>, ApiError> {
    let strength = fields.number(&["subseed_strength"])?.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&strength) {
        return Err(out_of_range("subseed_strength", "between 0 and 1", strength));
    }
    let seed = match fields.integer(&["subseed"])? {
        // A1111's random seeds are below 2^32.
        None | Some(-1) => u64::from(rand::random::<u32>()),
        Some(seed) => u64::try_from(seed).map_err(|_| out_of_range("subseed", "between 0 and 2^64 - 1, or -1", seed))?,
    };
    Ok((strength > 0.0).then_some(Variation { seed, strength }))
}

/// Both sides, or none.
fn resized_from(fields: &Fields) -> Result<Option<(u32, u32)>, ApiError> {
    let side = |name: &'static str| -> Result<Option<u32>, ApiError> {
        match fields.integer(&[name])?.filter(|side| *side > 0) {
            None => Ok(None),
            Some(side) => u32::try_from(side).map(Some).map_err(|_| out_of_range(name, "a size of a picture", side)),
        }
    };
    Ok(side("seed_resize_from_w")?.zip(side("seed_resize_from_h")?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn noising(body: Value, settings: &NoiseSettings) -> Result<Noising, ApiError> {
        let Value::Object(object) = body else { panic!("an object") };
        read(&Fields(object), settings)
    }

    #[test]
    fn what_clients_always_send_is_nothing_special() {
        let body = json!({
            "subseed": -1, "subseed_strength": 0.0, "seed_resize_from_h": 0, "seed_resize_from_w": -1, "s_churn": 0, "s_tmax": 0,
            "s_tmin": 0, "s_noise": 1, "s_min_uncond": 0, "initial_noise_multiplier": 1,
        });
        assert!(noising(body, &NoiseSettings::default()).unwrap().is_usual());
        assert!(noising(json!({}), &NoiseSettings::default()).unwrap().is_usual());
        assert!(noising(json!({}), &NoiseSettings { unguided_always: true, ..NoiseSettings::default() }).unwrap().is_usual());
    }

    #[test]
    fn a_request_goes_before_the_settings() {
        let settings = NoiseSettings { seed_delta: 31337, churn: 2.0, multiplier: 1.1, ..NoiseSettings::default() };
        let body = json!({
            "subseed": 7, "subseed_strength": 0.25, "seed_resize_from_w": 512, "seed_resize_from_h": 768, "s_churn": 3, "s_tmax": 9,
        });
        let said = noising(body, &settings).unwrap();
        assert_eq!(said.variation, Some(Variation { seed: 7, strength: 0.25 }));
        assert_eq!((said.resized_from, said.later_seed_delta), (Some((512, 768)), 31337));
        assert_eq!((said.churn, said.churn_to, said.start_factor), (3.0, Some(9.0), 1.1));
        let settings = NoiseSettings { unguided_below: 1.0, unguided_always: true, ..NoiseSettings::default() };
        let said = noising(json!({"s_min_uncond": 2.5}), &settings).unwrap();
        assert_eq!((said.unguided_below, said.unguided_always), (2.5, true));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (field, value) in [
            ("subseed_strength", json!(1.5)),
            ("s_churn", json!(-1)),
            ("s_min_uncond", json!(-1)),
            ("initial_noise_multiplier", json!(11)),
        ] {
            let error = noising(json!({field: value}), &NoiseSettings::default()).unwrap_err();
            assert!(error.body().to_string().contains(field), "{field}");
        }
        assert!(noising(json!({"subseed": -2, "subseed_strength": 0.5}), &NoiseSettings::default()).is_err());
    }
}
