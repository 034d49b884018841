//! Encoder, decoder and the 1x1 convolutions between them and the latents.

use super::{Progress, Tiling, VaeConfig, decoder, encoder, sequence::Sequence};
use crate::ops::{Loader, Ops, Result};

/// The distribution of the latents of a picture, on the host, (rows, latent_channels, height, width).
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Means.
    pub mean: Vec<f32>,
    /// Logarithms of the variances, clamped to -30..=20.
    pub logvar: Vec<f32>,
    /// Their shape.
    pub shape: [usize; 4],
}

impl Posterior {
    /// `mean + exp(logvar / 2) * noise`.
    pub fn sample(&self, noise: &[f32]) -> Vec<f32> {
        self.mean.iter().zip(&self.logvar).zip(noise).map(|((m, v), z)| m + (0.5 * v).exp() * z).collect()
    }
}

/// An autoencoder. Both directions can be run whole or in slices, with the same result.
pub struct Vae<O: Ops> {
    config: VaeConfig,
    encoder: Sequence<O>,
    decoder: Sequence<O>,
}

impl<O: Ops> Vae<O> {
    /// Loads the weights.
    pub fn load(config: VaeConfig, root: &Loader<'_, O>) -> Result<Self> {
        Ok(Self { encoder: encoder::load(root, &config)?, decoder: decoder::load(root, &config)?, config })
    }

    /// The numbers it was built from.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The distribution of the latents of (rows, 3, height, width) pictures in -1..=1.
    pub fn encode(&self, ops: &O, picture: &O::Tensor) -> Result<Posterior> {
        self.posterior(ops, &self.encoder.forward(ops, picture)?)
    }

    /// Encoding in slices: before the first.
    pub fn begin_encode(&self, ops: &O, picture: O::Tensor) -> Progress<O::Tensor> {
        let [_, _, height, width] = shape4(ops, &picture);
        Progress::new(picture, self.config.block_out_channels[0] * height * width)
    }

    /// One slice of encoding; `None` when all are done, and the result is what [`Vae::posterior`] takes.
    pub fn encode_slice(&self, ops: &O, progress: &Progress<O::Tensor>) -> Result<Option<Progress<O::Tensor>>> {
        (!self.encoder.is_done(progress)).then(|| self.encoder.slice(ops, progress)).transpose()
    }

    /// What the encoder's output stands for.
    pub fn posterior(&self, ops: &O, moments: &O::Tensor) -> Result<Posterior> {
        let [rows, channels, height, width] = shape4(ops, moments);
        let values = ops.download(moments)?;
        let half = channels / 2 * height * width;
        let (mut mean, mut logvar) = (Vec::with_capacity(rows * half), Vec::with_capacity(rows * half));
        for row in values.chunks_exact(2 * half) {
            mean.extend_from_slice(&row[..half]);
            logvar.extend(row[half..].iter().map(|v| v.clamp(-30.0, 20.0)));
        }
        Ok(Posterior { mean, logvar, shape: [rows, channels / 2, height, width] })
    }

    /// Pictures in about -1..=1 of unscaled (rows, latent_channels, height, width) latents.
    pub fn decode(&self, ops: &O, latents: &O::Tensor) -> Result<O::Tensor> {
        self.decoder.forward(ops, latents)
    }

    /// Decoding unscaled latents in slices: before the first. A slice is as much work as one stage at the picture's own size.
    pub fn begin_decode(&self, ops: &O, latents: O::Tensor) -> Progress<O::Tensor> {
        let ([_, _, height, width], scale) = (shape4(ops, &latents), self.config.scale());
        Progress::new(latents, self.config.block_out_channels[0] * height * width * scale * scale)
    }

    /// One slice of decoding; `None` when all are done, and the result is the picture.
    pub fn decode_slice(&self, ops: &O, progress: &Progress<O::Tensor>) -> Result<Option<Progress<O::Tensor>>> {
        (!self.decoder.is_done(progress)).then(|| self.decoder.slice(ops, progress)).transpose()
    }

    /// The tiles in which (rows, channels, height, width) unscaled latents are decoded where memory is short.
    pub fn tiling(&self, latents: Vec<f32>, shape: [usize; 4]) -> Tiling {
        let scale = self.config.scale();
        Tiling::new(self.config.sample_size.div_ceil(scale), scale, latents, shape)
    }

    /// As [`Vae::decode`], in overlapping tiles whose seams are blended, so that memory depends on the tile and not on the picture.
    /// Returns the host values, (rows, 3, height, width).
    pub fn decode_tiled(&self, ops: &O, latents: &O::Tensor) -> Result<Vec<f32>> {
        let mut tiling = self.tiling(ops.download(latents)?, shape4(ops, latents));
        while let Some((tile, shape)) = tiling.next_tile() {
            tiling.put(ops.download(&self.decode(ops, &ops.upload(&tile, &shape)?)?)?);
        }
        Ok(tiling.into_values())
    }
}

fn shape4<O: Ops>(ops: &O, x: &O::Tensor) -> [usize; 4] {
    let shape = ops.shape(x);
    [shape[0], shape[1], shape[2], shape[3]]
}
