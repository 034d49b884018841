//! PNG files that lie: sizes, lengths, checksums, orders, and chunks that unpack to far more than they are.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use img_parts::png::{Png, PngChunk};

use super::{Case, Expect};
use crate::common::{file, noise, noise_picture};
use easel_imaging::{EncodeOptions, Format, encode};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    [&(content.len() as u32).to_be_bytes(), kind.as_slice(), content, &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32, depth: u8, colour: u8, interlace: u8) -> Vec<u8> {
    let content = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, interlace]].concat();
    chunk(b"IHDR", &content)
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A megabyte of zeros, `megabytes` times.
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let megabyte = vec![0; 1024 * 1024];
    (0..megabytes).for_each(|_| encoder.write_all(&megabyte).unwrap());
    encoder.finish().unwrap()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &chunks.concat()].concat()
}

fn end() -> Vec<u8> {
    chunk(b"IEND", b"")
}

/// Rows of 16 RGB pixels, each with its filter byte.
fn rows(count: usize) -> Vec<u8> {
    vec![0; count * (1 + 16 * 3)]
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, expect| cases.push(Case::new(format!("png: {name}"), bytes, expect));
    let good = |head: Vec<u8>| png(&[head, chunk(b"IDAT", &zlib(&rows(16))), end()]);
    add("good", good(header(16, 16, 8, 2, 0)), Expect::Read);
    for (width, height) in [(0, 16), (16, 0), (0, 0), (1 << 31, 16), (16, u32::MAX)] {
        add(&format!("{width}x{height}"), good(header(width, height, 8, 2, 0)), Expect::Refused);
    }
    for (width, height) in [(2049, 1), (1, 2049), (1025, 1024), (i32::MAX as u32, 1), (60_000, 60_000)] {
        add(&format!("{width}x{height}"), good(header(width, height, 8, 2, 0)), Expect::RefusedAs("TooManyPixels"));
    }
    add("more rows than there are", good(header(16, 1000, 8, 2, 0)), Expect::Refused);
    add("fewer rows than there are", good(header(16, 3, 8, 2, 0)), Expect::Any);
    for (depth, colour) in [(0, 2), (3, 0), (4, 2), (16, 3), (8, 1), (8, 5), (8, 7), (8, 255), (255, 2)] {
        add(&format!("depth {depth}, colour {colour}"), good(header(16, 16, depth, colour, 0)), Expect::Refused);
    }
    add("interlaced otherwise", good(header(16, 16, 8, 2, 2)), Expect::Refused);
    add("said to be interlaced", good(header(16, 16, 8, 2, 1)), Expect::Any);
    add("palette without one", good(header(16, 16, 8, 3, 0)), Expect::Refused);
    let data = chunk(b"IDAT", &zlib(&rows(16)));
    add("no header", png(&[data.clone(), end()]), Expect::Refused);
    add("no pixels", png(&[header(16, 16, 8, 2, 0), end()]), Expect::Refused);
    add("end first", png(&[end(), header(16, 16, 8, 2, 0), data.clone()]), Expect::Refused);
    let twice = png(&[header(16, 16, 8, 2, 0), header(2000, 500, 8, 2, 0), data.clone(), end()]);
    add("two headers", twice, Expect::Refused);
    add("pixels that are no zlib", png(&[header(16, 16, 8, 2, 0), chunk(b"IDAT", &noise(400)), end()]), Expect::Refused);
    add("empty pixels", png(&[header(16, 16, 8, 2, 0), chunk(b"IDAT", b""), end()]), Expect::Refused);
    let filter: Vec<u8> = rows(16).iter().enumerate().map(|(at, _)| if at % 49 == 0 { 9 } else { 0 }).collect();
    add("unknown filters", png(&[header(16, 16, 8, 2, 0), chunk(b"IDAT", &zlib(&filter)), end()]), Expect::Refused);
    let many = vec![chunk(b"IDAT", b""); 100_000].concat();
    add("100,000 empty chunks", png(&[header(16, 16, 8, 2, 0), many, data.clone(), end()]), Expect::Any);
    let text = vec![chunk(b"tEXt", b"a\0b"); 100_000].concat();
    add("100,000 texts", png(&[header(16, 16, 8, 2, 0), text, data.clone(), end()]), Expect::Any);
    for length in [0x7fff_ffffu32, 0x8000_0000, u32::MAX, 1 << 24] {
        let mut bytes = good(header(16, 16, 8, 2, 0));
        bytes[33..37].copy_from_slice(&length.to_be_bytes());
        add(&format!("a chunk of {length} bytes"), bytes, Expect::Refused);
    }
    for at in [8 + 8 + 13, 33 + 8 + data.len() - 12] {
        let mut bytes = good(header(16, 16, 8, 2, 0));
        bytes[at] ^= 0xff;
        add(&format!("a wrong checksum at {at}"), bytes, Expect::Refused);
    }
    for (name, bytes) in unpacking(64) {
        add(&format!("{name} of 64 MiB"), png(&[header(16, 16, 8, 2, 0), bytes, data.clone(), end()]), Expect::Any);
    }
    let too_many = png(&[header(16, 16, 8, 2, 0), chunk(b"IDAT", &zeros(64)), end()]);
    add("64 MiB of pixels for 16x16", too_many, Expect::Any);
    cases
}

/// Chunks that unpack to so many megabytes.
fn unpacking(megabytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let packed = zeros(megabytes);
    let with = |start: &[u8]| [start, &packed].concat();
    vec![
        ("zTXt", chunk(b"zTXt", &with(b"parameters\0\0"))),
        ("iTXt", chunk(b"iTXt", &with(b"parameters\0\x01\0\0\0"))),
        ("iCCP", chunk(b"iCCP", &with(b"profile\0\0"))),
    ]
}

pub fn bombs() -> Vec<Case> {
    let big = png(&[header(8193, 1, 8, 2, 0), chunk(b"IDAT", &zeros(512)), end()]);
    let refused = Expect::RefusedAs("TooManyPixels");
    let mut cases = vec![Case::new("512 MiB of pixels", big, refused)];
    for (name, bytes) in unpacking(512) {
        // Refused by its size; the texts before that must not be unpacked.
        let bytes = png(&[header(50_000, 50_000, 8, 2, 0), bytes, chunk(b"IDAT", &zlib(&rows(1))), end()]);
        cases.push(Case::new(format!("{name} of 512 MiB"), bytes, refused));
    }
    cases
}

/// 1024 x 1024 pixels of eight bytes, to be turned by 90 degrees.
pub fn wide_and_turned() -> Vec<u8> {
    let row = [vec![0], noise(1024 * 8)].concat();
    let pixels = chunk(b"IDAT", &zlib(&row.repeat(1024)));
    let turn = chunk(b"eXIf", b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    png(&[header(1024, 1024, 16, 6, 0), turn, pixels, end()])
}

/// A picture that is also something else, behind its end or in a chunk of its own.
pub fn polyglots() -> Vec<Case> {
    let picture = encode(&noise_picture(16, 16), &EncodeOptions::new(Format::Png)).unwrap();
    let mut within = Png::from_bytes(picture.clone().into()).unwrap();
    within.chunks_mut().insert(1, PngChunk::new(*b"teSt", b"<script>alert(1)</script>".to_vec().into()));
    vec![
        Case::new("png and html", [&picture[..], b"<html><script>alert(1)</script>"].concat(), Expect::Read),
        Case::new("png and zip", [&picture[..], b"PK\x03\x04", &[0; 400]].concat(), Expect::Read),
        Case::new("png and png", [&picture[..], &file("bomb.png")].concat(), Expect::Read),
        Case::new("png with html", within.encoder().bytes().to_vec(), Expect::Read),
    ]
}
