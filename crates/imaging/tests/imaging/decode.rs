//! Every kind of file comes out as an upright RGB picture; what is too large or broken is refused.

use crate::common::{file, noise_picture};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, ImagingError, PngLevel, decode, encode};
use proptest::prelude::*;

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

#[test]
fn lossless_files_come_back_as_they_were() {
    let picture = noise_picture(33, 17);
    for format in [Format::Png, Format::Webp] {
        for png_level in [PngLevel::Fast, PngLevel::Balanced, PngLevel::High] {
            let bytes = encode(&picture, &EncodeOptions { png_level, ..EncodeOptions::new(format) }).unwrap();
            let decoded = decode(&bytes, &limits()).unwrap();
            assert_eq!((&decoded.rgb, decoded.alpha, decoded.format), (&picture, None, format));
        }
    }
    assert_eq!(decode(&file("lossy.webp"), &limits()).unwrap().rgb.width(), 16);
}

#[test]
fn exif_orientation_is_applied() {
    let decoded = decode(&file("turned.jpg"), &limits()).unwrap();
    assert_eq!((decoded.rgb.width(), decoded.rgb.height(), decoded.format), (16, 32, Format::Jpeg));
    let lightness = |x: u32, y: u32| decoded.rgb.pixels()[((y * 16 + x) * 3) as usize];
    assert!(lightness(8, 4) < 20, "turned clockwise, the black left half is on top");
    assert!(lightness(8, 28) > 235);
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    for name in ["animated.webp", "animated.png"] {
        let decoded = decode(&file(name), &limits()).unwrap();
        assert_eq!(decoded.rgb.pixels()[..3], [255, 0, 0], "{name}");
        assert_eq!(decoded.rgb.pixels().len(), 16 * 16 * 3, "{name}");
    }
}

#[test]
fn unusual_pixels_become_rgb() {
    for name in ["palette.png", "bilevel.png", "gray16.png", "cmyk.jpg"] {
        let decoded = decode(&file(name), &limits()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((decoded.rgb.width(), decoded.rgb.height()), (16, 16), "{name}");
        assert_eq!(decoded.alpha, None, "{name}");
    }
}

#[test]
fn transparency_is_kept_apart() {
    for name in ["alpha.png", "alpha.webp"] {
        let decoded = decode(&file(name), &limits()).unwrap();
        assert_eq!(decoded.rgb, noise_picture(16, 16), "{name}: colours of transparent pixels are kept");
        assert_eq!(decoded.alpha.unwrap().into_pixels(), (0..=255).collect::<Vec<u8>>(), "{name}");
    }
    assert!(decode(&file("gray_alpha.png"), &limits()).unwrap().alpha.is_some());
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let bomb = file("bomb.png");
    let before = std::time::Instant::now();
    assert!(matches!(decode(&bomb, &limits()), Err(ImagingError::TooManyPixels { width: 13000, height: 13000, .. })));
    assert!(before.elapsed().as_millis() < 100);

    let picture = encode(&noise_picture(64, 32), &EncodeOptions::new(Format::Png)).unwrap();
    let small = DecodeLimits { bytes_max: 100, ..limits() };
    assert!(matches!(decode(&picture, &small), Err(ImagingError::TooManyBytes { max: 100, .. })));
    for format in [Format::Png, Format::Jpeg, Format::Webp] {
        let picture = encode(&noise_picture(64, 32), &EncodeOptions::new(format)).unwrap();
        for small in [DecodeLimits { side_max: 63, ..limits() }, DecodeLimits { pixels_max: 64 * 32 - 1, ..limits() }] {
            assert!(matches!(decode(&picture, &small), Err(ImagingError::TooManyPixels { .. })), "{format:?}");
        }
        let exact = DecodeLimits { side_max: 64, pixels_max: 64 * 32, ..limits() };
        assert!(decode(&picture, &exact).is_ok(), "{format:?}");
    }
}

#[test]
fn other_files_are_refused_whatever_they_are_called() {
    for bytes in [file("gif.gif"), b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), b"BM".to_vec(), Vec::new()] {
        assert_eq!(decode(&bytes, &limits()), Err(ImagingError::UnknownFormat));
    }
    assert_eq!(decode(b"\x89PNG\r\n\x1a\n", &limits()), Err(ImagingError::Unreadable));
}

fn originals() -> Vec<Vec<u8>> {
    let made = [Format::Png, Format::Jpeg, Format::Webp].map(|format| {
        let options = EncodeOptions { parameters: Some("猫, Steps: 1"), ..EncodeOptions::new(format) };
        encode(&noise_picture(24, 24), &options).expect("it encodes")
    });
    let files =
        ["turned.jpg", "animated.webp", "animated.png", "palette.png", "gray16.png", "alpha.webp", "cmyk.jpg", "lossy.webp"];
    made.into_iter().chain(files.map(file)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_files_never_panic_and_stay_within_limits(
        which in 0usize..11,
        cut in prop::option::weighted(0.3, 0.0f64..1.0),
        changes in prop::collection::vec((0.0f64..1.0, any::<u8>()), 0..12),
    ) {
        let mut bytes = originals().swap_remove(which);
        for (at, value) in changes {
            let at = (at * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        let limits = DecodeLimits { side_max: 512, pixels_max: 512 * 512, ..limits() };
        if let Ok(decoded) = decode(&bytes, &limits) {
            prop_assert!(decoded.rgb.width() <= 512 && decoded.rgb.height() <= 512);
        }
        let _ = easel_imaging::read_png_text(&bytes, "parameters", &limits);
    }
}
