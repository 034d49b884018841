//! Parameters written into a PNG are read back from it, byte for byte.

use crate::common::{file, noise_picture};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, ImagingError, PARAMETERS, encode, read_png_text};
use proptest::prelude::*;

fn png(text: &str) -> Vec<u8> {
    let options = EncodeOptions { parameters: Some(text), ..EncodeOptions::new(Format::Png) };
    encode(&noise_picture(8, 8), &options).expect("it encodes")
}

fn read(bytes: &[u8]) -> Option<String> {
    read_png_text(bytes, PARAMETERS, &DecodeLimits::default()).expect("a PNG file")
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn latin_1_goes_into_text_and_the_rest_into_itxt() {
    let latin = png("café\nSteps: 20");
    assert!(has(&latin, b"tEXtparameters\0caf\xe9\nSteps: 20"));
    let other = png("猫 café");
    assert!(has(&other, "iTXtparameters\0\0\0\0\0猫 café".as_bytes()));
    assert_eq!(read(&latin).as_deref(), Some("café\nSteps: 20"));
    assert_eq!(read(&other).as_deref(), Some("猫 café"));
}

#[test]
fn a_nul_cannot_cut_the_text_short() {
    assert_eq!(read(&png("a\0b")).as_deref(), Some("ab"));
}

#[test]
fn files_without_it_say_so() {
    let plain = encode(&noise_picture(8, 8), &EncodeOptions::new(Format::Png)).unwrap();
    assert_eq!(read(&plain), None);
    let jpeg = read_png_text(&file("turned.jpg"), PARAMETERS, &DecodeLimits::default());
    assert_eq!(jpeg, Err(ImagingError::UnknownFormat));
}

#[test]
fn text_behind_the_pixels_is_found_and_a_missing_end_does_not_matter() {
    // Moves the text chunk behind the pixels: signature and header are 33 bytes, then comes the text.
    let bytes = png("behind");
    let length = 12 + "parameters\0behind".len();
    let (head, rest) = bytes.split_at(33);
    let (text, pixels) = rest.split_at(length);
    let end = pixels.len() - 12;
    let moved = [head, &pixels[..end], text, &pixels[end..]].concat();
    assert_eq!(read(&moved).as_deref(), Some("behind"));
    assert_eq!(read(&moved[..moved.len() - 12]).as_deref(), Some("behind"));
}

#[test]
fn jpeg_and_webp_carry_it_as_a_user_comment() {
    for format in [Format::Jpeg, Format::Webp] {
        let options = EncodeOptions { parameters: Some("a 猫"), ..EncodeOptions::new(format) };
        let bytes = encode(&noise_picture(8, 8), &options).unwrap();
        assert!(has(&bytes, b"UNICODE\0\0a\0 \x73\x2b"), "{format:?}");
        assert!(easel_imaging::decode(&bytes, &DecodeLimits::default()).is_ok(), "{format:?}");
    }
    let options = EncodeOptions { parameters: Some(&"long ".repeat(20_000)), ..EncodeOptions::new(Format::Jpeg) };
    assert!(encode(&noise_picture(8, 8), &options).is_ok(), "left out where it does not fit");
}

proptest! {
    #[test]
    fn any_text_without_nul_comes_back(text in "[^\0]{1,200}") {
        prop_assert_eq!(read(&png(&text)), Some(text));
    }
}
