//! What people send is written anew: upright, in sRGB, and with nothing in it but its pixels.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use crate::common::{file, noise_picture};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, ImagingError, decode, encode, encode_with_alpha, ingest};
use easel_types::{Gray8, Rgb8};
use img_parts::{
    ImageEXIF, ImageICC,
    jpeg::{Jpeg, JpegSegment, markers},
    png::{Png, PngChunk},
    riff::{RiffChunk, RiffContent},
    webp::WebP,
};
use moxcms::ColorProfile;

/// What must not come through, in whatever block it was hidden.
const CANARY: &[u8] = b"CANARY 48.8584N 2.2945E";

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A TIFF block that says "turn by 90 degrees", with the canary behind it.
fn exif() -> Vec<u8> {
    let mut block = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    block.extend(CANARY);
    block
}

/// A profile of wider colours, with the canary behind its tags.
fn profile() -> Vec<u8> {
    let mut profile = ColorProfile::new_display_p3().encode().unwrap();
    profile.extend(CANARY);
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

/// The same bytes in every place a format has for what is not pixels, and behind its end.
fn laden(format: Format, lossless: bool) -> Vec<u8> {
    let options = EncodeOptions { lossless, ..EncodeOptions::new(format) };
    let bytes = encode(&noise_picture(32, 16), &options).unwrap().into();
    let mut laden = match format {
        Format::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(bytes).unwrap();
            let xmp = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), CANARY].concat();
            jpeg.segments_mut().insert(1, JpegSegment::new_with_contents(markers::APP1, xmp.into()));
            jpeg.segments_mut().insert(1, JpegSegment::new_with_contents(markers::COM, CANARY.into()));
            jpeg.set_exif(Some(exif().into()));
            jpeg.set_icc_profile(Some(profile().into()));
            jpeg.encoder().bytes()
        }
        Format::Png => {
            let mut png = Png::from_bytes(bytes).unwrap();
            let text = [b"Comment\0".as_slice(), CANARY].concat();
            png.chunks_mut().insert(1, PngChunk::new(*b"tEXt", text.into()));
            png.chunks_mut().insert(1, PngChunk::new(*b"prIv", CANARY.into()));
            png.set_exif(Some(exif().into()));
            png.set_icc_profile(Some(profile().into()));
            png.encoder().bytes()
        }
        Format::Webp => {
            let mut webp = WebP::from_bytes(bytes).unwrap();
            webp.set_exif(Some(exif().into()));
            webp.set_icc_profile(Some(profile().into()));
            webp.chunks_mut().push(RiffChunk::new(*b"XMP ", RiffContent::Data(CANARY.into())));
            webp.encoder().bytes()
        }
    }
    .to_vec();
    laden.extend(b"PK\x03\x04<html><script>");
    laden.extend(CANARY);
    laden
}

#[test]
fn nothing_but_pixels_comes_through() {
    for (format, lossless) in [(Format::Png, true), (Format::Jpeg, false), (Format::Webp, true), (Format::Webp, false)] {
        let sent = laden(format, lossless);
        assert!(holds(&sent, CANARY) && holds(&sent, b"<script>"), "{format:?}: the test's own file");
        let ingested = ingest(&sent, &limits()).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert_eq!((ingested.format, Format::sniff(&ingested.bytes)), (format, Some(format)));
        assert_eq!((ingested.rgb.width(), ingested.rgb.height()), (16, 32), "{format:?}: it was turned");
        for part in [&CANARY[..6], b"<script>", b"Exif", b"EXIF", b"ICC", b"iCCP", b"XMP", b"tEXt", b"eXIf", b"http"] {
            assert!(!holds(&ingested.bytes, part), "{format:?}: {}", String::from_utf8_lossy(part));
        }
        let again = decode(&ingested.bytes, &limits()).unwrap();
        assert_eq!((again.rgb.width(), again.rgb.height()), (16, 32));
        if lossless {
            assert_eq!(again.rgb, ingested.rgb);
        }
        // Once clean it stays as it is.
        assert_eq!(ingest(&ingested.bytes, &limits()).unwrap().rgb.width(), 16);
    }
}

#[test]
fn the_format_and_its_kind_are_kept() {
    let big = noise_picture(256, 256);
    let lossless = encode(&big, &EncodeOptions::new(Format::Webp)).unwrap();
    assert_eq!(ingest(&lossless, &limits()).unwrap().rgb, big);
    let lossy = encode(&big, &EncodeOptions { lossless: false, ..EncodeOptions::new(Format::Webp) }).unwrap();
    let kept = ingest(&lossy, &limits()).unwrap();
    assert!(kept.bytes.len() < lossless.len() * 9 / 10, "{} bytes of {}", kept.bytes.len(), lossless.len());
}

#[test]
fn transparency_comes_through() {
    for name in ["alpha.png", "alpha.webp"] {
        let ingested = ingest(&file(name), &limits()).unwrap();
        let again = decode(&ingested.bytes, &limits()).unwrap();
        assert_eq!((again.rgb, again.alpha.clone()), (noise_picture(16, 16), ingested.alpha), "{name}");
        assert_eq!(again.alpha.unwrap().into_pixels(), (0..=255).collect::<Vec<u8>>(), "{name}");
    }
}

#[test]
fn colours_of_a_profile_become_srgb() {
    let (width, height) = (8, 8);
    for colour in [[200u8, 100, 50], [10, 120, 200], [128, 128, 128]] {
        let picture = Rgb8::new(width, height, colour.repeat(64)).unwrap();
        let mut png = Png::from_bytes(encode(&picture, &EncodeOptions::new(Format::Png)).unwrap().into()).unwrap();
        png.set_icc_profile(Some(ColorProfile::new_display_p3().encode().unwrap().into()));
        let decoded = decode(&png.encoder().bytes(), &limits()).unwrap();
        let expected = p3_to_srgb(colour);
        for (got, wanted) in decoded.rgb.pixels()[..3].iter().zip(expected) {
            assert!((f64::from(*got) - wanted).abs() < 1.5, "{colour:?}: {:?}, not {expected:?}", &decoded.rgb.pixels()[..3]);
        }
    }
}

/// By the definition of Display P3 (SMPTE EG 432-1 primaries, D65, the curve of sRGB).
fn p3_to_srgb(colour: [u8; 3]) -> [f64; 3] {
    let linear = colour.map(|byte| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let matrix = [[1.224_940_2, -0.224_940_2, 0.0], [-0.042_056_9, 1.042_056_9, 0.0], [-0.019_637_6, -0.078_636_1, 1.098_273_7]];
    matrix.map(|row| {
        let value: f64 = row.iter().zip(linear).map(|(a, b)| a * b).sum();
        let value = value.clamp(0.0, 1.0);
        255.0 * if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
    })
}

#[test]
fn a_useless_profile_changes_nothing() {
    let picture = noise_picture(8, 8);
    for profile in [b"".to_vec(), vec![0; 64], vec![0xff; 5000], ColorProfile::new_srgb().encode().unwrap()] {
        let mut png = Png::from_bytes(encode(&picture, &EncodeOptions::new(Format::Png)).unwrap().into()).unwrap();
        png.set_icc_profile(Some(profile.into()));
        let decoded = decode(&png.encoder().bytes(), &limits()).unwrap();
        let apart = decoded.rgb.pixels().iter().zip(picture.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(1));
    }
}

#[test]
fn quality_counts_for_jpeg_and_lossy_webp() {
    let picture = noise_picture(96, 96);
    for format in [Format::Jpeg, Format::Webp] {
        let bytes = |quality, parameters| {
            encode(&picture, &EncodeOptions { quality, lossless: false, parameters, ..EncodeOptions::new(format) }).unwrap()
        };
        assert!(bytes(20, None).len() < bytes(60, None).len() && bytes(60, None).len() < bytes(95, None).len(), "{format:?}");
        let with_text = bytes(80, Some("a 猫, Steps: 1"));
        assert_eq!(decode(&with_text, &limits()).unwrap().rgb, decode(&bytes(80, None), &limits()).unwrap().rgb);
        let comment: Vec<u8> = "a 猫, Steps: 1".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(holds(&with_text, &comment), "{format:?}: the parameters are in the file");
    }
    let alpha = Gray8::new(96, 96, vec![7; 96 * 96]).unwrap();
    let lossy = EncodeOptions { lossless: false, ..EncodeOptions::new(Format::Webp) };
    let decoded = decode(&encode_with_alpha(&picture, &alpha, &lossy).unwrap(), &limits()).unwrap();
    assert_eq!(decoded.alpha, Some(alpha), "lossy WebP keeps transparency as it is");
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let wide = Rgb8::new(16_384, 1, vec![0; 16_384 * 3]).unwrap();
    for lossless in [true, false] {
        let options = EncodeOptions { lossless, ..EncodeOptions::new(Format::Webp) };
        assert!(matches!(encode(&wide, &options), Ok(_) | Err(ImagingError::Encode("WebP"))), "lossless {lossless}");
    }
    let lossy = EncodeOptions { lossless: false, ..EncodeOptions::new(Format::Webp) };
    assert_eq!(encode(&wide, &lossy), Err(ImagingError::Encode("WebP")));
    let empty = Rgb8::new(0, 0, Vec::new()).unwrap();
    assert_eq!(encode(&empty, &lossy), Err(ImagingError::Encode("WebP")));
    let small = Gray8::new(1, 1, vec![0]).unwrap();
    assert_eq!(encode_with_alpha(&wide, &small, &lossy), Err(ImagingError::Size));
}
