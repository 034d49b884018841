//! Time embeddings: sinusoids (Vaswani et al. 2017, as diffusers' `get_timestep_embedding` orders and rounds them) and their small network.

use crate::ops::{Activation, Epilogue, Linear, Loader, On, Ops, Result};

/// Sinusoids of `width` for each value, f32 at every step as torch computes them.
pub fn sinusoid(values: &[f32], width: usize, flip_sin_to_cos: bool, freq_shift: f64) -> Vec<f32> {
    let half = width / 2;
    let frequencies: Vec<f32> =
        (0..half).map(|i| ((-(10000f64.ln()) as f32 * i as f32) / (half as f64 - freq_shift) as f32).exp()).collect();
    let mut out = Vec::with_capacity(values.len() * width);
    for value in values {
        let (mut first, mut second) = (Vec::with_capacity(half), Vec::with_capacity(half));
        for frequency in &frequencies {
            let (sin, cos) = (value * frequency).sin_cos();
            first.push(if flip_sin_to_cos { cos } else { sin });
            second.push(if flip_sin_to_cos { sin } else { cos });
        }
        out.extend(first);
        out.extend(second);
        out.resize(out.len() + width % 2, 0.0);
    }
    out
}

/// linear, SiLU, linear: diffusers' `TimestepEmbedding`.
pub(super) struct TimeMlp<O: Ops> {
    linear1: Linear<O>,
    linear2: Linear<O>,
    guidance: Option<Linear<O>>,
}

impl<O: Ops> TimeMlp<O> {
    pub fn load(at: &Loader<'_, O>, inputs: usize, outputs: usize, guidance: Option<usize>) -> Result<Self> {
        Ok(Self {
            linear1: at.at("linear_1").linear(outputs, inputs)?,
            linear2: at.at("linear_2").linear(outputs, outputs)?,
            guidance: guidance.map(|width| at.at("cond_proj").linear_no_bias(inputs, width)).transpose()?,
        })
    }

    /// `guidance` is the embedded guidance scale of LCM-distilled models, added before the first layer.
    pub fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, guidance: Option<&O::Tensor>) -> Result<O::Tensor> {
        let x = match (&self.guidance, guidance) {
            (Some(projection), Some(guidance)) => ops.linear(guidance, projection, Epilogue::residual(x))?,
            _ => x.clone(),
        };
        let x = ops.linear(&x, &self.linear1, Epilogue::activation(Activation::Silu))?;
        ops.linear(&x, &self.linear2, Epilogue::none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinusoids_follow_their_definition() {
        let out = sinusoid(&[1.0, 981.0], 8, true, 0.0);
        for (row, t) in [1f64, 981.0].iter().enumerate() {
            for i in 0..4 {
                let angle = t * (-(10000f64.ln()) * i as f64 / 4.0).exp();
                assert!((out[row * 8 + i] as f64 - angle.cos()).abs() < 1e-4);
                assert!((out[row * 8 + 4 + i] as f64 - angle.sin()).abs() < 1e-4);
            }
        }
    }
}
