//! The safetensors header, read and judged by our own code before anything else sees the file.
//!
//! Format: eight bytes little-endian header length, a JSON object `{name: {dtype, shape, data_offsets}}` with an optional
//! `__metadata__` of strings, then the data. The reference reader is the `safetensors` crate; it takes a repeated key silently (one
//! of the two tensors wins), so this reader exists, and it is stricter: no repeated key anywhere, no unknown field, no hole.
//!
//! Invariants of a [`Header`]: every range lies in the file, ranges neither overlap nor leave a gap and end at the file's end, and a
//! range's length is exactly shape times width. So nothing behind it needs to check again. Memory is bounded by the header's size.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    ops::Range,
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use super::{Dtype, WeightsError, error::shorten};

/// Largest header accepted, as in the reference reader. A real one has 100 to 500 kB.
pub const HEADER_BYTES_MAX: usize = 100_000_000;
/// More dimensions than any weight has; a bound on what one entry can cost.
const DIMENSIONS_MAX: usize = 8;
const METADATA: &str = "__metadata__";

/// Where one tensor lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Number format.
    pub dtype: Dtype,
    /// Dimensions, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Bytes, counted from the start of the file.
    pub range: Range<usize>,
}

/// A checked header.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
    /// The free-form strings of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

impl Header {
    /// Reads and checks the header of a whole file. `file` is for messages only.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, WeightsError> {
        let data_start = data_start(file, bytes)?;
        let raw: RawHeader =
            serde_json::from_slice(&bytes[8..data_start]).map_err(|e| WeightsError::header(file, format!("header: {e}")))?;
        let mut tensors = BTreeMap::new();
        for (name, entry) in raw.tensors {
            let info = check_entry(file, &name, entry, data_start, bytes.len())?;
            tensors.insert(name, info);
        }
        check_cover(file, &tensors, data_start, bytes.len())?;
        Ok(Self { tensors, metadata: raw.metadata })
    }
}

/// The length prefix, held against the cap and against what is there.
fn data_start(file: &Path, bytes: &[u8]) -> Result<usize, WeightsError> {
    let Some(prefix) = bytes.first_chunk::<8>() else {
        return Err(WeightsError::header(file, format!("{} bytes are too few for a header", bytes.len())));
    };
    let length = u64::from_le_bytes(*prefix);
    if length > HEADER_BYTES_MAX as u64 {
        return Err(WeightsError::header(file, format!("header length {length} is over the limit of {HEADER_BYTES_MAX}")));
    }
    let end = 8 + length as usize;
    if end > bytes.len() {
        return Err(WeightsError::header(
            file,
            format!("header length {length} reaches behind the end of the file ({} bytes): the file is truncated", bytes.len()),
        ));
    }
    // The format wants the object to start at once; leading blanks would let two readers disagree.
    if bytes.get(8) != Some(&b'{') {
        return Err(WeightsError::header(file, "the header does not start with '{'"));
    }
    Ok(end)
}

/// One entry: known format, shape without overflow, range in the file and exactly as long as the shape says.
fn check_entry(file: &Path, name: &str, entry: RawEntry, data_start: usize, file_len: usize) -> Result<TensorInfo, WeightsError> {
    let fail = |reason: String| Err(WeightsError::tensor(file, name, reason));
    let Some(dtype) = Dtype::parse(&entry.dtype) else {
        return fail(format!(
            "the number format {} is not supported; convert the file to F16, BF16 or F32",
            shorten(&entry.dtype)
        ));
    };
    let shape = entry.shape.0;
    let mut size = Some(dtype.bytes());
    for dimension in &shape {
        size = size.and_then(|size| usize::try_from(*dimension).ok().and_then(|dimension| size.checked_mul(dimension)));
    }
    let Some(size) = size else {
        return fail(format!("shape {shape:?} overflows"));
    };
    let (begin, end) = entry.data_offsets;
    let data_len = (file_len - data_start) as u64;
    if begin > end || end > data_len {
        return fail(format!(
            "data_offsets [{begin}, {end}] lie outside the {data_len} bytes of data: the file is truncated or garbled"
        ));
    }
    if end - begin != size as u64 {
        return fail(format!("data_offsets hold {} bytes, shape {shape:?} of {} needs {size}", end - begin, dtype.name()));
    }
    let range = data_start + begin as usize..data_start + end as usize;
    Ok(TensorInfo { dtype, shape: shape.into_iter().map(|dimension| dimension as usize).collect(), range })
}

/// All ranges together: no overlap, no gap, from the header's end to the file's end.
fn check_cover(
    file: &Path,
    tensors: &BTreeMap<String, TensorInfo>,
    data_start: usize,
    file_len: usize,
) -> Result<(), WeightsError> {
    let mut order: Vec<(&String, &Range<usize>)> = tensors.iter().map(|(name, info)| (name, &info.range)).collect();
    order.sort_by_key(|(_, range)| (range.start, range.end));
    let mut at = data_start;
    for (name, range) in order {
        if range.start < at {
            return Err(WeightsError::tensor(file, name, "its data overlaps another tensor's"));
        }
        if range.start > at {
            return Err(WeightsError::tensor(
                file,
                name,
                format!("{} bytes before its data belong to no tensor", range.start - at),
            ));
        }
        at = range.end;
    }
    if at != file_len {
        return Err(WeightsError::header(file, format!("{} bytes at the end belong to no tensor", file_len - at)));
    }
    Ok(())
}

/// The JSON as written, with repeated keys already refused.
struct RawHeader {
    tensors: BTreeMap<String, RawEntry>,
    metadata: BTreeMap<String, String>,
}

/// serde refuses repeated and, as asked here, unknown fields by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: String,
    shape: RawShape,
    data_offsets: (u64, u64),
}

struct RawShape(Vec<u64>);

impl<'de> Deserialize<'de> for RawShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dimensions;
        impl<'de> Visitor<'de> for Dimensions {
            type Value = RawShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {DIMENSIONS_MAX} dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawShape, A::Error> {
                let mut shape = Vec::new();
                while let Some(dimension) = seq.next_element()? {
                    if shape.len() == DIMENSIONS_MAX {
                        return Err(A::Error::custom(format!("shape has more than {DIMENSIONS_MAX} dimensions")));
                    }
                    shape.push(dimension);
                }
                Ok(RawShape(shape))
            }
        }
        deserializer.deserialize_seq(Dimensions)
    }
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawHeader;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
                let mut tensors = BTreeMap::new();
                let mut metadata = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        let UniqueStrings(strings) =
                            map.next_value().map_err(|e| A::Error::custom(format!("{METADATA}: {e}")))?;
                        if metadata.replace(strings).is_some() {
                            return Err(A::Error::custom("the key \"__metadata__\" occurs twice"));
                        }
                        continue;
                    }
                    let slot = match tensors.entry(name) {
                        Entry::Vacant(slot) => slot,
                        Entry::Occupied(first) => {
                            return Err(A::Error::custom(format!("the tensor {} occurs twice", shorten(first.key()))));
                        }
                    };
                    let entry = map.next_value().map_err(|e| A::Error::custom(format!("tensor {}: {e}", shorten(slot.key()))))?;
                    slot.insert(entry);
                }
                Ok(RawHeader { tensors, metadata: metadata.unwrap_or_default() })
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

struct UniqueStrings(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for UniqueStrings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = UniqueStrings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueStrings, A::Error> {
                let mut strings = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if let Some(_earlier) = strings.insert(key, value) {
                        return Err(A::Error::custom("a key occurs twice"));
                    }
                }
                Ok(UniqueStrings(strings))
            }
        }
        deserializer.deserialize_map(Strings)
    }
}
