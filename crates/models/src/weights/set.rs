//! A set of tensors by name, over one file or several.
//!
//! Names are *views*: a view is a stored tensor, possibly a slice of its rows or its transpose, under a shape. Folders use plain views
//! under the stored names, single-file checkpoints use them to present the diffusers names. Beyond that a few spellings that differ
//! between versions of the same layout resolve to each other when a name is asked for ([`alias`]); nothing is renamed on disk.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use easel_kernels::Mapping;

use super::{
    Dtype, WeightsError,
    dtype::to_f32,
    header::{Header, TensorInfo},
};

/// One open safetensors file with its checked header.
pub struct WeightFile {
    path: PathBuf,
    header: Header,
    bytes: Mapping,
}

impl WeightFile {
    /// Maps and checks a file. A pickle is refused by its name before it is opened, and by its first bytes if it is misnamed.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        if is_pickle_name(path) {
            return Err(WeightsError::Pickle { file: path.to_owned() });
        }
        let bytes = easel_kernels::map_file(path).map_err(|e| WeightsError::io(path, e))?;
        // A zip (torch.save) or a bare pickle (protocol 2 and up) under a safetensors name: say so rather than "length too large".
        if bytes.starts_with(b"PK\x03\x04")
            || (bytes.starts_with(b"\x80") && matches!(bytes.get(1), Some(2..=5)) && bytes.get(8) != Some(&b'{'))
        {
            return Err(WeightsError::Pickle { file: path.to_owned() });
        }
        let header = Header::parse(path, &bytes)?;
        Ok(Self { path: path.to_owned(), header, bytes })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The checked header.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// Whether a file name is one that PyTorch pickles go by.
pub(crate) fn is_pickle_name(path: &Path) -> bool {
    const PICKLES: [&str; 6] = ["ckpt", "pt", "pth", "bin", "pkl", "pickle"];
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| PICKLES.contains(&e.to_ascii_lowercase().as_str()))
}

/// What a view does to the stored tensor besides naming and shaping it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// All of it, in stored order.
    None,
    /// Only these rows (indices of the first dimension).
    Rows(Range<usize>),
    /// Rows and columns exchanged; two dimensions only.
    Transpose,
}

/// A named tensor of a set: which stored tensor, what of it, under which shape.
#[derive(Clone, Debug)]
pub struct View {
    file: Arc<WeightFile>,
    stored: String,
    change: Change,
    shape: Vec<usize>,
    dtype: Dtype,
    range: Range<usize>,
}

impl View {
    /// A view of `stored`, checked: the rows exist, a transpose has two dimensions.
    pub fn new(file: &Arc<WeightFile>, stored: &str, change: Change) -> Result<Self, WeightsError> {
        let Some(info) = file.header.tensors.get(stored) else {
            return Err(WeightsError::missing(&file.path, stored));
        };
        let TensorInfo { dtype, mut shape, mut range } = info.clone();
        match &change {
            Change::None => {}
            Change::Rows(rows) => {
                let have = shape.first().copied().unwrap_or(0);
                if rows.start > rows.end || rows.end > have {
                    return Err(WeightsError::tensor(&file.path, stored, format!("rows {rows:?} asked for, shape is {shape:?}")));
                }
                // `have` is above zero unless the slice is empty, and then there is nothing to point at.
                let row = range.len().checked_div(have).unwrap_or(0);
                range = range.start + rows.start * row..range.start + rows.end * row;
                shape[0] = rows.len();
            }
            Change::Transpose => {
                if shape.len() != 2 {
                    return Err(WeightsError::tensor(&file.path, stored, format!("two dimensions needed, shape is {shape:?}")));
                }
                shape.swap(0, 1);
            }
        }
        Ok(Self { file: file.clone(), stored: stored.to_owned(), change, shape, dtype, range })
    }

    /// The same elements under another shape (a 1x1 convolution as a matrix, say).
    pub fn reshaped(mut self, shape: &[usize]) -> Result<Self, WeightsError> {
        if shape.iter().product::<usize>() != self.shape.iter().product::<usize>() {
            return Err(self.wrong_shape(shape));
        }
        self.shape = shape.to_vec();
        Ok(self)
    }

    /// The first element, for tensors that hold one number.
    pub(crate) fn first_f32(&self) -> Option<f32> {
        if self.dtype == Dtype::I64 {
            return self.bytes().first_chunk::<8>().map(|bytes| i64::from_le_bytes(*bytes) as f32);
        }
        to_f32(self.dtype, self.bytes().get(..self.dtype.bytes())?)?.first().copied()
    }

    fn wrong_shape(&self, expected: &[usize]) -> WeightsError {
        WeightsError::Shape {
            file: self.file.path.clone(),
            tensor: self.stored.clone(),
            found: self.shape.clone(),
            expected: expected.to_vec(),
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        let stored = &self.file.bytes[self.range.clone()];
        if self.change != Change::Transpose {
            return Cow::Borrowed(stored);
        }
        let (rows, columns, width) = (self.shape[0], self.shape[1], self.dtype.bytes());
        let mut out = Vec::with_capacity(stored.len());
        for row in 0..rows {
            for column in 0..columns {
                let at = (column * rows + row) * width;
                out.extend_from_slice(&stored[at..at + width]);
            }
        }
        Cow::Owned(out)
    }
}

/// A tensor as stored: number format, shape, little-endian bytes.
pub type RawTensor<'a> = (Dtype, &'a [usize], Cow<'a, [u8]>);

/// Tensors by diffusers parameter name. Cheap to clone: the files are shared.
pub struct WeightSet {
    /// What to blame when a name is missing: the file, or the index of a sharded set.
    origin: PathBuf,
    views: BTreeMap<String, View>,
    asked: Mutex<BTreeSet<String>>,
}

/// Short: the thousands of tensors would bury a log.
impl fmt::Debug for WeightFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeightFile({}, {} tensors)", self.path.display(), self.header.tensors.len())
    }
}

impl fmt::Debug for WeightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeightSet({}, {} tensors)", self.origin.display(), self.views.len())
    }
}

impl Clone for WeightSet {
    fn clone(&self) -> Self {
        Self { origin: self.origin.clone(), views: self.views.clone(), asked: Mutex::default() }
    }
}

impl WeightSet {
    /// A set from views made elsewhere. `origin` is the file that messages name.
    pub fn from_views(origin: &Path, views: BTreeMap<String, View>) -> Self {
        Self { origin: origin.to_owned(), views, asked: Mutex::default() }
    }

    /// All tensors of these files under their stored names.
    pub fn from_files(origin: &Path, files: &[Arc<WeightFile>]) -> Result<Self, WeightsError> {
        let mut views = BTreeMap::new();
        for file in files {
            for name in file.header.tensors.keys() {
                if views.insert(name.clone(), View::new(file, name, Change::None)?).is_some() {
                    return Err(WeightsError::tensor(&file.path, name, "it is in another file of the same model, too"));
                }
            }
        }
        Ok(Self::from_views(origin, views))
    }

    /// The tensors of one file under their stored names.
    pub fn open_file(path: &Path) -> Result<Self, WeightsError> {
        Self::from_files(path, &[Arc::new(WeightFile::open(path)?)])
    }

    /// The file (or the index of the sharded files) behind this set.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// All names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.views.keys().map(String::as_str)
    }

    /// Whether a tensor of that name, or of another spelling of it, exists.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The tensor's shape.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|(_, view)| view.shape.as_slice())
    }

    /// The tensor's stored number format.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.find(name).map(|(_, view)| view.dtype)
    }

    /// The tensor as `f32`, in the shape that the architecture expects.
    ///
    /// A matrix also answers for a 1x1 convolution and the other way round, as the elements are the same in the same order.
    pub fn f32(&self, name: &str, expected_shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.numbers(name, expected_shape).map(Cow::into_owned)
    }

    /// The same, without a copy where the file has the numbers as they are needed.
    pub fn numbers(&self, name: &str, expected_shape: &[usize]) -> Result<Cow<'_, [f32]>, WeightsError> {
        let view = self.view(name)?;
        if !same_elements(&view.shape, expected_shape) {
            return Err(view.wrong_shape(expected_shape));
        }
        let bytes = view.bytes();
        if let (Dtype::F32, Cow::Borrowed(bytes), true) = (view.dtype, &bytes, cfg!(target_endian = "little")) {
            // Where the file has not aligned them, they are copied below.
            if let Ok(numbers) = bytemuck::try_cast_slice(bytes) {
                return Ok(Cow::Borrowed(numbers));
            }
        }
        to_f32(view.dtype, &bytes).map(Cow::Owned).ok_or_else(|| {
            WeightsError::tensor(
                &view.file.path,
                &view.stored,
                format!("{} found where a floating-point format is needed", view.dtype.name()),
            )
        })
    }

    /// Says that a tensor has been read: the memory that its part of the file takes is given back.
    pub fn forget(&self, name: &str) {
        if let Some((_, view)) = self.find(name) {
            view.file.bytes.forget(view.range.clone());
        }
    }

    /// The tensor as stored: number format, shape and little-endian bytes (borrowed, unless the view transposes).
    pub fn raw(&self, name: &str) -> Result<RawTensor<'_>, WeightsError> {
        let view = self.view(name)?;
        Ok((view.dtype, &view.shape, view.bytes()))
    }

    /// Names that nobody asked for, for a debug log; what files are known to carry beside the weights is left out.
    pub fn unused(&self) -> Vec<String> {
        const EXTRAS: [&str; 3] = ["position_ids", "logit_scale", "num_batches_tracked"];
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |name: &str| name.rsplit('.').next().is_some_and(|last| EXTRAS.contains(&last));
        self.views.keys().filter(|name| !asked.contains(*name) && !known(name)).cloned().collect()
    }

    /// Bytes of all tensors as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.views.values().map(|view| view.range.len() as u64).sum()
    }

    fn view(&self, name: &str) -> Result<&View, WeightsError> {
        let (key, view) = self.find(name).ok_or_else(|| WeightsError::missing(&self.origin, name))?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        Ok(view)
    }

    fn find(&self, name: &str) -> Option<(&str, &View)> {
        let exact = self.views.get_key_value(name);
        let (key, view) = exact.or_else(|| alias(name).and_then(|other| self.views.get_key_value(&other)))?;
        Some((key, view))
    }
}

/// The other spelling of a diffusers or transformers parameter name, where there is one.
///
/// - Text encoders: `text_model.` in front of everything but the projection was dropped by newer transformers.
/// - Autoencoder attention: `query`, `key`, `value`, `proj_attn` became `to_q`, `to_k`, `to_v`, `to_out.0`.
fn alias(name: &str) -> Option<String> {
    const ATTENTION: [(&str, &str); 4] = [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")];
    const TEXT_PREFIX: &str = "text_model.";
    const TEXT_PARTS: [&str; 3] = ["embeddings.", "encoder.layers.", "final_layer_norm."];
    if let Some(rest) = name.strip_prefix(TEXT_PREFIX) {
        return Some(rest.to_owned());
    }
    if TEXT_PARTS.iter().any(|part| name.starts_with(part)) {
        return Some(format!("{TEXT_PREFIX}{name}"));
    }
    if let Some((before, after)) = name.split_once("mid_block.attentions.0.") {
        let (part, leaf) = after.rsplit_once('.')?;
        let other = ATTENTION.iter().find_map(|(new, old)| (part == *new).then_some(old).or((part == *old).then_some(new)))?;
        return Some(format!("{before}mid_block.attentions.0.{other}.{leaf}"));
    }
    None
}

/// Equal shapes, or a matrix and a 1x1 convolution of the same size.
fn same_elements(found: &[usize], expected: &[usize]) -> bool {
    fn matrix(shape: &[usize]) -> &[usize] {
        match shape {
            [out, inner, 1, 1] if *out > 0 && *inner > 0 => &shape[..2],
            [out, inner, 1] if *out > 0 && *inner > 0 => &shape[..2],
            _ => shape,
        }
    }
    matrix(found) == matrix(expected)
}
