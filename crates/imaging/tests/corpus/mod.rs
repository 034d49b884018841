//! The files of `malformed.rs`, made from good ones by rules and a fixed generator: the same on every machine.

mod jpeg;
mod lies;
mod png;
mod webp;

use easel_imaging::{EncodeOptions, Format, encode};

use crate::common::{file, noise_picture};

/// What must come of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Either, within bounds.
    Any,
    /// A picture.
    Read,
    /// An error.
    Refused,
    /// This error, before pixels are allocated.
    RefusedAs(&'static str),
}

pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub expect: Expect,
}

impl Case {
    pub fn new(name: impl Into<String>, bytes: Vec<u8>, expect: Expect) -> Self {
        Self { name: name.into(), bytes, expect }
    }
}

/// A 64-bit linear congruential generator (Knuth's constants), its upper half.
pub struct Lcg(u64);

impl Lcg {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) as usize) % end
    }
}

pub fn originals() -> Vec<(String, Vec<u8>)> {
    let made = |name: &str, options: EncodeOptions<'_>| {
        let options = EncodeOptions { parameters: Some("猫, Steps: 1"), ..options };
        (name.to_owned(), encode(&noise_picture(48, 40), &options).unwrap())
    };
    let files = [
        "progressive.jpg",
        "turned.jpg",
        "cmyk.jpg",
        "animated.png",
        "palette.png",
        "gray16.png",
        "alpha.png",
        "animated.webp",
        "alpha.webp",
        "lossy.webp",
        "gif.gif",
    ];
    [
        made("made.png", EncodeOptions::new(Format::Png)),
        made("made.jpg", EncodeOptions::new(Format::Jpeg)),
        made("lossless.webp", EncodeOptions::new(Format::Webp)),
        made("made.webp", EncodeOptions { lossless: false, ..EncodeOptions::new(Format::Webp) }),
    ]
    .into_iter()
    .chain(files.map(|name| (name.to_owned(), file(name))))
    .collect()
}

pub fn all() -> Vec<Case> {
    let mut cases = damaged();
    cases.extend(png::cases());
    cases.extend(jpeg::cases());
    cases.extend(webp::cases());
    cases.extend(lies::cases());
    cases
}

/// Small files that would be huge.
pub fn bombs() -> Vec<Case> {
    let mut cases = vec![Case::new("bomb.png", file("bomb.png"), Expect::RefusedAs("TooManyPixels"))];
    cases.extend(png::bombs());
    cases.extend(jpeg::bombs());
    cases.extend(webp::bombs());
    cases
}

/// Pictures of exactly as many pixels as are allowed, in the kinds that need most memory.
pub fn heaviest() -> Vec<(&'static str, Vec<u8>)> {
    vec![("16-bit RGBA, turned", png::wide_and_turned()), ("RGB WebP", webp::full()), ("JPEG", jpeg::full())]
}

/// Cut off, with changed bytes, and both, of every kind of file.
fn damaged() -> Vec<Case> {
    let mut random = Lcg(2026);
    let mut cases = Vec::new();
    for (name, original) in originals() {
        let refused = |wanted| if name.ends_with("gif") { Expect::RefusedAs("UnknownFormat") } else { wanted };
        for tenth in 0..10 {
            let cut = original.len() * tenth / 10;
            // What ends before its pixels do is never a picture; with less than its first bytes it is nothing known.
            let expect = if cut < 12 { Expect::RefusedAs("UnknownFormat") } else { refused(cut_off(&name, tenth)) };
            cases.push(Case::new(format!("{name} cut to {cut}"), original[..cut].to_vec(), expect));
        }
        for count in [1, 1, 1, 2, 2, 4, 4, 8, 16, 32, 64] {
            let mut bytes = original.clone();
            for _ in 0..count {
                let at = 12 + random.below(bytes.len() - 12);
                bytes[at] ^= 1 << random.below(8);
            }
            cases.push(Case::new(format!("{name} with {count} bits flipped"), bytes, refused(Expect::Any)));
        }
        for _ in 0..6 {
            let (mut bytes, length) = (original.clone(), 1 + random.below(40));
            let at = 12 + random.below(bytes.len() - 12);
            let from = random.below(bytes.len());
            let part: Vec<u8> = original.iter().skip(from).take(length).copied().collect();
            bytes.splice(at..at, part);
            cases.push(Case::new(format!("{name} with {length} bytes doubled at {at}"), bytes, refused(Expect::Any)));
        }
        for fill in [0, 0xff] {
            let mut bytes = original.clone();
            let half = bytes.len() / 2;
            bytes[half..].fill(fill);
            cases.push(Case::new(format!("{name} half {fill:#x}"), bytes, refused(Expect::Any)));
        }
    }
    cases
}

/// An animation cut off after its first frame still has that.
fn cut_off(name: &str, tenth: usize) -> Expect {
    if name.starts_with("animated") && tenth >= 3 { Expect::Any } else { Expect::Refused }
}
