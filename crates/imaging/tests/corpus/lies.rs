//! Files that are not what they are called, and files that are two things at once.

use super::{Case, Expect, png};
use crate::common::{file, noise};

pub fn cases() -> Vec<Case> {
    let others: [(&str, &[u8]); 22] = [
        ("nothing", b""),
        ("one byte", b"\x89"),
        ("text", b"this is not a picture"),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("svg with a header", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("html", b"<!doctype html><script>alert(1)</script>"),
        ("pdf", b"%PDF-1.7\n%\xe2\xe3"),
        ("zip", b"PK\x03\x04\x14\0\0\0"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("elf", b"\x7fELF\x02\x01\x01\0"),
        ("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        ("jpeg xl", b"\xff\x0a\xfa\x1f\x41\x91"),
        ("jpeg xl container", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("tiff", b"II*\0\x08\0\0\0"),
        ("big tiff", b"MM\0+\0\x08\0\0"),
        ("bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"),
        ("ico", b"\0\0\x01\0\x01\0\x10\x10\0\0"),
        ("hdr", b"#?RADIANCE\n\n-Y 1 +X 4294967295\n"),
        ("exr", b"\x76\x2f\x31\x01\x02\0\0\0"),
        ("wave sound", b"RIFF\x24\0\0\0WAVEfmt "),
    ];
    let unknown = Expect::RefusedAs("UnknownFormat");
    let mut cases: Vec<Case> = others
        .into_iter()
        .map(|(name, bytes)| Case::new(name, [bytes, &vec![0; bytes.len().min(1) * 200]].concat(), unknown))
        .collect();
    for (name, start) in [("png", &b"\x89PNG\r\n\x1a\n"[..]), ("jpeg", b"\xff\xd8\xff\xe0"), ("webp", b"RIFF\0\x10\0\0WEBPVP8 ")]
    {
        for length in [0, 1, 13, 400, 100_000] {
            cases.push(Case::new(
                format!("{name} of {length} bytes of noise"),
                [start, &noise(length)].concat(),
                Expect::Refused,
            ));
            cases.push(Case::new(format!("{name} of {length} zeros"), [start, &vec![0; length]].concat(), Expect::Refused));
        }
    }
    // 65,535 x 65,535 in a few bytes, which would be allowed to be no picture at all.
    let gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;";
    cases.push(Case::new("a gif of 65,535 x 65,535", gif.to_vec(), unknown));
    cases.push(Case::new("gif with a png behind it", [file("gif.gif"), file("alpha.png")].concat(), unknown));
    cases.push(Case::new("html before a png", [b"<html>".to_vec(), file("alpha.png")].concat(), unknown));
    cases.push(Case::new(
        "five megabytes",
        [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 5 << 20]].concat(),
        Expect::RefusedAs("TooManyBytes"),
    ));
    cases.extend(png::polyglots());
    cases
}
