//! The transformer inside a UNet block (diffusers' `Transformer2DModel`): self-attention, attention to the text, GEGLU feed-forward.

use crate::ops::{Activation, Conv, ConvShape, Epilogue, Linear, Loader, Mask, On, Ops, Result};

/// The numbers of a transformer.
#[derive(Clone, Copy)]
pub(super) struct TransformerSpec {
    pub channels: usize,
    pub heads: usize,
    pub layers: usize,
    pub context: usize,
    pub groups: usize,
    pub linear_projection: bool,
}

enum Projection<O: Ops> {
    Conv(Conv<O>),
    Linear(Linear<O>),
}

struct Attention<O: Ops> {
    q: Linear<O>,
    k: Linear<O>,
    v: Linear<O>,
    out: Linear<O>,
}

struct Layer<O: Ops> {
    norm1: O::Norm,
    own: Attention<O>,
    norm2: O::Norm,
    cross: Attention<O>,
    norm3: O::Norm,
    geglu: Linear<O>,
    out: Linear<O>,
}

/// A transformer over a map, with a residual connection around it.
pub(super) struct Transformer<O: Ops> {
    heads: usize,
    norm: O::Norm,
    input: Projection<O>,
    layers: Vec<Layer<O>>,
    output: Projection<O>,
}

impl<O: Ops> Projection<O> {
    fn load(at: &Loader<'_, O>, channels: usize, linear: bool) -> Result<Self> {
        Ok(match linear {
            true => Self::Linear(at.linear(channels, channels)?),
            false => Self::Conv(at.conv(ConvShape::same(channels, channels, 1))?),
        })
    }
}

impl<O: Ops> Attention<O> {
    fn load(at: &Loader<'_, O>, width: usize, context: usize) -> Result<Self> {
        Ok(Self {
            q: at.at("to_q").linear_no_bias(width, width)?,
            k: at.at("to_k").linear_no_bias(width, context)?,
            v: at.at("to_v").linear_no_bias(width, context)?,
            out: at.at("to_out.0").linear(width, width)?,
        })
    }

    fn forward(
        &self,
        ops: &On<'_, O>,
        x: &O::Tensor,
        context: &O::Tensor,
        heads: usize,
        residual: &O::Tensor,
    ) -> Result<O::Tensor> {
        let q = ops.linear(x, &self.q, Epilogue::none())?;
        let k = ops.linear(context, &self.k, Epilogue::none())?;
        let v = ops.linear(context, &self.v, Epilogue::none())?;
        let y = ops.attention(&q, &k, &v, heads, Mask::Full)?;
        ops.linear(&y, &self.out, Epilogue::residual(residual))
    }
}

impl<O: Ops> Layer<O> {
    fn load(at: &Loader<'_, O>, width: usize, context: usize) -> Result<Self> {
        Ok(Self {
            norm1: at.at("norm1").layer_norm(width, 1e-5)?,
            own: Attention::load(&at.at("attn1"), width, width)?,
            norm2: at.at("norm2").layer_norm(width, 1e-5)?,
            cross: Attention::load(&at.at("attn2"), width, context)?,
            norm3: at.at("norm3").layer_norm(width, 1e-5)?,
            geglu: at.at("ff.net.0.proj").gated(4 * width, width)?,
            out: at.at("ff.net.2").linear(width, 4 * width)?,
        })
    }

    fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, context: &O::Tensor, heads: usize) -> Result<O::Tensor> {
        let y = ops.layer_norm(x, &self.norm1)?;
        let x = self.own.forward(ops, &y, &y, heads, x)?;
        let y = ops.layer_norm(&x, &self.norm2)?;
        let x = self.cross.forward(ops, &y, context, heads, &x)?;
        let y = ops.layer_norm(&x, &self.norm3)?;
        let y = ops.geglu(&y, &self.geglu)?;
        ops.linear(&y, &self.out, Epilogue::residual(&x))
    }
}

impl<O: Ops> Transformer<O> {
    pub fn load(at: &Loader<'_, O>, spec: TransformerSpec) -> Result<Self> {
        let TransformerSpec { channels, heads, groups, linear_projection, .. } = spec;
        let blocks = at.at("transformer_blocks");
        Ok(Self {
            heads,
            norm: at.at("norm").group_norm(channels, groups, 1e-6)?,
            input: Projection::load(&at.at("proj_in"), channels, linear_projection)?,
            layers: (0..spec.layers).map(|i| Layer::load(&blocks.at(i), channels, spec.context)).collect::<Result<Vec<_>>>()?,
            output: Projection::load(&at.at("proj_out"), channels, linear_projection)?,
        })
    }

    pub fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, context: &O::Tensor) -> Result<O::Tensor> {
        let shape = ops.shape(x);
        let (height, width) = (shape[2], shape[3]);
        let y = ops.group_norm(x, &self.norm, Activation::None)?;
        let mut y = match &self.input {
            Projection::Conv(w) => ops.map_to_tokens(&ops.conv(&y, w, Epilogue::none())?)?,
            Projection::Linear(w) => ops.linear(&ops.map_to_tokens(&y)?, w, Epilogue::none())?,
        };
        for layer in &self.layers {
            y = layer.forward(ops, &y, context, self.heads)?;
        }
        match &self.output {
            Projection::Conv(w) => ops.conv(&ops.tokens_to_map(&y, height, width)?, w, Epilogue::residual(x)),
            Projection::Linear(w) => ops.add(&ops.tokens_to_map(&ops.linear(&y, w, Epilogue::none())?, height, width)?, x),
        }
    }
}
