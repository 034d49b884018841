//! First and later noise against the web UI's own `modules/rng.py`, which `fixtures/a1111_noise.py` runs: variation seeds, seeds of another size,
//! ENSD, and the pictures of a batch.

use easel_sampling::{FirstNoise, NoiseStream};
use easel_types::NoiseKind;
use serde_json::Value;

use crate::common::{fixture, numbers};

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// How far ours is from theirs at most.
fn worst(ours: &[f32], theirs: &Value) -> f64 {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(ours, theirs)| (f64::from(*ours) - theirs).abs()).fold(0.0, f64::max)
}

#[test]
fn noise_is_the_web_uis() {
    let golden = fixture("a1111_noise.json");
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 50, "{} cases", cases.len());
    let mut most = 0.0f64;
    for case in cases {
        let kind = if case["source"] == "NV" { NoiseKind::Nv } else { NoiseKind::TorchCpu };
        let (seed, strength) = (whole(&case["seed"]), case["strength"].as_f64().unwrap() as f32);
        let shape: Vec<usize> = case["shape"].as_array().unwrap().iter().map(|side| whole(side) as usize).collect();
        // The web UI says it in pixels of the picture.
        let [height, width] = [0, 1].map(|at| whole(&case["resize"][at]) as usize / 8);
        let said = FirstNoise {
            variation: (strength != 0.0).then(|| (whole(&case["subseed"]), strength)),
            resized_from: (height > 0 && width > 0).then_some([height, width]),
            later_seed_delta: case["delta"].as_i64().unwrap(),
        };
        let mut stream = NoiseStream::new(kind, seed, &shape, None);
        let first = said.draw(&mut stream, kind, seed, shape.try_into().unwrap());
        for (name, ours) in [("first", first), ("second", stream.next()), ("third", stream.next())] {
            let Some(theirs) = case.get(name) else { continue };
            let error = worst(&ours, theirs);
            assert!(error <= 4e-6, "{name} of {}: off by {error:e}", &case.to_string()[..160]);
            most = most.max(error);
        }
    }
    println!("worst difference {most:e} of {} cases", cases.len());
}
