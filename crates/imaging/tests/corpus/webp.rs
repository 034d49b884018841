//! WebP files that lie: canvas and frame sizes, lengths, chunks that are not what they are called.

use easel_imaging::{EncodeOptions, Format, encode};

use super::{Case, Expect};
use crate::common::{file, noise, noise_picture};

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let pad: &[u8] = if content.len() % 2 == 1 { &[0] } else { &[] };
    [kind.as_slice(), &(content.len() as u32).to_le_bytes(), content, pad].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), b"WEBP", &body].concat()
}

/// The header of an extended file.
fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    chunk(b"VP8X", &[&[flags, 0, 0, 0], &width[..3], &height[..3]].concat())
}

/// The header of a lossless picture: signature, two times 14 bits of size.
fn lossless(width: u32, height: u32, rest: &[u8]) -> Vec<u8> {
    let size = (width - 1) | ((height - 1) << 14);
    chunk(b"VP8L", &[&[0x2f], &size.to_le_bytes()[..], rest].concat())
}

/// The header of a lossy picture: a key frame's tag, its signature, two times 14 bits of size.
fn lossy(width: u16, height: u16, rest: &[u8]) -> Vec<u8> {
    let head = [&[0x10, 0x02, 0, 0x9d, 0x01, 0x2a], &width.to_le_bytes()[..], &height.to_le_bytes(), rest].concat();
    chunk(b"VP8 ", &head)
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, bytes, expect| cases.push(Case::new(format!("webp: {name}"), bytes, expect));
    for (width, height) in [(16_383, 16_383), (2049, 1), (1, 2049), (1025, 1024)] {
        let too_many = Expect::RefusedAs("TooManyPixels");
        add(format!("lossless {width}x{height}"), riff(&[lossless(width, height, &noise(60))]), too_many);
        add(format!("lossy {width}x{height}"), riff(&[lossy(width as u16, height as u16, &noise(60))]), too_many);
        let canvas = riff(&[extended(0, width, height), lossless(16, 16, &noise(60))]);
        add(format!("canvas {width}x{height}"), canvas, too_many);
    }
    add("lossy 0x0".into(), riff(&[lossy(0, 0, &noise(60))]), Expect::Refused);
    for length in [0, 1, 5, 60, 4000] {
        add(format!("lossless with {length} bytes of noise"), riff(&[lossless(900, 900, &noise(length))]), Expect::Refused);
        add(format!("lossy with {length} bytes of noise"), riff(&[lossy(900, 900, &noise(length))]), Expect::Any);
    }
    add("a frame larger than its canvas".into(), riff(&[extended(0, 16, 16), lossless(1000, 1000, &noise(60))]), Expect::Refused);
    add("nothing".into(), riff(&[]), Expect::Refused);
    add("a canvas alone".into(), riff(&[extended(0, 16, 16)]), Expect::Refused);
    let animated = file("animated.webp");
    for (name, at, bytes) in [("canvas", 24, [0xff; 6]), ("frame", 0, [0xff; 6])] {
        let mut lying = animated.clone();
        let at = if at > 0 { at } else { lying.windows(4).position(|four| four == b"ANMF").unwrap() + 14 };
        lying[at..at + 6].copy_from_slice(&bytes);
        add(format!("an animation with a huge {name}"), lying, Expect::Refused);
    }
    for original in ["alpha.webp", "lossy.webp"] {
        for length in [0u32, 1, 0x7fff_ffff, u32::MAX, 3] {
            let mut bytes = file(original);
            bytes[16..20].copy_from_slice(&length.to_le_bytes());
            add(format!("{original} with a chunk of {length} bytes"), bytes, Expect::Any);
            let mut bytes = file(original);
            bytes[4..8].copy_from_slice(&length.to_le_bytes());
            add(format!("{original} of {length} bytes"), bytes, Expect::Any);
        }
    }
    let alpha = chunk(b"ALPH", &noise(50));
    add("transparency that is noise".into(), riff(&[extended(0x10, 900, 900), alpha, lossy(900, 900, &noise(60))]), Expect::Any);
    let mut many = vec![extended(0, 16, 16)];
    many.extend((0..50_000).map(|_| chunk(b"XXXX", b"")));
    add("50,000 unknown chunks".into(), riff(&many), Expect::Refused);
    cases
}

pub fn bombs() -> Vec<Case> {
    let refused = Expect::RefusedAs("TooManyPixels");
    vec![
        Case::new("16,383 x 16,383 lossless WebP", riff(&[lossless(16_383, 16_383, &noise(60))]), refused),
        Case::new("16,383 x 16,383 lossy WebP", riff(&[lossy(16_383, 16_383, &noise(60))]), refused),
        Case::new("2^24 x 2^24 WebP canvas", riff(&[extended(0, 1 << 24, 1 << 24), lossless(1, 1, &noise(9))]), refused),
    ]
}

/// 1024 x 1024 pixels.
pub fn full() -> Vec<u8> {
    encode(&noise_picture(1024, 1024), &EncodeOptions::new(Format::Webp)).unwrap()
}
