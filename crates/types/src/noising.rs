//! What A1111's requests say of their noise and of latents, besides the seed.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::Serialize;

use crate::Rgb8;

/// Where a picture's noise comes from, how much of it there is, and what is done at which level of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Noising {
    /// Noise of another seed that is mixed in.
    pub variation: Option<Variation>,
    /// Pixels of a picture whose composition is kept: noise of that size is laid into the middle.
    pub resized_from: Option<(u32, u32)>,
    /// Added to the seed for all noise after the first (A1111's ENSD); 0 goes on with the seed's own.
    pub later_seed_delta: i64,
    /// Factor of the noise that is laid over a start picture.
    pub start_factor: f64,
    /// What the repainted part of a start picture is before that.
    pub fill: LatentFill,
    /// Churn of Euler, Heun and DPM2.
    pub churn: f64,
    /// The lowest noise level that is churned.
    pub churn_from: f64,
    /// The highest noise level that is churned; `None` is no limit.
    pub churn_to: Option<f64>,
    /// Factor of the noise between the steps.
    pub step_factor: f64,
    /// All steps run, whatever the strength leaves of the schedule.
    pub whole_steps: bool,
    /// Below this noise level every second evaluation leaves out what is to be avoided (A1111's `s_min_uncond`); 0 for none.
    pub unguided_below: f64,
    /// And not every second one but all of them.
    pub unguided_always: bool,
    /// One more noise level is built, and the last but one left out; `None` is the sampler's own way.
    pub discard_next_to_last: Option<bool>,
}

/// Noise of another seed that is mixed in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Variation {
    /// The other seed, of the first picture; picture `i` has the same seed and `seed + i` here (mod 2^64).
    pub seed: u64,
    /// How much of it, 0..=1.
    pub strength: f64,
}

/// What the repainted part of a start picture's latents is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LatentFill {
    /// What it was.
    #[default]
    Picture,
    /// Noise of the picture's seed, less `back` (mod 2^64): A1111 fills the pictures of all rounds with the seeds of the first.
    Noise {
        /// How far the seed has gone on since.
        back: u64,
    },
    /// Zeros.
    Nothing,
}

impl Default for Noising {
    fn default() -> Self {
        Self {
            variation: None,
            resized_from: None,
            later_seed_delta: 0,
            start_factor: 1.0,
            fill: LatentFill::Picture,
            churn: 0.0,
            churn_from: 0.0,
            churn_to: None,
            step_factor: 1.0,
            whole_steps: false,
            unguided_below: 0.0,
            unguided_always: false,
            discard_next_to_last: None,
        }
    }
}

impl Noising {
    /// Nothing special.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Latents of a picture: numbers, row by row and channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Latents {
    /// (channels, height, width).
    pub shape: [usize; 3],
    /// As many as the shape says.
    pub values: Vec<f32>,
}

/// Where a picture leaves its latents for the next request to go on from. Everybody who holds it sees the same.
#[derive(Clone, Default)]
pub struct LatentCell(Arc<OnceLock<Latents>>);

impl LatentCell {
    /// Leaves them. A picture that is made a second time has the same, so the first stay.
    pub fn put(&self, latents: Latents) {
        drop(self.0.set(latents));
    }

    /// What was left.
    pub fn get(&self) -> Option<&Latents> {
        self.0.get()
    }
}

impl PartialEq for LatentCell {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for LatentCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LatentCell").field(&self.get().map(|latents| latents.shape)).finish()
    }
}

/// The files that a picture wore: their names, and the first digits of the hashes by which others know them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Worn {
    /// LoRAs.
    pub loras: Vec<(String, String)>,
    /// Learnt tokens.
    pub words: Vec<(String, String)>,
}

/// Where whoever draws a picture tells which files it wears. Everybody who holds it sees the same.
#[derive(Clone, Default)]
pub struct WornCell(Arc<OnceLock<Worn>>);

impl WornCell {
    /// Tells it. A picture that is made a second time wears the same, so the first word stays.
    pub fn tell(&self, worn: Worn) {
        drop(self.0.set(worn));
    }

    /// What was told.
    pub fn get(&self) -> Option<&Worn> {
        self.0.get()
    }
}

impl PartialEq for WornCell {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for WornCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WornCell").field(&self.get()).finish()
    }
}

/// How latents are enlarged: torch's `interpolate` with `align_corners = False`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentScaling {
    /// Straight lines between neighbours.
    Bilinear,
    /// The same, over as many neighbours as become one where it shrinks.
    BilinearAntialiased,
    /// Cubic convolution with a = -0.75.
    Bicubic,
    /// Cubic convolution with a = -0.5, normalised at the edges.
    BicubicAntialiased,
    /// The neighbour above and to the left.
    Nearest,
    /// The nearest neighbour.
    NearestExact,
}

/// Latents to start from in place of the start picture's own.
#[derive(Debug, Clone, PartialEq)]
pub struct FromLatents {
    /// Where they were left.
    pub cell: LatentCell,
    /// How they are enlarged.
    pub scaling: LatentScaling,
    /// Pixels they are enlarged to; of what hangs over the output size the middle is taken.
    pub enlarged: (u32, u32),
}

/// A picture of another size, of which the latents are brought to this one's.
#[derive(Debug, Clone, PartialEq)]
pub struct FromPicture {
    /// The picture; each side is a multiple of the pixels that a latent stands for.
    pub image: Arc<Rgb8>,
    /// How its latents become as many as there are to be.
    pub scaling: LatentScaling,
}

/// Latents that a picture starts from in place of its start picture's own, where it leaves its own, and where it tells what it wears.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Handover {
    /// Where the pictures leave their latents, the first one's first; those without a place leave none.
    pub leave: Vec<LatentCell>,
    /// What each picture starts from. The task's picture says the size then, and its strength how much of it is drawn over.
    pub from: Option<FromLatents>,
    /// What each picture starts from if there is no `from`; the task's picture says the size, as above.
    pub picture: Option<FromPicture>,
    /// Where it is told what the picture wears.
    pub worn: WornCell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_filled_once_and_seen_by_all() {
        let (cell, other) = (LatentCell::default(), LatentCell::default());
        let seen = cell.clone();
        assert!(seen.get().is_none() && seen == cell && seen != other);
        cell.put(Latents { shape: [1, 1, 2], values: vec![1.0, 2.0] });
        cell.put(Latents { shape: [1, 1, 1], values: vec![3.0] });
        assert_eq!(seen.get().map(|latents| latents.values.clone()), Some(vec![1.0, 2.0]));
    }

    #[test]
    fn what_is_worn_is_told_once_and_compared_by_what_it_is() {
        let (cell, other) = (WornCell::default(), WornCell::default());
        let (seen, ink) = (cell.clone(), Worn { loras: vec![("ink".into(), "0123456789ab".into())], ..Worn::default() });
        cell.tell(ink.clone());
        cell.tell(Worn::default());
        assert_eq!(seen.get(), Some(&ink));
        assert_ne!(cell, other);
        other.tell(ink);
        assert_eq!(cell, other);
    }
}
