//! The header check: every way a safetensors file can lie, one by one and then a thousand at random.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::weights_support::{Rng, Writer, file_bytes, split};
use easel_models::weights::{WeightFile, WeightSet, WeightsError, header::Header};

fn parse(bytes: &[u8]) -> Result<Header, WeightsError> {
    Header::parse(Path::new("dir/model.safetensors"), bytes)
}

/// The message, which must name the file.
fn refused(bytes: &[u8]) -> String {
    let message = parse(bytes).expect_err("this must be refused").to_string();
    assert!(message.starts_with("dir/model.safetensors: "), "{message}");
    message
}

fn one(dtype: &str, shape: &str, offsets: &str, data: usize) -> Vec<u8> {
    file_bytes(&format!(r#"{{"a.weight":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#), &vec![0; data])
}

#[test]
fn accepts_what_the_reference_writes() {
    let values: Vec<u8> = (0..24).collect();
    let views = [
        ("b", safetensors::Dtype::F32, vec![2, 3]),
        ("a", safetensors::Dtype::F16, vec![12]),
        ("s", safetensors::Dtype::I64, vec![]),
    ];
    let views: Vec<_> = views
        .into_iter()
        .map(|(name, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (name, safetensors::tensor::TensorView::new(dtype, shape, &values[..bytes]).unwrap())
        })
        .collect();
    let metadata = Some([("format".to_owned(), "pt".to_owned())].into());
    let bytes = safetensors::serialize(views, metadata).unwrap();
    let header = parse(&bytes).unwrap();
    assert_eq!(header.metadata["format"], "pt");
    assert_eq!(header.tensors["b"].shape, [2, 3]);
    assert_eq!(header.tensors["s"].shape, [0usize; 0]);
    assert_eq!(&bytes[header.tensors["a"].range.clone()], &values);
}

#[test]
fn length_prefix() {
    assert!(refused(b"").contains("too few"));
    assert!(refused(&[1, 2, 3]).contains("too few"));
    for length in [u64::MAX, 1 << 63, 100_000_001] {
        assert!(refused(&[&length.to_le_bytes()[..], b"{}"].concat()).contains("over the limit"), "{length}");
    }
    assert!(refused(&[&99u64.to_le_bytes()[..], b"{}"].concat()).contains("truncated"));
    assert!(refused(&file_bytes("", b"")).contains("does not start with '{'"));
    assert!(refused(&file_bytes(" {}", b"")).contains("does not start with '{'"));
}

#[test]
fn an_empty_set_and_an_empty_tensor_are_valid() {
    assert!(parse(&file_bytes("{}", b"")).unwrap().tensors.is_empty());
    assert!(parse(&file_bytes("{}   ", b"")).is_ok(), "trailing blanks align the data");
    assert_eq!(parse(&one("F32", "[0,5]", "[0,0]", 0)).unwrap().tensors["a.weight"].shape, [0, 5]);
}

#[test]
fn garbled_json() {
    for header in
        ["{", "{]", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":{}}"#, "{\"a\u{0}\":}", r#"{"a":{"dtype":"F32"}}"#, r#"{} {}"#]
    {
        refused(&file_bytes(header, b""));
    }
    refused(&[&2u64.to_le_bytes()[..], b"{\xff"].concat());
    let unknown = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"sparse":true}}"#;
    assert!(refused(&file_bytes(unknown, &[0; 4])).contains("sparse"));
    let nested = format!("{}{}", r#"{"a":{"dtype":"F32","shape":"#, "[".repeat(200_000));
    refused(&file_bytes(&nested, b""));
    refused(&file_bytes(&format!("{{\"__metadata__\":{}", "{\"a\":".repeat(100_000)), b""));
}

#[test]
fn repeated_keys() {
    let entry = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    assert!(refused(&file_bytes(&format!(r#"{{"a":{entry},"a":{entry}}}"#), &[0])).contains("\"a\" occurs twice"));
    // The same name written with an escape is the same name.
    assert!(refused(&file_bytes(&format!(r#"{{"a":{entry},"\u0061":{entry}}}"#), &[0])).contains("occurs twice"));
    assert!(refused(&file_bytes(r#"{"__metadata__":{"k":"1","k":"2"}}"#, b"")).contains("occurs twice"));
    assert!(refused(&file_bytes(r#"{"__metadata__":{},"__metadata__":{}}"#, b"")).contains("occurs twice"));
    let twice = r#"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    assert!(refused(&file_bytes(twice, &[0])).contains("duplicate field"));
    // The reference reader takes this file: the reason for a check of our own.
    let bytes = file_bytes(&format!(r#"{{"a":{entry},"a":{entry}}}"#), &[0]);
    assert!(safetensors::SafeTensors::deserialize(&bytes).is_ok());
}

#[test]
fn entries() {
    for dtype in ["F8_E4M3", "F8_E5M2", "F4", "C64", "f32", "", "F128"] {
        let message = refused(&one(dtype, "[4]", "[0,4]", 4));
        assert!(message.contains("\"a.weight\"") && message.contains(&format!("{dtype:?}")), "{message}");
    }
    assert!(refused(&one("F32", "[4294967296,4294967296]", "[0,0]", 0)).contains("overflows"));
    assert!(refused(&one("F32", "[18446744073709551615]", "[0,4]", 4)).contains("overflows"));
    assert!(refused(&one("F32", "[4611686018427387905]", "[0,4]", 4)).contains("overflows"), "the product wraps to 4 bytes");
    for shape in ["[-1]", "[1.5]", "[\"1\"]", "1", "null", "[1,1,1,1,1,1,1,1,1]", "[18446744073709551616]"] {
        assert!(refused(&one("F32", shape, "[0,4]", 4)).contains("a.weight"), "{shape}");
    }
    assert!(refused(&one("F32", "[1]", "[4,0]", 4)).contains("outside"));
    assert!(refused(&one("F32", "[2]", "[0,8]", 4)).contains("truncated"));
    assert!(refused(&one("F32", "[1]", "[18446744073709551612,18446744073709551615]", 4)).contains("outside"));
    assert!(refused(&one("F32", "[2]", "[0,4]", 4)).contains("needs 8"));
    for offsets in ["[0]", "[0,4,8]", "[-4,4]", "[0,4.0]", "{}", "\"0,4\""] {
        refused(&one("F32", "[1]", offsets, 4));
    }
}

#[test]
fn cover() {
    let two = |a: &str, b: &str, data: usize| {
        let entry = |offsets: &str| format!(r#"{{"dtype":"U8","shape":[4],"data_offsets":{offsets}}}"#);
        refused(&file_bytes(&format!(r#"{{"a":{},"b":{}}}"#, entry(a), entry(b)), &vec![0; data]))
    };
    assert!(two("[0,4]", "[2,6]", 6).contains("overlaps"));
    assert!(two("[0,4]", "[0,4]", 4).contains("overlaps"), "two names for the same bytes");
    assert!(two("[0,4]", "[6,10]", 10).contains("belong to no tensor"));
    assert!(two("[2,6]", "[6,10]", 10).contains("belong to no tensor"), "a gap at the start");
    assert!(two("[0,4]", "[4,8]", 9).contains("1 bytes at the end"));
}

#[test]
fn messages_stay_short_and_printable() {
    let name = format!("evil\u{1b}[2J{}", "x".repeat(1_000_000));
    let header = serde_json::json!({ name: { "dtype": "F9", "shape": [1], "data_offsets": [0, 4] } });
    let message = refused(&file_bytes(&header.to_string(), &[0; 4]));
    assert!(message.len() < 600 && !message.contains('\u{1b}'), "{message}");
}

fn valid_file() -> Vec<u8> {
    let (header, data) = split(
        &Writer::default()
            .counting("conv.weight", &[2, 3, 1, 1])
            .counting("conv.bias", &[2])
            .tensor("half", "F16", &[4], &[0; 8])
            .tensor("ids", "I64", &[1, 2], &[0; 16])
            .bytes(),
    );
    file_bytes(&header.replacen('{', r#"{"__metadata__":{"format":"pt","note":"x"},"#, 1), &data)
}

/// One structured change that always makes a file wrong.
fn break_structure(case: usize, rng: &mut Rng) -> Vec<u8> {
    let bytes = valid_file();
    let (header, data) = split(&bytes);
    let number = rng.pick(&[
        "18446744073709551615",
        "9223372036854775808",
        "4294967296",
        "99999999999",
        "-1",
        "1e300",
        "null",
        "[]",
        "\"4\"",
    ]);
    let swap = |from: &str, to: &str| file_bytes(&header.replacen(from, to, 1), &data);
    match case % 12 {
        0 => bytes[..rng.below(bytes.len())].to_vec(),
        1 => [&rng.next().max(1 << 27).to_le_bytes()[..], &bytes[8..]].concat(),
        2 => swap("\"shape\":[2, 3, 1, 1]", &format!("\"shape\":[2,{number},1,1]")),
        3 => swap("\"data_offsets\":[24,32]", &format!("\"data_offsets\":[{number},32]")),
        4 => swap("\"data_offsets\":[24,32]", &format!("\"data_offsets\":[24,{number}]")),
        5 => swap("conv.bias", "conv.weight"),
        6 => swap("\"F32\"", rng.pick(&["\"F8_E4M3\"", "\"Q4_0\"", "\"\"", "32", "null", "[\"F32\"]"])),
        7 => file_bytes(&header, &[&data[..], &vec![7; 1 + rng.below(64)]].concat()),
        8 => {
            let open = rng.pick(&["[", "{\"a\":", "[[", "{\"shape\":["]);
            file_bytes(&format!("{{\"a\":{}", open.repeat(1 + rng.below(5000))), &data)
        }
        9 => swap("\"dtype\"", rng.pick(&["\"kind\"", "\"dtype\":\"F32\",\"dtype\"", "\"extra\":1,\"dtype\""])),
        10 => swap("\"note\":\"x\"", rng.pick(&["\"format\":\"x\"", "\"note\":1", "\"note\":null", "\"note\":{}", "\"note\":"])),
        _ => {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            let off = 1 + rng.below(40) as u64;
            let wrong = if rng.below(2) == 0 { length + off } else { length.saturating_sub(off) };
            [&wrong.to_le_bytes()[..], &bytes[8..]].concat()
        }
    }
}

/// Random damage, which may happen to leave a valid file.
fn damage(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = valid_file();
    for _ in 0..=rng.below(4) {
        let end = if rng.below(4) == 0 { 8 } else { bytes.len() };
        match rng.below(4) {
            0 => bytes[rng.below(end)] ^= 1 << rng.below(8),
            1 => bytes[rng.below(end)] = rng.next() as u8,
            2 => {
                let at = rng.below(bytes.len());
                bytes.remove(at);
            }
            _ => bytes.insert(rng.below(bytes.len()), rng.pick(b"{}[]\",:0919eE-\\\0\xff")),
        }
        if bytes.len() < 16 {
            break;
        }
    }
    bytes
}

#[test]
fn a_thousand_mutated_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mutated.safetensors");
    let mut accepted = 0;
    for case in 0..1000 {
        let mut rng = Rng::new(case as u64 + 1);
        let structured = case % 2 == 0;
        let bytes = if structured { break_structure(case / 2, &mut rng) } else { damage(&mut rng) };
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        match WeightSet::open_file(&path) {
            Err(error) => assert!(error.to_string().contains("mutated.safetensors"), "case {case}: {error}"),
            Ok(set) => {
                assert!(!structured, "case {case} must be refused");
                accepted += 1;
                // What is accepted must be readable to the last byte, and the reference must agree that it is a file.
                for name in set.names() {
                    let (dtype, shape, raw) = set.raw(name).unwrap();
                    assert_eq!(raw.len(), shape.iter().product::<usize>() * dtype.bytes(), "case {case}");
                }
                safetensors::SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("case {case}: {e}"));
            }
        }
        assert!(started.elapsed() < Duration::from_secs(2), "case {case} took {:?}", started.elapsed());
    }
    assert!(accepted < 350, "{accepted} of 500 damaged files were taken; most damage hits the header");
}

#[test]
fn misnamed_pickles_are_called_pickles() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.ckpt", &b"{}"[..]),
        ("b.PT", b""),
        ("c.bin", b""),
        ("d.safetensors", b"PK\x03\x04rest"),
        ("e.safetensors", b"\x80\x02}q\x00....."),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let message = WeightFile::open(&path).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains("pickle"), "{message}");
    }
}
