//! [`Ops`] over plain candle tensors: every device candle has, and the reference the kernels are measured against.
//!
//! Nothing is fused, and rows may round differently in company: candle's products pick their way by the shape. Activations are contiguous NCHW maps and (rows, tokens, channels) tokens in one number format.

mod advance;

use candle_core::{D, DType, Device, Tensor};

use super::{Activation, ConvShape, Epilogue, Input, LowRank, Mask, Ops, OpsError, Result, Update, Updated};

/// The most attention scores held at once; queries are taken in slices beyond it (256 MiB in f32).
const SCORE_LIMIT: usize = 1 << 26;

impl From<candle_core::Error> for OpsError {
    fn from(error: candle_core::Error) -> Self {
        let text = error.to_string();
        let lower = text.to_ascii_lowercase();
        if lower.contains("out of memory") || lower.contains("out_of_memory") || lower.contains("failed to allocate") {
            OpsError::OutOfMemory(text)
        } else {
            OpsError::Device(text)
        }
    }
}

/// A candle device and a number format.
pub struct CandleOps {
    device: Device,
    dtype: DType,
}

/// A convolution's weights as (out, in, k, k).
pub struct Conv {
    weight: Tensor,
    bias: Option<Tensor>,
    shape: ConvShape,
}

/// A linear layer's weights, transposed to (in, out) by strides.
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

/// Scale and shift per channel; 0 groups is a layer normalisation.
pub struct Norm {
    groups: usize,
    epsilon: f64,
    scale: Tensor,
    shift: Tensor,
}

impl CandleOps {
    /// Activations and weights live on `device` in `dtype`.
    pub fn new(device: Device, dtype: DType) -> Self {
        Self { device, dtype }
    }

    /// Single precision on an open device.
    pub fn on(device: &crate::OpenDevice) -> Self {
        Self::new(device.candle.clone(), DType::F32)
    }

    fn tensor(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_slice(values, shape, &self.device)?.to_dtype(self.dtype)?)
    }

    fn finish(&self, x: Tensor, epilogue: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let x = match epilogue.row_bias {
            None => x,
            Some(bias) => {
                let (rows, channels) = bias.dims2()?;
                let shape = if x.rank() == 4 { vec![rows, channels, 1, 1] } else { vec![rows, 1, channels] };
                x.broadcast_add(&bias.reshape(shape)?)?
            }
        };
        let x = self.activate(&x, epilogue.activation)?;
        Ok(match epilogue.residual {
            None => x,
            Some(residual) => (x + residual)?,
        })
    }
}

impl Ops for CandleOps {
    type Tensor = Tensor;
    type Conv = Conv;
    type Linear = Linear;
    type Norm = Norm;
    type Records = ();

    fn value_bytes(&self) -> usize {
        self.dtype.size_in_bytes()
    }

    fn conv_weights(&self, shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Conv> {
        let weight = self.tensor(weight, &[shape.outputs, shape.inputs, shape.kernel, shape.kernel])?;
        let bias = bias.map(|b| self.tensor(&b, &[1, shape.outputs, 1, 1])).transpose()?;
        Ok(Conv { weight, bias, shape })
    }

    fn linear_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Linear> {
        let weight = self.tensor(weight, &[outputs, inputs])?.t()?;
        let bias = bias.map(|b| self.tensor(&b, &[outputs])).transpose()?;
        Ok(Linear { weight, bias })
    }

    fn gated_weights(&self, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Result<Linear> {
        self.linear_weights(2 * outputs, inputs, weight, bias)
    }

    fn norm_weights(&self, groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Result<Norm> {
        let channels = scale.len();
        Ok(Norm { groups, epsilon, scale: self.tensor(&scale, &[channels])?, shift: self.tensor(&shift, &[channels])? })
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        self.tensor(values, shape)
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    fn shape(&self, x: &Tensor) -> Vec<usize> {
        x.dims().to_vec()
    }

    fn conv(&self, x: &Tensor, w: &Conv, epilogue: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let y = x.conv2d(&w.weight, w.shape.padding, w.shape.stride, 1, 1)?;
        let y = match &w.bias {
            None => y,
            Some(bias) => y.broadcast_add(bias)?,
        };
        self.finish(y, epilogue)
    }

    fn linear(&self, x: &Tensor, w: &Linear, epilogue: Epilogue<'_, Tensor>) -> Result<Tensor> {
        let y = self.product(x, w)?;
        self.finish(y, epilogue)
    }

    fn group_norm(&self, x: &Tensor, w: &Norm, activation: Activation) -> Result<Tensor> {
        let (rows, channels, height, width) = x.dims4()?;
        let grouped = x.reshape((rows, w.groups, channels / w.groups * height * width))?.to_dtype(DType::F32)?;
        let centred = grouped.broadcast_sub(&grouped.mean_keepdim(2)?)?;
        let variance = centred.sqr()?.mean_keepdim(2)?;
        let normed = centred.broadcast_div(&(variance + w.epsilon)?.sqrt()?)?;
        let normed = normed.to_dtype(x.dtype())?.reshape((rows, channels, height, width))?;
        let per_channel = (1, channels, 1, 1);
        let y = normed.broadcast_mul(&w.scale.reshape(per_channel)?)?.broadcast_add(&w.shift.reshape(per_channel)?)?;
        self.activate(&y, activation)
    }

    fn layer_norm(&self, x: &Tensor, w: &Norm) -> Result<Tensor> {
        Ok(candle_nn::ops::layer_norm(&x.contiguous()?, &w.scale, &w.shift, w.epsilon as f32)?)
    }

    fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
        let (rows, queries, width) = q.dims3()?;
        let keys = k.dim(1)?;
        let head_size = width / heads;
        let split = |x: &Tensor, tokens: usize| -> Result<Tensor> {
            Ok(x.reshape((rows, tokens, heads, head_size))?.transpose(1, 2)?.contiguous()?)
        };
        let scale = 1.0 / (head_size as f64).sqrt();
        let (q, k, v) = ((split(q, queries)? * scale)?, split(k, keys)?.transpose(2, 3)?, split(v, keys)?);
        let slice = (SCORE_LIMIT / (heads * keys).max(1)).clamp(1, queries);
        let group = (SCORE_LIMIT / (heads * keys * slice).max(1)).clamp(1, rows);
        let mut groups = Vec::new();
        for row in (0..rows).step_by(group) {
            let [q, k, v] = [&q, &k, &v].map(|x| x.narrow(0, row, group.min(rows - row)));
            let (q, k, v) = (q?, k?, v?);
            let mut parts = Vec::new();
            for start in (0..queries).step_by(slice) {
                let count = slice.min(queries - start);
                let scores = q.narrow(2, start, count)?.contiguous()?.matmul(&k)?;
                let scores = match mask {
                    Mask::Full => scores,
                    Mask::Causal => scores.broadcast_add(&self.causal(start, count, keys)?)?,
                };
                parts.push(candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?);
            }
            groups.push(if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(&parts, 2)? });
        }
        let joined = if groups.len() == 1 { groups.remove(0) } else { Tensor::cat(&groups, 0)? };
        Ok(joined.transpose(1, 2)?.reshape((rows, queries, width))?)
    }

    fn geglu(&self, x: &Tensor, w: &Linear) -> Result<Tensor> {
        self.gate(&self.product(x, w)?, w)
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        Ok(match activation {
            Activation::None => x.clone(),
            Activation::Silu => x.silu()?,
            Activation::Gelu => x.gelu_erf()?,
            Activation::QuickGelu => (x * candle_nn::ops::sigmoid(&(x * 1.702)?)?)?,
        })
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        Ok((a + b)?)
    }

    fn upsample(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        Ok(x.upsample_nearest2d(height, width)?)
    }

    fn pad_bottom_right(&self, x: &Tensor, pixels: usize) -> Result<Tensor> {
        Ok(x.pad_with_zeros(2, 0, pixels)?.pad_with_zeros(3, 0, pixels)?)
    }

    fn concat_channels(&self, xs: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::cat(xs, 1)?)
    }

    fn concat_rows(&self, xs: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::cat(xs, 0)?)
    }

    fn rows(&self, x: &Tensor, start: usize, count: usize) -> Result<Tensor> {
        Ok(x.narrow(0, start, count)?.contiguous()?)
    }

    fn map_to_tokens(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.flatten_from(2)?.transpose(1, 2)?.contiguous()?)
    }

    fn tokens_to_map(&self, x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
        let (rows, _, channels) = x.dims3()?;
        Ok(x.transpose(1, 2)?.contiguous()?.reshape((rows, channels, height, width))?)
    }

    fn scale_rows(&self, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
        let mut shape = vec![1; x.rank()];
        shape[0] = factors.dim(0)?;
        Ok(x.broadcast_mul(&factors.reshape(shape)?)?)
    }

    fn ungated(&self, x: &Tensor, w: &Linear) -> Result<Tensor> {
        self.product(x, w)
    }

    fn gate(&self, y: &Tensor, _w: &Linear) -> Result<Tensor> {
        let half = y.dim(D::Minus1)? / 2;
        let gate = y.narrow(D::Minus1, half, half)?.contiguous()?.gelu_erf()?;
        Ok((y.narrow(D::Minus1, 0, half)?.contiguous()? * gate)?)
    }

    fn low_rank(&self, x: &Tensor, y: Tensor, additions: &[LowRank<'_, Self>]) -> Result<Tensor> {
        let part = |w: &LowRank<'_, Self>| -> Result<(usize, Tensor)> {
            let (start, count) = (w.rows.start, w.rows.len());
            let z = self.scale_rows(&self.product(&self.rows(x, start, count)?, w.down)?, w.factors)?;
            Ok((start, (self.product(&z, w.up)? + self.rows(&y, start, count)?)?))
        };
        self.put_rows(&y, &additions.iter().map(part).collect::<Result<Vec<_>>>()?)
    }

    fn denoiser_input(&self, pictures: &[Input<'_, Tensor>]) -> Result<Tensor> {
        self.input_batch(pictures)
    }

    fn advance(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Vec<Updated<Tensor>>> {
        self.advance_batch(output, pictures)
    }
}

impl CandleOps {
    /// `x` of any rank times (in, out), plus the bias.
    fn product(&self, x: &Tensor, w: &Linear) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        let inputs = shape.pop().unwrap_or(1);
        // Flattened to a matrix, because a batched product with a shared right side is slow in candle.
        let y = x.reshape(((), inputs))?.matmul(&w.weight)?;
        let y = match &w.bias {
            None => y,
            Some(bias) => y.broadcast_add(bias)?,
        };
        shape.push(w.weight.dim(1)?);
        Ok(y.reshape(shape)?)
    }

    /// 0 where query `start + i` may see key `j`, minus infinity elsewhere.
    fn causal(&self, start: usize, count: usize, keys: usize) -> Result<Tensor> {
        let mut values = vec![0f32; count * keys];
        for (i, row) in values.chunks_mut(keys).enumerate() {
            row[(start + i + 1).min(keys)..].fill(f32::NEG_INFINITY);
        }
        self.tensor(&values, &[1, 1, count, keys])
    }
}
