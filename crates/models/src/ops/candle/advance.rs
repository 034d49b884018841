//! The denoiser's input and the sampler's update, by a few operations on the whole batch.

use candle_core::{DType, Tensor};

use super::{CandleOps, OpsError, Result};
use crate::ops::{Input, Update, Updated};

impl CandleOps {
    /// Every picture's latents by its factor, with its extra channels, once per branch.
    pub(super) fn input_batch(&self, pictures: &[Input<'_, Tensor>]) -> Result<Tensor> {
        let repeated = |picture: &'_ Input<'_, Tensor>| std::iter::repeat_n((), picture.rows);
        let latents: Vec<&Tensor> = pictures.iter().flat_map(|p| repeated(p).map(|()| p.latents)).collect();
        let factors: Vec<f64> = pictures.iter().flat_map(|p| repeated(p).map(|()| p.factor)).collect();
        let extra: Vec<&Tensor> =
            pictures.iter().filter_map(|p| Some((p, p.extra?))).flat_map(|(p, e)| repeated(p).map(move |()| e)).collect();
        let scaled = Tensor::cat(&latents, 0)?.broadcast_mul(&self.column(&factors)?)?;
        Ok(match extra.is_empty() {
            true => scaled,
            false => Tensor::cat(&[scaled, Tensor::cat(&extra, 0)?], 1)?,
        })
    }

    /// The update of all pictures by batched operations, with the coefficients broadcast over the pictures.
    pub(super) fn advance_batch(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Vec<Updated<Tensor>>> {
        let latents = self.stack(pictures, |p| Some(p.latents))?;
        let guided = self.guide_batch(output, pictures)?;
        let noise = self.noise_batch(pictures, &latents)?;
        let mut sources = vec![(0, latents.clone()), (1, guided)];
        for k in 0..3 {
            if pictures.iter().any(|p| p.history[k].is_some()) {
                sources.push((2 + k, self.stack(pictures, |p| p.history[k])?));
            }
        }
        let mut stored: [Option<Tensor>; 3] = [None, None, None];
        for (k, stored) in stored.iter_mut().enumerate() {
            if pictures.iter().any(|p| p.store[k].is_some()) {
                *stored = Some(
                    self.weigh(&sources, &latents, |i| pictures.iter().map(|p| p.store[k].map_or(0.0, |c| c[i])).collect())?,
                );
            }
        }
        sources.extend(noise.map(|noise| (5, noise)));
        let next = self.weigh(&sources, &latents, |i| pictures.iter().map(|p| p.x[i]).collect())?;
        let next = self.keep_batch(next, pictures)?;
        pictures
            .iter()
            .enumerate()
            .map(|(row, picture)| {
                let pick = |k: usize| match (&stored[k], picture.store[k]) {
                    (Some(tensor), Some(_)) => Ok::<_, OpsError>(Some(tensor.narrow(0, row, 1)?)),
                    _ => Ok(None),
                };
                Ok(Updated { latents: next.narrow(0, row, 1)?, stored: [pick(0)?, pick(1)?, pick(2)?], finite: true })
            })
            .collect()
    }

    /// One number per picture, ready to be broadcast over its map.
    fn column(&self, values: &[f64]) -> Result<Tensor> {
        let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        self.tensor(&values, &[values.len(), 1, 1, 1])
    }

    /// One tensor of each picture, zeros where it has none.
    fn stack<'a>(
        &self,
        pictures: &[Update<'a, Tensor>],
        pick: impl Fn(&Update<'a, Tensor>) -> Option<&'a Tensor>,
    ) -> Result<Tensor> {
        let parts = pictures.iter().map(|p| pick(p).map_or_else(|| p.latents.zeros_like(), |tensor| Ok(tensor.clone())));
        Ok(Tensor::cat(&parts.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
    }

    /// The weighted sum of the sources; `coefficients(i)` are source `i`'s, one per picture.
    fn weigh(&self, sources: &[(usize, Tensor)], like: &Tensor, coefficients: impl Fn(usize) -> Vec<f64>) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for (i, source) in sources {
            let factors = coefficients(*i);
            if factors.iter().all(|factor| *factor == 0.0) {
                continue;
            }
            let term = source.broadcast_mul(&self.column(&factors)?)?;
            let term = match factors.contains(&0.0) {
                false => term,
                // Zero times a number that is not finite is none either.
                true => self.where_nonzero(&factors, &term)?,
            };
            sum = Some(match sum {
                None => term,
                Some(sum) => (sum + term)?,
            });
        }
        Ok(sum.map_or_else(|| like.zeros_like(), Ok)?)
    }

    /// `x` in the pictures whose factor is not zero, zeros in the others.
    fn where_nonzero(&self, factors: &[f64], x: &Tensor) -> Result<Tensor> {
        let active: Vec<u8> = factors.iter().map(|factor| u8::from(*factor != 0.0)).collect();
        let active = Tensor::from_slice(&active, (factors.len(), 1, 1, 1), &self.device)?.broadcast_as(x.shape())?;
        Ok(active.where_cond(x, &x.zeros_like()?)?)
    }

    /// The guided output, one row per picture.
    fn guide_batch(&self, output: &Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Tensor> {
        let pick = |rows: Vec<u32>| -> Result<Tensor> {
            let rows = Tensor::from_slice(&rows, rows.len(), &self.device)?;
            Ok(output.index_select(&rows, 0)?)
        };
        let conditional = pick(pictures.iter().map(|p| p.row as u32).collect())?;
        if pictures.iter().all(|p| p.guidance.is_none()) {
            return Ok(conditional);
        }
        // A picture without guidance is its own unconditional row with weight 0.
        let unconditional = pick(pictures.iter().map(|p| (p.row + usize::from(p.guidance.is_some())) as u32).collect())?;
        let scales: Vec<f64> = pictures.iter().map(|p| p.guidance.map_or(1.0, |(scale, _)| scale)).collect();
        let others: Vec<f64> = scales.iter().map(|scale| 1.0 - scale).collect();
        let sources = [(0, unconditional), (1, conditional.clone())];
        let guided = self.weigh(&sources, &conditional, |i| if i == 0 { others.clone() } else { scales.clone() })?;
        let rescales: Vec<f64> = pictures.iter().map(|p| p.guidance.map_or(0.0, |(_, rescale)| rescale)).collect();
        if rescales.iter().all(|rescale| *rescale == 0.0) {
            return Ok(guided);
        }
        let ratio = (self.deviations(&conditional)? / self.deviations(&guided)?.maximum(f64::from(f32::MIN_POSITIVE))?)?;
        let ones: Vec<f64> = rescales.iter().map(|rescale| 1.0 - rescale).collect();
        let factor = (self.where_nonzero(&rescales, &(ratio * self.column(&rescales)?)?)? + self.column(&ones)?)?;
        Ok(guided.broadcast_mul(&factor)?)
    }

    /// The unbiased standard deviation of each row, (rows, 1, 1, 1).
    fn deviations(&self, x: &Tensor) -> Result<Tensor> {
        let flat = x.flatten_from(1)?.to_dtype(DType::F32)?;
        Ok(flat.var_keepdim(1)?.sqrt()?.to_dtype(self.dtype)?.reshape((x.dim(0)?, 1, 1, 1))?)
    }

    /// The noise of all pictures, zeros where one has none.
    fn noise_batch(&self, pictures: &[Update<'_, Tensor>], like: &Tensor) -> Result<Option<Tensor>> {
        if pictures.iter().all(|p| p.noise.is_none()) {
            return Ok(None);
        }
        let len = like.elem_count() / pictures.len();
        let mut values = vec![0f32; like.elem_count()];
        for (place, picture) in values.chunks_exact_mut(len).zip(pictures) {
            if let Some(noise) = picture.noise {
                place.copy_from_slice(noise);
            }
        }
        Ok(Some(self.tensor(&values, like.dims())?))
    }

    /// Puts the kept parts back.
    fn keep_batch(&self, next: Tensor, pictures: &[Update<'_, Tensor>]) -> Result<Tensor> {
        if pictures.iter().all(|p| p.blend.is_none()) {
            return Ok(next);
        }
        let blends = |i: usize| pictures.iter().map(|p| p.blend.as_ref().map_or(0.0, |b| b.factors[i])).collect::<Vec<f64>>();
        let sources = [
            (0, self.stack(pictures, |p| p.blend.as_ref().map(|b| b.image))?),
            (1, self.stack(pictures, |p| p.blend.as_ref().map(|b| b.noise))?),
        ];
        let kept = self.weigh(&sources, &next, blends)?;
        // Inverted, so that zeros mean "nothing is kept" where a picture has no mask.
        let inverted = pictures.iter().map(|p| match &p.blend {
            None => p.latents.zeros_like(),
            Some(blend) => blend.mask.affine(-1.0, 1.0),
        });
        let inverted = Tensor::cat(&inverted.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        Ok(((inverted.affine(-1.0, 1.0)? * next)? + (inverted * kept)?)?)
    }
}

#[cfg(test)]
mod tests {
    use easel_sampling::{NoiseSource, TorchCpu};

    use super::*;
    use crate::ops::{Blend, Ops, cpu::CpuOps};

    const SHAPE: [usize; 4] = [1, 4, 6, 5];
    const LEN: usize = 120;

    /// Three pictures with nothing in common but their shape: guided with rescaling and a mask, not guided with noise, guided with history.
    fn pictures<'a, T>(tensors: &'a [T], noise: &'a [f32]) -> Vec<Update<'a, T>> {
        let plain = |latents: usize, row: usize| Update {
            latents: &tensors[latents],
            row,
            guidance: None,
            history: [None; 3],
            noise: None,
            blend: None,
            x: [0.9, -0.3, 0.0, 0.0, 0.0, 0.0],
            store: [None; 3],
        };
        let blend = Blend { mask: &tensors[3], image: &tensors[4], noise: &tensors[5], factors: [0.8, 0.6] };
        vec![
            Update {
                guidance: Some((3.0, 0.7)),
                blend: Some(blend),
                store: [Some([0.5, 1.5, 0.0, 0.0, 0.0]), None, None],
                ..plain(0, 0)
            },
            Update { noise: Some(noise), x: [0.7, 0.2, 0.0, 0.0, 0.0, 0.4], ..plain(1, 2) },
            Update {
                guidance: Some((7.5, 0.0)),
                history: [Some(&tensors[6]), Some(&tensors[7]), None],
                x: [0.0, 0.5, -0.25, 1.25, 0.0, 0.0],
                store: [Some([0.0, 1.0, 0.0, 0.0, 0.0]), Some([0.0, 0.0, 0.3, 0.7, 0.0]), None],
                ..plain(2, 3)
            },
        ]
    }

    /// The latents and the stored tensors of each picture.
    type Numbers = Vec<(Vec<f32>, [Option<Vec<f32>>; 3])>;

    /// The update where tensor 6 is `history` and the noise is `noise`.
    fn advanced<O: Ops>(ops: &O, history: Option<&[f32]>, noise: &[f32]) -> Numbers {
        let mut source = TorchCpu::new(3);
        let mut all: Vec<Vec<f32>> = (0..8).map(|_| source.randn(&SHAPE)).collect();
        all[3].iter_mut().for_each(|v| *v = f32::from(u8::from(*v > 0.0)));
        all[6] = history.map_or(all[6].clone(), <[f32]>::to_vec);
        let tensors: Vec<O::Tensor> = all.iter().map(|values| ops.upload(values, &SHAPE).expect("upload")).collect();
        let output = ops.upload(&TorchCpu::new(5).randn(&[5, 4, 6, 5]), &[5, 4, 6, 5]).expect("upload");
        let updated = ops.advance(&output, &pictures(&tensors, noise)).expect("an update");
        let numbers = |x: &O::Tensor| ops.download(x).expect("download");
        updated.iter().map(|u| (numbers(&u.latents), u.stored.each_ref().map(|x| x.as_ref().map(numbers)))).collect()
    }

    fn candle() -> CandleOps {
        CandleOps::on(&crate::Device::Cpu.open().expect("the processor"))
    }

    #[test]
    fn the_batched_operations_are_the_pass_over_the_elements() {
        let noise = TorchCpu::new(4).randn(&SHAPE);
        let (batched, one_pass) = (advanced(&candle(), None, &noise), advanced(&CpuOps::default(), None, &noise));
        let close = |a: &[f32], b: &[f32], what: &str| {
            assert_eq!((a.len(), b.len()), (LEN, LEN));
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() <= 2e-5 * a.abs().max(1.0), "{what}: {a} and {b}");
            }
        };
        for (i, (a, b)) in one_pass.iter().zip(&batched).enumerate() {
            close(&a.0, &b.0, &format!("picture {i}"));
            for k in 0..3 {
                assert_eq!(a.1[k].is_some(), b.1[k].is_some(), "picture {i}, stored tensor {k}");
                if let (Some(a), Some(b)) = (&a.1[k], &b.1[k]) {
                    close(a, b, &format!("picture {i}, stored tensor {k}"));
                }
            }
        }
    }

    #[test]
    fn one_pictures_broken_numbers_do_not_reach_another() {
        let broken = vec![f32::NAN; LEN];
        // The history of the third picture and the noise of the second; the first reads neither.
        for numbers in [advanced(&candle(), Some(&broken), &broken), advanced(&CpuOps::default(), Some(&broken), &broken)] {
            let finite: Vec<bool> = numbers.iter().map(|(latents, _)| latents.iter().all(|v| v.is_finite())).collect();
            assert_eq!(finite, [true, false, false]);
        }
    }
}
