//! JPEG files that lie: sizes, tables, restarts, scans without end.

use easel_imaging::{EncodeOptions, Format, encode};

use super::{Case, Expect};
use crate::common::{file, noise_picture};

/// Where the frame header's height stands, after its marker, length and depth.
fn size_at(bytes: &[u8]) -> usize {
    let frame = bytes.windows(2).position(|pair| matches!(pair, [0xff, 0xc0..=0xc2])).unwrap();
    frame + 5
}

fn sized(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let at = size_at(&bytes);
    bytes[at..at + 2].copy_from_slice(&height.to_be_bytes());
    bytes[at + 2..at + 4].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn marker_at(bytes: &[u8], marker: u8) -> usize {
    bytes.windows(2).position(|pair| pair == [0xff, marker]).unwrap()
}

pub fn cases() -> Vec<Case> {
    let baseline = encode(&noise_picture(48, 40), &EncodeOptions::new(Format::Jpeg)).unwrap();
    let progressive = file("progressive.jpg");
    let mut cases = Vec::new();
    for (kind, original) in [("baseline", &baseline), ("progressive", &progressive)] {
        let mut add = |name: String, bytes, expect| cases.push(Case::new(format!("{kind} jpeg: {name}"), bytes, expect));
        for (width, height) in [(0, 40), (0, 0)] {
            add(format!("{width}x{height}"), sized(original.clone(), width, height), Expect::Refused);
        }
        // Height 0 means "said later", which nobody does.
        add("48x0".into(), sized(original.clone(), 48, 0), Expect::Refused);
        for (width, height) in [(65_500, 65_500), (2049, 1), (1, 2049), (65_535, 16), (1025, 1024)] {
            add(format!("{width}x{height}"), sized(original.clone(), width, height), Expect::RefusedAs("TooManyPixels"));
        }
        add("more pixels than there are".into(), sized(original.clone(), 1024, 1000), Expect::Any);
        for (name, marker) in [("quantisation tables", 0xdb), ("huffman tables", 0xc4), ("scan header", 0xda)] {
            let at = marker_at(original, marker);
            for (how, byte) in [("0", 0), ("255", 0xff)] {
                let mut bytes = original.clone();
                bytes[at + 4..at + 12].fill(byte);
                add(format!("{name} of {how}"), bytes, Expect::Any);
                let mut bytes = original.clone();
                bytes[at + 2..at + 4].fill(byte);
                add(format!("{name} with a length of {how}"), bytes, Expect::Any);
            }
        }
        let scan = marker_at(original, 0xda);
        add("no scan".into(), [&original[..scan], b"\xff\xd9"].concat(), Expect::Refused);
        let restarts = [&original[..scan + 14], &[0xff, 0xd0].repeat(50_000)[..], &original[scan + 14..]].concat();
        add("50,000 restarts".into(), restarts, Expect::Any);
        let fill = [&original[..2], &[0xff; 200_000][..], &original[2..]].concat();
        add("200,000 fill bytes".into(), fill, Expect::Any);
        let comments = [&original[..2], &b"\xff\xfe\0\x02".repeat(100_000)[..], &original[2..]].concat();
        add("100,000 comments".into(), comments, Expect::Any);
        let no_end = &original[..original.len() - 2];
        add("no end".into(), no_end.to_vec(), Expect::Refused);
        let mut interval = original.clone();
        interval.splice(scan..scan, b"\xff\xdd\0\x04\0\x01".iter().copied());
        add("restarts that never come".into(), interval, Expect::Any);
    }
    cases.push(Case::new("jpeg of 10,000 scans", scans(&progressive, 10_000), Expect::Refused));
    cases
}

/// A progressive file whose last scan comes again and again: each would be a pass over all pixels.
fn scans(progressive: &[u8], count: usize) -> Vec<u8> {
    let last = progressive.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let end = progressive.len() - 2;
    [&progressive[..end], &progressive[last..end].repeat(count)[..], b"\xff\xd9"].concat()
}

pub fn bombs() -> Vec<Case> {
    let huge = sized(file("progressive.jpg"), 65_500, 65_500);
    vec![Case::new("65,500 x 65,500 JPEG", huge, Expect::RefusedAs("TooManyPixels"))]
}

/// 1024 x 1024 pixels.
pub fn full() -> Vec<u8> {
    encode(&noise_picture(1024, 1024), &EncodeOptions::new(Format::Jpeg)).unwrap()
}
