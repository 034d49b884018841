//! What others get of a file: its pixels, and none of what was written beside them.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use crate::common::{file, noise_picture};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, ImagingError, bare, decode, encode, made_by_ai, read_parameters};
use easel_types::Gray8;

fn pixels(bytes: &[u8]) -> Vec<u8> {
    decode(bytes, &DecodeLimits::default()).expect("a picture").rgb.pixels().to_vec()
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn what_was_asked_for_is_not_in_it_and_the_pixels_are_the_same() {
    for (format, lossless) in [(Format::Png, true), (Format::Jpeg, true), (Format::Webp, true), (Format::Webp, false)] {
        for text in ["my secret", "mein 猫 Geheimnis"] {
            let options = EncodeOptions { parameters: Some(text), lossless, ..EncodeOptions::new(format) };
            let with = encode(&noise_picture(33, 17), &options).unwrap();
            let without = bare(with.clone()).unwrap();
            assert_eq!(Format::sniff(&without), Some(format));
            assert_eq!(pixels(&without), pixels(&with), "{format:?}");
            let plain = encode(&noise_picture(33, 17), &EncodeOptions { parameters: None, ..options }).unwrap();
            assert_eq!(without.len(), plain.len(), "{format:?} {lossless}: nothing is left of it");
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert!(!has(&without, text.as_bytes()) && !has(&without, &wide) && !has(&without, b"UNICODE"), "{format:?}");
            assert_eq!(bare(without.clone()).unwrap(), without, "{format:?}: again changes nothing");
        }
    }
}

#[test]
fn transparency_and_colours_stay() {
    let (picture, alpha) = (noise_picture(8, 8), Gray8::new(8, 8, (0..64).collect()).unwrap());
    for format in [Format::Png, Format::Webp] {
        let options = EncodeOptions { parameters: Some("text"), ..EncodeOptions::new(format) };
        let with = easel_imaging::encode_with_alpha(&picture, &alpha, &options).unwrap();
        let without = bare(with.clone()).unwrap();
        let read = |bytes: &[u8]| decode(bytes, &DecodeLimits::default()).unwrap().alpha;
        assert!(read(&without).is_some() && read(&without) == read(&with), "{format:?}");
    }
}

#[test]
fn cameras_notes_and_what_hangs_on_behind_go() {
    let turned = bare(file("turned.jpg")).unwrap();
    assert!(!has(&turned, b"Exif\0"), "not even how the camera was held");
    let mut long = encode(&noise_picture(8, 8), &EncodeOptions::new(Format::Png)).unwrap();
    let plain = long.clone();
    long.extend(b"behind the end");
    assert_eq!(bare(long).unwrap(), plain);
}

#[test]
fn what_is_no_picture_is_refused() {
    assert_eq!(bare(b"GIF89a".to_vec()), Err(ImagingError::UnknownFormat));
    for format in [Format::Png, Format::Jpeg, Format::Webp] {
        let whole = encode(&noise_picture(8, 8), &EncodeOptions::new(format)).unwrap();
        for end in 12..whole.len() {
            // Half a file is refused or cut shorter, and never a panic.
            let _ = bare(whole[..end].to_vec());
        }
    }
}

#[test]
fn that_a_machine_drew_it_is_written_once_and_stays() {
    let words = b"digitalsourcetype/trainedAlgorithmicMedia";
    let count = |bytes: &[u8]| bytes.windows(words.len()).filter(|window| window == words).count();
    for (format, lossless) in [(Format::Png, true), (Format::Jpeg, true), (Format::Webp, true), (Format::Webp, false)] {
        for parameters in [None, Some("Steps: 20, my secret")] {
            let options = EncodeOptions { parameters, lossless, ..EncodeOptions::new(format) };
            let plain = encode(&noise_picture(33, 17), &options).unwrap();
            let marked = made_by_ai(plain.clone()).unwrap();
            assert_eq!((count(&plain), count(&marked)), (0, 1), "{format:?} {lossless}");
            assert_eq!(pixels(&marked), pixels(&plain), "{format:?} {lossless}");
            assert_eq!(read_parameters(&marked, &DecodeLimits::default()), read_parameters(&plain, &DecodeLimits::default()));
            assert_eq!(made_by_ai(marked.clone()).unwrap(), marked, "{format:?}: again changes nothing");
            let shown = bare(marked).unwrap();
            assert!(count(&shown) == 1 && !has(&shown, b"secret"), "{format:?} {lossless}");
            assert_eq!(pixels(&shown), pixels(&plain), "{format:?} {lossless}");
            assert_eq!(bare(shown.clone()).unwrap(), shown, "{format:?}: again changes nothing");
        }
    }
    assert_eq!(made_by_ai(b"GIF89a".to_vec()), Err(ImagingError::UnknownFormat));
}
