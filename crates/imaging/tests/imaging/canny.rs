//! Equal to OpenCV to the bit (`tests/data/canny/make.py`).

use crate::common::file;
use easel_imaging::canny;
use easel_types::Rgb8;

/// The pictures of `make.py`.
fn smooth(width: u32, height: u32) -> Rgb8 {
    let (w, h) = (i64::from(width), i64::from(height));
    let pixel = |x: i64, y: i64| {
        let round = ((x - w / 2).pow(2) + (y - h / 2).pow(2)) / 4;
        [x * 7 + y * 3, x * x / 5 + y * 11, round].map(|value| (value % 256) as u8)
    };
    let pixels = (0..h).flat_map(|y| (0..w).flat_map(move |x| pixel(x, y))).collect();
    Rgb8::new(width, height, pixels).expect("three bytes a pixel")
}

#[test]
fn edges_are_opencvs_to_the_bit() {
    for (width, height, low, high) in
        [(64, 48, 100, 200), (37, 23, 50, 400), (40, 40, 700, 900), (16, 1, 10, 20), (1, 9, 10, 20), (33, 65, 300, 120)]
    {
        let name = format!("canny/{width}x{height}_{low}_{high}.gray");
        assert_eq!(canny::canny(&smooth(width, height), low, high).pixels(), file(&name), "{name}");
    }
}

#[test]
fn edges_are_grey_in_three_channels() {
    let edges = canny::canny(&smooth(64, 48), 100, 200);
    let rgb = canny::in_rgb(&edges);
    assert!(rgb.pixels().chunks(3).zip(edges.pixels()).all(|(rgb, gray)| rgb == [*gray; 3]));
}
