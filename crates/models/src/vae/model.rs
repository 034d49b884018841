//! Encoder, decoder and the 1x1 convolutions between them and the latents.

use super::{VaeConfig, decoder::Decoder, encoder::Encoder, tiles};
use crate::ops::{ConvShape, Epilogue, Loader, Ops, Result};

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

/// An autoencoder.
pub struct Vae<O: Ops> {
    config: VaeConfig,
    encoder: Encoder<O>,
    quant: Option<O::Conv>,
    post_quant: Option<O::Conv>,
    decoder: Decoder<O>,
}

impl<O: Ops> Vae<O> {
    /// Loads the weights.
    pub fn load(config: VaeConfig, root: &Loader<'_, O>) -> Result<Self> {
        let latent = config.latent_channels;
        let conv = |name: &str, channels| root.at(name).conv(ConvShape::same(channels, channels, 1));
        Ok(Self {
            encoder: Encoder::load(&root.at("encoder"), &config)?,
            quant: config.use_quant_conv.then(|| conv("quant_conv", 2 * latent)).transpose()?,
            post_quant: config.use_post_quant_conv.then(|| conv("post_quant_conv", latent)).transpose()?,
            decoder: Decoder::load(&root.at("decoder"), &config)?,
            config,
        })
    }

    /// The numbers it was built from.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The distribution of the latents of (rows, 3, height, width) pictures in -1..=1.
    pub fn encode(&self, ops: &O, picture: &O::Tensor) -> Result<Posterior> {
        let moments = self.encoder.forward(ops, picture)?;
        let moments = match &self.quant {
            None => moments,
            Some(conv) => ops.conv(&moments, conv, Epilogue::none())?,
        };
        let [rows, channels, height, width] = shape4(ops, &moments);
        let values = ops.download(&moments)?;
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
        match &self.post_quant {
            None => self.decoder.forward(ops, latents),
            Some(conv) => self.decoder.forward(ops, &ops.conv(latents, conv, Epilogue::none())?),
        }
    }

    /// As [`Vae::decode`], in overlapping tiles whose seams are blended, so that memory depends on the tile and not on the picture.
    /// Returns the host values, (rows, 3, height, width).
    pub fn decode_tiled(&self, ops: &O, latents: &O::Tensor) -> Result<Vec<f32>> {
        let [rows, channels, height, width] = shape4(ops, latents);
        let values = ops.download(latents)?;
        let grid = tiles::Grid::new(self.config.sample_size.div_ceil(self.config.scale()), self.config.scale());
        tiles::decode(&grid, [rows, height, width], |y, x, h, w| {
            let tile = tiles::crop(&values, [rows, channels, height, width], [y, x, h, w]);
            ops.download(&self.decode(ops, &ops.upload(&tile, &[rows, channels, h, w])?)?)
        })
    }
}

fn shape4<O: Ops>(ops: &O, x: &O::Tensor) -> [usize; 4] {
    let shape = ops.shape(x);
    [shape[0], shape[1], shape[2], shape[3]]
}
