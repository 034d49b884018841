//! What A1111's requests say of a run besides its sampler: churn within a range of noise levels and noise times a
//! factor, against k-diffusion's formulas (Karras et al. 2022, algorithm 2) in f64; evaluations without the unconditional branch; whole steps.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use easel_sampling::{NoiseDraw, SamplerConfig, Table, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SamplerKind, SigmaSchedule};

const STEPS: u32 = 10;

fn config(kind: SamplerKind) -> SamplerConfig {
    SamplerConfig { convention: Convention::KDiffusion, ..SamplerConfig::new(kind, SigmaSchedule::Karras) }
}

fn made(config: &SamplerConfig, strength: Option<f64>) -> Table {
    table(config, &TrainingSchedule::new(TrainingConfig::default()).unwrap(), STEPS, strength).unwrap()
}

/// The levels of a run without churn: what each evaluation sees, and zero.
fn sigmas() -> Vec<f64> {
    let plain = made(&config(SamplerKind::Euler), None);
    plain.rows.iter().map(|row| (row.c_in.powi(-2) - 1.0).sqrt()).chain([0.0]).collect()
}

/// `x + m * (next - hat)` with `hat = sigma * (1 + gamma)`, then the noise that raises the next level.
#[test]
fn levels_out_of_the_range_are_not_churned_and_draw_all_the_same() {
    let sigmas = sigmas();
    let (low, high, factor) = (sigmas[6] * 0.99, sigmas[2] * 1.01, 1.003);
    let churned = SamplerConfig { s_churn: 3.0, s_tmin: low, s_tmax: Some(high), s_noise: factor, ..config(SamplerKind::Euler) };
    let table = made(&churned, None);
    let gamma = |sigma: f64| if (low..=high).contains(&sigma) { 3.0 / f64::from(STEPS) } else { 0.0 };
    for (i, row) in table.rows.iter().enumerate() {
        let hat = sigmas[i] * (1.0 + gamma(sigmas[i]));
        assert!((row.x[0] - 1.0).abs() < 1e-9 && (row.x[1] - (sigmas[i + 1] - hat)).abs() < 1e-6 * hat, "row {i}");
        let raised = sigmas[i + 1] * (1.0 + gamma(sigmas[i + 1]));
        let noise = factor * (raised * raised - sigmas[i + 1] * sigmas[i + 1]).max(0.0).sqrt();
        assert!((row.x[5] - noise).abs() < 1e-5 * raised.max(1e-3), "row {i}: {} is not {noise}", row.x[5]);
        let draw = if i + 1 < table.rows.len() { NoiseDraw::Next } else { NoiseDraw::None };
        assert_eq!(row.noise, draw, "row {i}");
    }
    // The first level is above the range: a draw that adds nothing.
    assert!(table.start.churn != 0.0 && table.start.churn as f32 == 0.0);
}

#[test]
fn zero_is_no_highest_level() {
    let all = SamplerConfig { s_churn: 3.0, ..config(SamplerKind::Heun) };
    assert_eq!(made(&SamplerConfig { s_tmax: Some(0.0), ..all.clone() }, None), made(&all, None));
}

#[test]
fn the_factor_is_on_the_noise_of_those_samplers_that_a1111_gives_it_to() {
    for (kind, takes) in
        [(SamplerKind::Dpmpp2sAncestral, true), (SamplerKind::Dpmpp3mSde, true), (SamplerKind::EulerAncestral, false)]
    {
        let (plain, factored) = (made(&config(kind), None), made(&SamplerConfig { s_noise: 0.5, ..config(kind) }, None));
        let factor = if takes { 0.5 } else { 1.0 };
        for (plain, factored) in plain.rows.iter().zip(&factored.rows) {
            assert_eq!(factored.x[5], plain.x[5] * factor, "{kind}");
            assert_eq!(factored.x[..5], plain.x[..5], "{kind}");
        }
    }
}

/// A1111's `(step % 2 or s_min_uncond_all) and sigma < s_min_uncond`, counted over evaluations.
#[test]
fn below_a_level_every_second_evaluation_is_unguided() {
    for kind in [SamplerKind::Euler, SamplerKind::Dpmpp2m, SamplerKind::Heun] {
        let plain = made(&config(kind), None);
        assert!(plain.rows.iter().all(|row| row.guided), "{kind}");
        let levels: Vec<f64> = plain.rows.iter().map(|row| (row.c_in.powi(-2) - 1.0).max(0.0).sqrt()).collect();
        let limit = levels[levels.len() / 2] * 1.001;
        for all in [false, true] {
            let table = made(&SamplerConfig { s_min_uncond: limit, s_min_uncond_all: all, ..config(kind) }, None);
            let guided: Vec<bool> = table.rows.iter().map(|row| row.guided).collect();
            let expected: Vec<bool> = (0..).zip(&levels).map(|(i, level)| *level >= limit || (!all && i % 2 == 0)).collect();
            assert_eq!(guided, expected, "{kind} {all}");
            assert!(guided.contains(&false) && guided.contains(&true), "{kind} {all}");
        }
    }
    // A1111's own samplers go by timesteps, and compare those.
    let ddim = made(&SamplerConfig { s_min_uncond: 400.0, s_min_uncond_all: true, ..config(SamplerKind::Ddim) }, None);
    assert!(ddim.rows.iter().all(|row| row.guided == (row.timestep >= 400.0)));
    assert!(ddim.rows.iter().any(|row| !row.guided));
    let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
    let negative = SamplerConfig { s_min_uncond: -1.0, ..config(SamplerKind::Euler) };
    assert!(table(&negative, &training, STEPS, None).unwrap_err().to_string().contains("s_min_uncond"));
}

/// A1111's `setup_img2img_steps` with `img2img_fix_steps`: `int(steps / strength)` levels, of which the last `steps` run.
#[test]
fn all_steps_run_where_a_request_says_so() {
    for (kind, strength, rows) in [
        (SamplerKind::Euler, 0.5, 10),
        (SamplerKind::Euler, 0.75, 10),
        (SamplerKind::Euler, 1.0, 10),
        (SamplerKind::Dpmpp2m, 0.3, 10),
        (SamplerKind::Ddim, 0.5, 8),
    ] {
        let whole = SamplerConfig { whole_steps: true, ..config(kind) };
        let table = made(&whole, Some(strength));
        assert_eq!(table.rows.len(), rows, "{kind} {strength}");
        assert_eq!(made(&whole, None), made(&config(kind), None), "from noise there is nothing to skip");
    }
    let long = SamplerConfig { whole_steps: true, ..config(SamplerKind::Euler) };
    let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
    let refused = table(&long, &training, 150, Some(0.1)).unwrap_err().to_string();
    assert!(refused.contains("num_inference_steps") && refused.contains("150"), "{refused}");
}
