//! Whatever is asked for, the answer is a finite table or an error.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use easel_sampling::{
    FinalSigma, NoiseDraw, PredictionType, SamplerConfig, SamplingError, SolverType, TrainingConfig, TrainingSchedule, table,
};
use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};
use proptest::prelude::*;
use proptest::sample::select;

fn configs() -> impl Strategy<Value = SamplerConfig> {
    let names = (select(SamplerKind::ALL), select(SigmaSchedule::ALL), select(Convention::ALL));
    let spacing = proptest::option::of(select(TimestepSpacing::ALL));
    let solver = (
        proptest::option::of(1u32..=3),
        proptest::option::of(select(&[SolverType::Midpoint, SolverType::Heun, SolverType::Bh1, SolverType::Bh2][..])),
        proptest::option::of(select(&[FinalSigma::Zero, FinalSigma::SigmaMin][..])),
        proptest::option::of(any::<bool>()),
        any::<bool>(),
    );
    let noise = (proptest::option::of(0.0..=1.0), prop_oneof![Just(0.0), 0.0..40.0]);
    let rest = (proptest::option::of(0u32..50), proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()));
    (names, spacing, solver, noise, rest).prop_map(|((kind, schedule, convention), timestep_spacing, solver, noise, rest)| {
        SamplerConfig {
            convention,
            timestep_spacing,
            solver_order: solver.0,
            solver_type: solver.1,
            final_sigma: solver.2,
            lower_order_final: solver.3,
            euler_at_final: solver.4,
            eta: noise.0,
            s_churn: noise.1,
            steps_offset: rest.0,
            set_alpha_to_one: rest.1,
            discard_next_to_last_sigma: rest.2,
            ..SamplerConfig::new(kind, schedule)
        }
    })
}

fn trainings() -> impl Strategy<Value = TrainingConfig> {
    let prediction =
        select(&[PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample, PredictionType::Flow][..]);
    (prediction, any::<bool>(), select(TimestepSpacing::ALL), 0.5f64..5.0).prop_map(
        |(prediction_type, zero_snr, spacing, shift)| TrainingConfig {
            prediction_type,
            rescale_betas_zero_snr: zero_snr,
            timestep_spacing: spacing,
            shift,
            ..TrainingConfig::default()
        },
    )
}

fn check(config: &SamplerConfig, training: &TrainingConfig, steps: u32, strength: Option<f64>) -> Result<(), TestCaseError> {
    let training = TrainingSchedule::new(training.clone()).unwrap();
    let table = match table(config, &training, steps, strength) {
        Ok(table) => table,
        Err(SamplingError::Unsupported(why)) => {
            prop_assert!(!why.contains("not finite"), "{config:?} {steps} {strength:?}: {why}");
            return Ok(());
        }
        Err(SamplingError::OutOfRange { name: "num_inference_steps", .. }) if steps > 50 => return Ok(()),
        Err(SamplingError::OutOfRange { name: "num_inference_steps", .. }) if steps == 1 && counts_timesteps(config) => {
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(format!("{config:?} {steps} {strength:?}: {error}"))),
    };
    for row in &table.rows {
        let scalars = [row.timestep, row.c_in, row.blend.image, row.blend.noise];
        prop_assert!(scalars.iter().chain(&row.x).chain(row.history.iter().flatten()).all(|number| number.is_finite()));
        prop_assert!((0.0..=1000.0).contains(&row.timestep), "time {}", row.timestep);
        prop_assert!(row.noise != NoiseDraw::None || row.x[5] == 0.0, "noise without a draw");
        prop_assert_eq!(matches!(row.noise, NoiseDraw::Brownian { .. }) && table.brownian_range.is_none(), false);
    }
    if strength.is_none() && config.kind != SamplerKind::Ipndm && !counts_timesteps(config) {
        let more = config.convention == Convention::KDiffusion && config.schedule == SigmaSchedule::DdimUniform;
        prop_assert!(table.steps() == steps || more, "{} steps instead of {steps}", table.steps());
    }
    Ok(())
}

/// A1111's own samplers run one evaluation fewer than there are timesteps, of which there may be more than steps.
fn counts_timesteps(config: &SamplerConfig) -> bool {
    config.convention == Convention::KDiffusion && matches!(config.kind, SamplerKind::Ddim | SamplerKind::Pndm)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_are_finite(
        config in configs(),
        training in trainings(),
        steps in prop_oneof![9 => 1u32..=150, 1 => 150u32..=1000],
        strength in proptest::option::of(0.0..=1.0f64),
    ) {
        check(&config, &training, steps, strength)?;
    }

    #[test]
    fn nonsense_is_refused(eta in any::<f64>(), churn in any::<f64>(), strength in any::<f64>(), steps in any::<u32>()) {
        let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
        let config = SamplerConfig { eta: Some(eta), s_churn: churn, ..SamplerConfig::new(SamplerKind::Euler, SigmaSchedule::Karras) };
        let valid = (0.0..=1.0).contains(&eta) && (0.0..=1000.0).contains(&churn) && (0.0..=1.0).contains(&strength) && (1..=1000).contains(&steps);
        prop_assert_eq!(table(&config, &training, steps, Some(strength)).is_ok(), valid);
    }
}

#[test]
fn no_strength_leaves_no_rows() {
    let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
    for kind in SamplerKind::ALL {
        if let Ok(table) = table(&SamplerConfig::new(*kind, SigmaSchedule::Normal), &training, 20, Some(0.04)) {
            assert!(table.rows.is_empty() && table.steps() == 0, "{kind}");
        }
    }
}

#[test]
fn what_is_unsupported_says_what_to_use() {
    let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
    let mut config = SamplerConfig::new(SamplerKind::Pndm, SigmaSchedule::Karras);
    let message = table(&config, &training, 20, None).unwrap_err().to_string();
    assert_eq!(
        message,
        "pndm with schedule karras is not defined in the diffusers convention; use normal or sgm_uniform, or a sampler that works on sigmas \
         such as euler or dpmpp_2m"
    );
    (config.convention, config.kind) = (Convention::KDiffusion, SamplerKind::Deis);
    let message = table(&config, &training, 20, None).unwrap_err().to_string();
    assert_eq!(message, "deis with schedule karras is not defined in the k_diffusion convention; use the diffusers convention");
}
