//! Both paths give the picture that the definition gives: Lanczos3, contrast-adaptive sharpening and the mark, written out here a second
//! time in f64, without bands, tables or passes.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use crate::common::noise_picture;
use easel_imaging::{Finish, Finisher, ImagingError, Mark, Processor};
use easel_types::{Quality, Rgb8};
use proptest::prelude::*;

/// Set where an adapter has to be there (a software one will do), so that its path is not skipped unseen.
const MUST_HAVE_ADAPTER: &str = "EASEL_TEST_WGPU";

/// Hard edges, a ramp and a fine pattern: what overshoots and what a sharpener must leave alone.
fn drawing(width: u32, height: u32) -> Rgb8 {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| {
        let ramp = (x * 255 / width.max(2)) as u8;
        match (x * 4 / width, y * 3 / height) {
            (0, 0) => [255, 255, 255],
            (1, 0) => [0, 0, 0],
            (2, _) => [ramp, 255 - ramp, 128],
            (_, 1) => [u8::from((x + y) % 2 == 0) * 255; 3],
            (_, 2) => [255, 0, (y * 7) as u8],
            _ => [ramp; 3],
        }
    });
    Rgb8::new(width, height, pixels.collect()).unwrap()
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// Every output pixel's share of every input pixel along one axis.
fn shares(from: u32, to: u32) -> Vec<Vec<f64>> {
    let scale = f64::from(from) / f64::from(to);
    let row = |x: u32| {
        let centre = (f64::from(x) + 0.5) * scale;
        let raw: Vec<f64> = (0..from).map(|i| lanczos((f64::from(i) + 0.5 - centre) / scale.max(1.0))).collect();
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|share| share / sum).collect()
    };
    (0..to).map(row).collect()
}

fn resampled(picture: &Rgb8, width: u32, height: u32) -> Vec<[f64; 3]> {
    let (across, down) = (shares(picture.width(), width), shares(picture.height(), height));
    let source = |x: usize, y: usize, channel: usize| {
        f64::from(picture.pixels()[(y * picture.width() as usize + x) * 3 + channel]) / 255.0
    };
    let mut out = Vec::new();
    for column in &down {
        for row in &across {
            out.push([0, 1, 2].map(|channel| {
                let mut sum = 0.0;
                for (y, a) in column.iter().enumerate().filter(|(_, share)| **share != 0.0) {
                    for (x, b) in row.iter().enumerate().filter(|(_, share)| **share != 0.0) {
                        sum += a * b * source(x, y, channel);
                    }
                }
                sum.clamp(0.0, 1.0)
            }));
        }
    }
    out
}

fn sharpened(pixels: &[[f64; 3]], width: u32, height: u32, sharpness: f64) -> Vec<[f64; 3]> {
    let at = |x: i64, y: i64| {
        pixels[(y.clamp(0, i64::from(height) - 1) * i64::from(width) + x.clamp(0, i64::from(width) - 1)) as usize]
    };
    let light = |pixel: [f64; 3]| 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    let mut out = Vec::new();
    for y in 0..i64::from(height) {
        for x in 0..i64::from(width) {
            let nine = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))).map(|(dx, dy)| light(at(x + dx, y + dy)));
            let (darkest, lightest) = nine.fold((1f64, 0f64), |(low, high), value| (low.min(value), high.max(value)));
            let room = if lightest > 0.0 { (darkest.min(1.0 - lightest) / lightest).clamp(0.0, 1.0) } else { 0.0 };
            let weight = -0.2 * sharpness * room.sqrt();
            out.push([0, 1, 2].map(|c| {
                let around = at(x - 1, y)[c] + at(x + 1, y)[c] + at(x, y - 1)[c] + at(x, y + 1)[c];
                ((at(x, y)[c] + weight * around) / (1.0 + 4.0 * weight)).clamp(0.0, 1.0)
            }));
        }
    }
    out
}

fn reference(picture: &Rgb8, finish: &Finish<'_>) -> Vec<f64> {
    let pixels = resampled(picture, finish.width, finish.height);
    let pixels = if finish.sharpness > 0.0 {
        sharpened(&pixels, finish.width, finish.height, f64::from(finish.sharpness))
    } else {
        pixels
    };
    pixels.into_iter().flatten().map(|value| value * 255.0).collect()
}

/// The largest difference in steps of 1/255.
fn difference(picture: &Rgb8, reference: &[f64]) -> f64 {
    assert_eq!(picture.pixels().len(), reference.len());
    let each = picture.pixels().iter().zip(reference).map(|(&byte, value)| (f64::from(byte) - value).abs());
    each.fold(0.0, f64::max)
}

fn bytes_apart(a: &Rgb8, b: &Rgb8) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    a.pixels().iter().zip(b.pixels()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// The adapter's path; `None` where there is no adapter and none is asked for.
fn adapter() -> Option<Finisher> {
    let finisher = Finisher::new(Processor::Wgpu);
    let description = finisher.describe();
    if description.adapter.is_none() {
        let required = std::env::var_os(MUST_HAVE_ADAPTER).is_some_and(|value| value != "0");
        assert!(!required, "{MUST_HAVE_ADAPTER} is set, but: {description}");
        return None;
    }
    Some(finisher)
}

/// Width and height.
type Size = (u32, u32);
/// (source, target, sharpness), larger and smaller, even and odd, with sides of one pixel.
const CASES: [(Size, Size, f32); 14] = [
    ((32, 24), (128, 96), 0.5),
    ((32, 24), (64, 48), 0.0),
    ((33, 17), (45, 131), 1.0),
    ((64, 64), (64, 64), 0.7),
    ((50, 40), (50, 90), 0.5),
    ((90, 70), (31, 23), 0.0),
    ((90, 70), (31, 23), 0.5),
    ((200, 10), (20, 100), 0.3),
    ((1, 1), (9, 5), 0.5),
    ((1, 40), (7, 80), 0.5),
    ((40, 1), (80, 3), 1.0),
    ((3, 3), (1, 1), 0.5),
    ((5, 300), (5, 7), 0.0),
    ((16, 70), (40, 200), 0.9),
];

#[test]
fn the_processor_gives_what_the_definition_gives() {
    let finisher = Finisher::new(Processor::Cpu);
    for (from, (width, height), sharpness) in CASES {
        for picture in [noise_picture(from.0, from.1), drawing(from.0, from.1)] {
            let finish = Finish { width, height, sharpness, mark: None };
            let finished = finisher.finish(&picture, &finish).unwrap();
            let apart = difference(&finished, &reference(&picture, &finish));
            // Half a step is the rounding to bytes, the rest what f32 adds to it.
            assert!(apart < 0.51, "{from:?} to {width}x{height}, sharpness {sharpness}: {apart}");
        }
    }
}

#[test]
fn both_paths_agree_within_one_step() {
    let Some(card) = adapter() else { return };
    let processor = Finisher::new(Processor::Cpu);
    for (from, (width, height), sharpness) in CASES {
        let mark = Mark::new("Easel 12", width, height).unwrap();
        for picture in [noise_picture(from.0, from.1), drawing(from.0, from.1)] {
            for mark in [None, Some(&mark)] {
                let finish = Finish { width, height, sharpness, mark };
                let (a, b) = (card.finish(&picture, &finish).unwrap(), processor.finish(&picture, &finish).unwrap());
                let apart = bytes_apart(&a, &b);
                assert!(apart <= 1, "{from:?} to {width}x{height}, sharpness {sharpness}: {apart}");
                if mark.is_none() {
                    assert!(difference(&a, &reference(&picture, &finish)) < 1.0);
                }
            }
        }
    }
    assert!(card.describe().adapter.is_some(), "the adapter did it: {}", card.describe());
}

#[test]
fn both_paths_agree_on_whole_tiers() {
    let Some(card) = adapter() else { return };
    let processor = Finisher::new(Processor::Cpu);
    for (quality, width, height) in [(Quality::TwoK, 512, 768), (Quality::FourK, 1216, 832)] {
        let picture = drawing(width, height);
        let finish = Finish::quality(quality, width, height);
        let mark = Mark::new("Made with Easel", finish.width, finish.height).unwrap();
        let finish = finish.marked(Some(&mark));
        let (a, b) = (card.finish(&picture, &finish).unwrap(), processor.finish(&picture, &finish).unwrap());
        assert_eq!(a.width().max(a.height()), quality.long_side().unwrap());
        assert!(bytes_apart(&a, &b) <= 1, "{quality}");
    }
    // Large to small: one row of the output needs many of the source.
    let picture = noise_picture(5000, 6000);
    let finish = Finish { width: 427, height: 512, sharpness: 0.0, mark: None };
    let (a, b) = (card.finish(&picture, &finish).unwrap(), processor.finish(&picture, &finish).unwrap());
    assert!(bytes_apart(&a, &b) <= 1);
    assert!(card.describe().adapter.is_some(), "the adapter did it: {}", card.describe());
}

#[test]
fn pictures_are_finished_at_once_from_many_threads() {
    let finisher = adapter().unwrap_or_else(|| Finisher::new(Processor::Cpu));
    let picture = drawing(60, 50);
    let finish = Finish { width: 240, height: 200, sharpness: 0.5, mark: None };
    let expected = finisher.finish(&picture, &finish).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(finisher.finish(&picture, &finish).unwrap(), expected)));
        }
    });
}

#[test]
fn nothing_to_do_changes_nothing() {
    let picture = noise_picture(37, 21);
    let finish = Finish::quality(Quality::Normal, 37, 21);
    assert_eq!(Finisher::new(Processor::Cpu).finish(&picture, &finish), Ok(picture.clone()));
    if let Some(card) = adapter() {
        assert_eq!(card.finish(&picture, &finish), Ok(picture));
    }
}

#[test]
fn a_mark_changes_its_corner_alone() {
    let finisher = Finisher::new(Processor::Cpu);
    for ground in [0, 128, 255] {
        let picture = Rgb8::new(400, 300, vec![ground; 400 * 300 * 3]).unwrap();
        let mark = Mark::new("Made with Easel", 400, 300).unwrap();
        let marked = finisher.finish(&picture, &Finish::quality(Quality::Normal, 400, 300).marked(Some(&mark))).unwrap();
        let changed: Vec<(usize, usize)> =
            (0..400 * 300).filter(|at| marked.pixels()[at * 3].abs_diff(ground) > 60).map(|at| (at % 400, at / 400)).collect();
        assert!(changed.len() > 300, "it is seen on {ground}: {}", changed.len());
        assert!(changed.iter().all(|&(x, y)| x > 150 && y > 250), "it stays in its corner");
    }
}

#[test]
fn without_an_adapter_the_processor_does_it_and_says_so() {
    let cpu = Finisher::new(Processor::Cpu).describe();
    assert_eq!((cpu.adapter.as_deref(), cpu.to_string().starts_with("cpu")), (None, true));
    // Whatever this machine has, `Auto` never takes a software adapter and never fails.
    let auto = Finisher::new(Processor::Auto);
    let description = auto.describe();
    assert!(description.adapter.is_some() != description.reason.is_some(), "{description}");
    assert!(!description.adapter.is_some_and(|name| name.contains("llvmpipe")));
    assert!(auto.finish(&noise_picture(8, 8), &Finish { width: 16, height: 16, sharpness: 0.5, mark: None }).is_ok());
}

#[test]
fn impossible_sizes_are_refused() {
    let finisher = Finisher::new(Processor::Cpu);
    for (width, height, sharpness) in [(0, 5, 0.0), (5, 0, 0.0), (16_385, 5, 0.0), (5, u32::MAX, 0.0), (5, 5, f32::NAN)] {
        let finish = Finish { width, height, sharpness, mark: None };
        assert_eq!(finisher.finish(&noise_picture(4, 4), &finish), Err(ImagingError::Size));
    }
    let empty = Rgb8::new(0, 0, Vec::new()).unwrap();
    assert_eq!(finisher.finish(&empty, &Finish { width: 5, height: 5, sharpness: 0.0, mark: None }), Err(ImagingError::Size));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_size_to_any_size(
        from in (1u32..40, 1u32..40),
        to in (1u32..90, 1u32..150),
        sharpness in 0.0f32..=1.0,
    ) {
        let picture = noise_picture(from.0, from.1);
        let finish = Finish { width: to.0, height: to.1, sharpness, mark: None };
        let finished = Finisher::new(Processor::Cpu).finish(&picture, &finish).unwrap();
        prop_assert!(difference(&finished, &reference(&picture, &finish)) < 0.51);
    }
}
