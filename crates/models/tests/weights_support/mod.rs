//! Shared by the weights tests: writing safetensors files by hand, and a small deterministic source of randomness.
#![allow(dead_code, reason = "every test uses a part")]

pub mod folder;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// A file being written: entries in order, each with its data right behind the one before.
#[derive(Default)]
pub struct Writer {
    header: String,
    data: Vec<u8>,
}

impl Writer {
    pub fn tensor(mut self, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) -> Self {
        let (from, to) = (self.data.len(), self.data.len() + bytes.len());
        let comma = if self.header.is_empty() { "" } else { "," };
        write!(self.header, r#"{comma}{name:?}:{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{from},{to}]}}"#).unwrap();
        self.data.extend_from_slice(bytes);
        self
    }

    pub fn f32(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, "F32", shape, &bytes)
    }

    /// 0, 1, 2, … as floats.
    pub fn counting(self, name: &str, shape: &[usize]) -> Self {
        let values: Vec<f32> = (0..shape.iter().product()).map(|v| v as f32).collect();
        self.f32(name, shape, &values)
    }

    pub fn bytes(self) -> Vec<u8> {
        file_bytes(&format!("{{{}}}", self.header), &self.data)
    }

    pub fn write(self, path: &Path) -> PathBuf {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.bytes()).unwrap();
        path.to_owned()
    }
}

/// Length prefix, header, data.
pub fn file_bytes(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// Splits a valid file into its header text and its data.
pub fn split(bytes: &[u8]) -> (String, Vec<u8>) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (String::from_utf8(bytes[8..8 + length].to_vec()).unwrap(), bytes[8 + length..].to_vec())
}

/// xorshift64*: the same numbers on every machine and every run.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Where the fixtures lie.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// A CLIP tokenizer folder with this many tokens, 96 at least: all printable characters, fillers, start and end.
pub fn tokenizer(dir: &Path, tokens: usize) {
    std::fs::create_dir_all(dir).unwrap();
    let characters = (b'!'..=b'~').map(|c| char::from(c).to_string());
    let mut words: Vec<String> = characters.chain((0..).map(|n| format!("filler{n}</w>"))).take(tokens - 2).collect();
    words.extend(["<|startoftext|>".to_owned(), "<|endoftext|>".to_owned()]);
    let vocab: serde_json::Map<String, serde_json::Value> =
        words.into_iter().enumerate().map(|(id, word)| (word, id.into())).collect();
    std::fs::write(dir.join("vocab.json"), serde_json::to_vec(&vocab).unwrap()).unwrap();
    std::fs::write(dir.join("merges.txt"), "#version: 0.2\n").unwrap();
}
