//! Pictures in bf16 are those of f32, as far as an eye can tell: 35 dB and more, with the built-in model.

#![allow(missing_docs)]

mod common;

use common::{Failure, backend, bf16_backend, draw_alone, text_plan};
use easel_types::Rgb8;

const PROMPTS: [&str; 6] = [
    "a red circle",
    "a blue star on a white background",
    "two green squares",
    "a yellow triangle on a black background",
    "a (purple:1.3) circle on a green background",
    "",
];
const LEAST_DB: f64 = 35.0;

fn psnr(a: &Rgb8, b: &Rgb8) -> f64 {
    let squares = a.pixels().iter().zip(b.pixels()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let mean = squares.sum::<f64>() / a.pixels().len() as f64;
    10.0 * (255f64.powi(2) / mean.max(1e-9)).log10()
}

#[test]
fn pictures_are_those_of_f32() -> Result<(), Failure> {
    let (mut single, mut half) = (backend()?, bf16_backend()?);
    let mut short = Vec::new();
    for prompt in PROMPTS {
        for side in [64, 128] {
            let plan = text_plan(&mut single, "builtin", prompt, 20, side)?;
            let (expected, found) = (draw_alone(&mut single, &plan)?, draw_alone(&mut half, &plan)?);
            assert_ne!(expected.latents, found.latents, "bf16 rounds");
            let db = psnr(&expected.picture, &found.picture);
            println!("{prompt:?} at {side}: {db:.1} dB");
            if db < LEAST_DB {
                short.push(format!("{prompt:?} at {side}: {db:.1} dB"));
            }
        }
    }
    assert!(short.is_empty(), "{} fall short:\n{}", short.len(), short.join("\n"));
    Ok(())
}
