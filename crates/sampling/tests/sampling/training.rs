//! Training noise levels against torch: `alphas_cumprod` to the bit, sigmas to the last one or so, which torch rounds differently on
//! different processors (`fixtures/torch_noise.py` makes the golden file).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{fixture, numbers};
use easel_sampling::{BetaSchedule, TrainingConfig, TrainingSchedule};

#[test]
fn levels_are_torchs_to_the_bit() {
    for case in fixture("torch_noise.json")["levels"].as_array().unwrap() {
        let mut config = TrainingConfig::default();
        config.beta_start = case["beta_start"].as_f64().unwrap_or(config.beta_start);
        config.beta_end = case["beta_end"].as_f64().unwrap_or(config.beta_end);
        config.num_train_timesteps = case["num_train_timesteps"].as_u64().unwrap_or(1000) as u32;
        config.rescale_betas_zero_snr = case["rescale_betas_zero_snr"] == true;
        config.beta_schedule = match case["beta_schedule"].as_str() {
            Some("linear") => BetaSchedule::Linear,
            Some("squaredcos_cap_v2") => BetaSchedule::SquaredcosCapV2,
            _ => BetaSchedule::ScaledLinear,
        };
        let rescaled = config.rescale_betas_zero_snr;
        let schedule = TrainingSchedule::new(config).unwrap();
        let levels = schedule.exact_levels();
        let some: Vec<f64> = levels.alphas_cumprod().iter().step_by(111).copied().collect();
        for (i, (ours, torchs)) in some.iter().zip(numbers(&case["some"])).enumerate() {
            assert!((ours - torchs).abs() <= 3e-7 * torchs, "{case}: level {} is {ours}, not {torchs}", 111 * i);
        }
        for (ours, torchs) in levels.sigmas().iter().step_by(111).zip(case["sigmas"].as_array().unwrap()) {
            let torchs = torchs.as_f64().unwrap_or(f64::INFINITY);
            assert!(*ours == torchs || (ours - torchs).abs() <= 2e-6 * torchs, "sigma {ours} is not {torchs}");
        }
        // The rescaling takes square roots, which torch's vector code does not round correctly everywhere.
        if rescaled {
            continue;
        }
        let digest = levels.alphas_cumprod().iter().fold(0xcbf2_9ce4_8422_2325u64, |digest, level| {
            (digest ^ u64::from((*level as f32).to_bits())).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(digest.to_string(), case["digest"].as_str().unwrap(), "{case}");
    }
}
