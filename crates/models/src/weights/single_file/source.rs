//! The stored tensors of one checkpoint, and which of them found a place.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use super::super::{Change, View, WeightFile, WeightSet, WeightsError};

/// A checkpoint being mapped. Remembers what was taken, so that what was not can be reported.
pub(super) struct Source {
    file: Arc<WeightFile>,
    taken: RefCell<BTreeSet<String>>,
}

impl Source {
    pub fn new(file: Arc<WeightFile>) -> Self {
        Self { file, taken: RefCell::default() }
    }

    pub fn file(&self) -> &Arc<WeightFile> {
        &self.file
    }

    /// Whether any stored name starts like this.
    pub fn has(&self, prefix: &str) -> bool {
        self.below(prefix).next().is_some()
    }

    /// The stored names below `prefix`, without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.file.header().tensors.range::<str, _>(from).map_while(move |(name, _)| name.strip_prefix(prefix))
    }

    /// A stored tensor's shape, which must have `dimensions` dimensions.
    pub fn shape(&self, stored: &str, dimensions: usize) -> Result<&[usize], WeightsError> {
        let path = self.file.path();
        let info = self.file.header().tensors.get(stored).ok_or_else(|| WeightsError::missing(path, stored))?;
        if info.shape.len() != dimensions {
            return Err(WeightsError::tensor(
                path,
                stored,
                format!("{dimensions} dimensions expected, shape is {:?}", info.shape),
            ));
        }
        Ok(&info.shape)
    }

    pub fn view(&self, stored: &str, change: Change) -> Result<View, WeightsError> {
        self.taken.borrow_mut().insert(stored.to_owned());
        View::new(&self.file, stored, change)
    }

    pub fn unsupported(&self, reason: impl Into<String>) -> WeightsError {
        WeightsError::model(self.file.path(), reason)
    }

    /// Names of tensors that nothing used.
    pub fn unmapped(&self) -> Vec<String> {
        let taken = self.taken.borrow();
        self.file.header().tensors.keys().filter(|name| !taken.contains(*name)).cloned().collect()
    }

    /// A finished component.
    pub fn component(&self, views: BTreeMap<String, View>) -> WeightSet {
        WeightSet::from_views(self.file.path(), views)
    }
}

/// Splits `12.rest` into 12 and `rest`.
pub(super) fn index(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// Whether the keys are 0, 1, 2, … without a gap.
pub(super) fn is_dense<T>(map: &BTreeMap<usize, T>) -> bool {
    map.keys().copied().eq(0..map.len())
}
