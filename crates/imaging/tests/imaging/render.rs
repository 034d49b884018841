//! A drawn picture becomes a file, a thumbnail and a blurhash.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use crate::common::noise_picture;
use easel_imaging::{
    DecodeLimits, EncodeOptions, Finisher, Format, ImagingError, Processor, RenderOptions, blurhash, decode, render, thumbnail,
};
use easel_types::{Quality, Rgb8};

fn options(quality: Quality, mark: Option<&str>) -> RenderOptions<'_> {
    RenderOptions { quality, mark, encode: EncodeOptions::new(Format::Png), thumbnail_side: 64 }
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> Rgb8 {
    Rgb8::new(width, height, colour.repeat((width * height) as usize)).unwrap()
}

#[test]
fn a_picture_as_drawn_comes_back_from_its_file() {
    let picture = noise_picture(96, 48);
    let rendered = render(&Finisher::new(Processor::Cpu), &picture, &options(Quality::Normal, None)).unwrap();
    assert_eq!((rendered.width, rendered.height, rendered.format), (96, 48, Format::Png));
    assert_eq!(decode(&rendered.bytes, &DecodeLimits::default()).unwrap().rgb, picture);
    let small = decode(&rendered.thumbnail, &DecodeLimits::default()).unwrap();
    assert_eq!((small.rgb.width(), small.rgb.height(), small.format), (64, 32, Format::Webp));
}

#[test]
fn a_tier_enlarges_the_file_and_not_the_thumbnail() {
    let rendered = render(&Finisher::new(Processor::Cpu), &plain(64, 48, [200, 30, 30]), &options(Quality::TwoK, None)).unwrap();
    assert_eq!((rendered.width, rendered.height), (2048, 1536));
    let decoded = decode(&rendered.bytes, &DecodeLimits::default()).unwrap().rgb;
    assert!(decoded.pixels().chunks_exact(3).all(|pixel| pixel == [200, 30, 30]), "a plain colour stays what it is");
    assert_eq!(decode(&rendered.thumbnail, &DecodeLimits::default()).unwrap().rgb.width(), 64);
}

#[test]
fn the_mark_is_on_file_and_thumbnail() {
    let picture = plain(512, 512, [128; 3]);
    let finisher = Finisher::new(Processor::Cpu);
    let (with, without) = (
        render(&finisher, &picture, &options(Quality::Normal, Some("Easel"))),
        render(&finisher, &picture, &options(Quality::Normal, None)),
    );
    let (with, without) = (with.unwrap(), without.unwrap());
    assert_ne!(with.bytes, without.bytes);
    assert_ne!(with.thumbnail, without.thumbnail);
    let refused = render(&finisher, &picture, &options(Quality::Normal, Some("")));
    assert_eq!(refused, Err(ImagingError::MarkLength));
}

#[test]
fn thumbnails_keep_the_shape_and_never_grow() {
    let finisher = Finisher::new(Processor::Cpu);
    for ((width, height), expected) in [((300, 100), (64, 21)), ((100, 300), (21, 64)), ((64, 64), (64, 64)), ((10, 7), (10, 7))]
    {
        let small = thumbnail(&finisher, &noise_picture(width, height), 64).unwrap();
        assert_eq!((small.width(), small.height()), expected);
    }
    assert_eq!(thumbnail(&finisher, &noise_picture(4, 4), 0), Err(ImagingError::Size));
}

#[test]
fn a_blurhash_stands_for_the_picture() {
    // Red above, blue below: read back with the crate's own reader, the colours are where they were.
    let (width, height) = (200, 100);
    let rows = (0..height).flat_map(|y| if y < 50 { [230, 20, 20] } else { [20, 20, 230] }.repeat(width as usize));
    let hash = blurhash(&Rgb8::new(width, height, rows.collect()).unwrap()).unwrap();
    assert_eq!(hash.len(), 28);
    let back = ::blurhash::decode(&hash, 32, 16, 1.0).unwrap();
    let pixel = |x: usize, y: usize| &back[(y * 32 + x) * 4..][..3];
    assert!(pixel(16, 2)[0] > 180 && pixel(16, 2)[2] < 90, "{:?}", pixel(16, 2));
    assert!(pixel(16, 13)[2] > 180 && pixel(16, 13)[0] < 90, "{:?}", pixel(16, 13));
    // The average colour is the four characters after the first two, in base 83.
    let hash = blurhash(&plain(40, 90, [128, 64, 32])).unwrap();
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
    let average: u32 = hash[2..6].chars().fold(0, |sum, digit| sum * 83 + digits.find(digit).unwrap() as u32);
    // The crate rounds to within one.
    let [_, red, green, blue] = average.to_be_bytes();
    assert!(red.abs_diff(128) <= 1 && green.abs_diff(64) <= 1 && blue.abs_diff(32) <= 1, "{average:#x}");
    assert!(blurhash(&noise_picture(1, 1)).is_ok());
}
