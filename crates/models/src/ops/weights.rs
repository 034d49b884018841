//! Walks a model's parameter names and hands the tensors to [`Ops`] for preparation.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

use super::{Conv, Linear, Ops, Result};
use crate::weights::{WeightSet, WeightsError};

/// Where parameters come from by diffusers' name.
pub trait WeightSource {
    /// Whether there is such a tensor.
    fn contains(&self, name: &str) -> bool;
    /// Its values, checked against the shape the architecture gives it.
    fn f32(&self, name: &str, shape: &[usize]) -> std::result::Result<Cow<'_, [f32]>, WeightsError>;
    /// Says that the values have been taken.
    fn forget(&self, name: &str);
}

impl WeightSource for WeightSet {
    fn contains(&self, name: &str) -> bool {
        WeightSet::contains(self, name)
    }

    fn f32(&self, name: &str, shape: &[usize]) -> std::result::Result<Cow<'_, [f32]>, WeightsError> {
        WeightSet::numbers(self, name, shape)
    }

    fn forget(&self, name: &str) {
        WeightSet::forget(self, name);
    }
}

/// Geometry of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Output channels.
    pub outputs: usize,
    /// Input channels.
    pub inputs: usize,
    /// Kernel side in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Zeros around the map, in pixels.
    pub padding: usize,
}

impl ConvShape {
    /// A kernel that keeps the map's size.
    pub fn same(outputs: usize, inputs: usize, kernel: usize) -> Self {
        Self { outputs, inputs, kernel, stride: 1, padding: kernel / 2 }
    }
}

/// The shape of a layer that adapters can add to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerShape {
    /// A linear layer.
    Linear {
        /// Numbers out.
        outputs: usize,
        /// Numbers in.
        inputs: usize,
    },
    /// A linear layer with gates: twice as many numbers out as `outputs`.
    Gated {
        /// Numbers out, after the gates.
        outputs: usize,
        /// Numbers in.
        inputs: usize,
    },
    /// A convolution.
    Conv(ConvShape),
}

/// The layers of a network by name.
pub type Layers = BTreeMap<String, LayerShape>;

/// A place in a model's tree of parameter names.
pub struct Loader<'a, O: Ops> {
    ops: &'a O,
    weights: &'a dyn WeightSource,
    prefix: String,
    layers: Option<&'a RefCell<Layers>>,
}

impl<'a, O: Ops> Loader<'a, O> {
    /// The root of the tree.
    pub fn new(ops: &'a O, weights: &'a dyn WeightSource) -> Self {
        Self { ops, weights, prefix: String::new(), layers: None }
    }

    /// The same place, with the layers loaded from here on listed.
    pub fn listing<'b>(&self, layers: &'b RefCell<Layers>) -> Loader<'b, O>
    where
        'a: 'b,
    {
        Loader { ops: self.ops, weights: self.weights, prefix: self.prefix.clone(), layers: Some(layers) }
    }

    /// The subtree below `name`.
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { ops: self.ops, weights: self.weights, prefix: self.name(name), layers: self.layers }
    }

    /// Lists the layer here, and gives its name.
    fn listed(&self, shape: LayerShape) -> Box<str> {
        if let Some(layers) = self.layers {
            layers.borrow_mut().insert(self.prefix.clone(), shape);
        }
        self.prefix.as_str().into()
    }

    fn name(&self, name: impl std::fmt::Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// The operations the weights are prepared for.
    pub fn ops(&self) -> &'a O {
        self.ops
    }

    /// Whether the subtree has this tensor.
    pub fn has(&self, name: &str) -> bool {
        self.weights.contains(&self.name(name))
    }

    /// A tensor's values, checked against the shape the architecture gives it.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.taken(name, shape, |values| Ok(values.to_vec()))
    }

    /// What `take` makes of a tensor's values, of which nothing is kept beside it.
    fn taken<T>(&self, name: &str, shape: &[usize], take: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
        let name = self.name(name);
        let values = self.weights.f32(&name, shape)?;
        let taken = take(&values);
        drop(values);
        self.weights.forget(&name);
        taken
    }

    /// A convolution with bias.
    pub fn conv(&self, shape: ConvShape) -> Result<Conv<O>> {
        let bias = self.values("bias", &[shape.outputs])?;
        let base = self.taken("weight", &[shape.outputs, shape.inputs, shape.kernel, shape.kernel], |weight| {
            self.ops.conv_weights(shape, weight, Some(bias))
        })?;
        Ok(Conv { base, name: self.listed(LayerShape::Conv(shape)) })
    }

    /// A linear layer with bias.
    pub fn linear(&self, outputs: usize, inputs: usize) -> Result<Linear<O>> {
        let bias = self.values("bias", &[outputs])?;
        let base =
            self.taken("weight", &[outputs, inputs], |weight| self.ops.linear_weights(outputs, inputs, weight, Some(bias)))?;
        Ok(Linear { base, name: self.listed(LayerShape::Linear { outputs, inputs }) })
    }

    /// The linear layer of [`Ops::geglu`]: as many values as `outputs`, and their gates.
    pub fn gated(&self, outputs: usize, inputs: usize) -> Result<Linear<O>> {
        let bias = self.values("bias", &[2 * outputs])?;
        let base =
            self.taken("weight", &[2 * outputs, inputs], |weight| self.ops.gated_weights(outputs, inputs, weight, Some(bias)))?;
        Ok(Linear { base, name: self.listed(LayerShape::Gated { outputs, inputs }) })
    }

    /// A linear layer without bias.
    pub fn linear_no_bias(&self, outputs: usize, inputs: usize) -> Result<Linear<O>> {
        let base = self.taken("weight", &[outputs, inputs], |weight| self.ops.linear_weights(outputs, inputs, weight, None))?;
        Ok(Linear { base, name: self.listed(LayerShape::Linear { outputs, inputs }) })
    }

    /// A normalisation over groups of channels.
    pub fn group_norm(&self, channels: usize, groups: usize, epsilon: f64) -> Result<O::Norm> {
        self.ops.norm_weights(groups, epsilon, self.values("weight", &[channels])?, self.values("bias", &[channels])?)
    }

    /// A normalisation over the last axis.
    pub fn layer_norm(&self, width: usize, epsilon: f64) -> Result<O::Norm> {
        self.group_norm(width, 0, epsilon)
    }
}
