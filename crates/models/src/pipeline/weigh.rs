//! How much a model's weights are: before loading from the files' headers, and what loading has really taken.

use std::{borrow::Cow, cell::Cell};

use crate::{
    ops::WeightSource,
    weights::{ModelFiles, WeightSet, WeightsError},
};

/// Counts the numbers that are read through it.
#[derive(Default)]
pub(super) struct Weighed(Cell<u64>);

/// Weights whose reading is counted.
pub(super) struct Through<'a> {
    count: &'a Cell<u64>,
    weights: &'a WeightSet,
}

impl Weighed {
    pub fn through<'a>(&'a self, weights: &'a WeightSet) -> Through<'a> {
        Through { count: &self.0, weights }
    }

    pub fn numbers(&self) -> u64 {
        self.0.get()
    }
}

impl WeightSource for Through<'_> {
    fn contains(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, WeightsError> {
        let values = self.weights.numbers(name, shape)?;
        self.count.set(self.count.get() + values.len() as u64);
        Ok(values)
    }

    fn forget(&self, name: &str) {
        self.weights.forget(name);
    }
}

/// Numbers in a model's weights by its files' headers; integers (position ids) are no weights.
pub(super) fn stored_numbers(files: &ModelFiles) -> u64 {
    let sets = [&files.unet, &files.vae, &files.text_encoder].into_iter().chain(&files.text_encoder_2);
    let count = |set: &WeightSet| -> u64 {
        let floats = set.names().filter(|name| set.dtype(name).is_some_and(|dtype| dtype.is_float()));
        floats.filter_map(|name| set.shape(name)).map(|shape| shape.iter().product::<usize>() as u64).sum()
    };
    sets.map(count).sum()
}
