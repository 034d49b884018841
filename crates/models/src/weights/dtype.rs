//! The number formats that weights may be stored in, and their conversion to `f32`.
//!
//! Deliberately absent: the 8-, 6- and 4-bit floats of newer files. They need scales that safetensors does not carry in a standard
//! way, so they are refused by name. To add a format: a variant, its row in [`Dtype::parse`], [`Dtype::bytes`] and `convert`.

use half::{bf16, f16, slice::HalfFloatSliceExt};
use rayon::prelude::*;

/// A number format of safetensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the format's own")]
pub enum Dtype {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

const TABLE: [(Dtype, &str, usize); 13] = [
    (Dtype::Bool, "BOOL", 1),
    (Dtype::U8, "U8", 1),
    (Dtype::I8, "I8", 1),
    (Dtype::U16, "U16", 2),
    (Dtype::I16, "I16", 2),
    (Dtype::U32, "U32", 4),
    (Dtype::I32, "I32", 4),
    (Dtype::U64, "U64", 8),
    (Dtype::I64, "I64", 8),
    (Dtype::F16, "F16", 2),
    (Dtype::Bf16, "BF16", 2),
    (Dtype::F32, "F32", 4),
    (Dtype::F64, "F64", 8),
];

impl Dtype {
    /// The format of that name in a safetensors header.
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The name in a safetensors header.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Bytes per element.
    pub fn bytes(self) -> usize {
        TABLE[self as usize].2
    }

    /// Whether weights may be in this format (the whole numbers are for indices and switches).
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }
}

/// The elements of `bytes` as `f32`, or nothing for a format that is not a float. Reads little-endian, at any alignment.
pub(crate) fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    /// Elements converted at a time: fits the first-level cache, and big enough to be worth a task of its own.
    const CHUNK: usize = 8192;
    if !dtype.is_float() {
        return None;
    }
    let width = dtype.bytes();
    let mut out = vec![0f32; bytes.len() / width];
    out.par_chunks_mut(CHUNK).zip(bytes.par_chunks(CHUNK * width)).for_each(|(out, bytes)| convert(dtype, bytes, out));
    Some(out)
}

fn convert(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => {
            for (to, from) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *to = f32::from_le_bytes(*from);
            }
        }
        Dtype::F64 => {
            for (to, from) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *to = f64::from_le_bytes(*from) as f32;
            }
        }
        // Through a buffer, because the slice conversion uses the processor's own instructions and one element at a time does not.
        Dtype::F16 => {
            let half: Vec<f16> = bytes.as_chunks::<2>().0.iter().map(|pair| f16::from_le_bytes(*pair)).collect();
            half.convert_to_f32_slice(out);
        }
        Dtype::Bf16 => {
            let half: Vec<bf16> = bytes.as_chunks::<2>().0.iter().map(|pair| bf16::from_le_bytes(*pair)).collect();
            half.convert_to_f32_slice(out);
        }
        _ => unreachable!("only floats are converted; this is a bug"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_variants() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(Dtype::parse(row.1), Some(row.0));
        }
        assert_eq!(Dtype::parse("F8_E4M3"), None);
    }

    #[test]
    fn every_float_converts_exactly() {
        let values = [0.0f32, -1.5, 0.25, 6.0e4];
        let f16: Vec<u8> = values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
        let bf16: Vec<u8> = values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect();
        let f64: Vec<u8> = values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
        assert_eq!(to_f32(Dtype::F16, &f16).unwrap()[..3], values[..3]);
        assert_eq!(to_f32(Dtype::Bf16, &bf16).unwrap()[..3], values[..3]);
        assert_eq!(to_f32(Dtype::F64, &f64).unwrap(), values);
        assert_eq!(to_f32(Dtype::I64, &f64), None);
    }

    #[test]
    fn conversion_crosses_chunks_in_order() {
        let values: Vec<f32> = (0..20_001).map(|v| v as f32).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(to_f32(Dtype::F32, &bytes).unwrap(), values);
    }
}
