//! The denoiser's input and the sampler's update of a whole batch. The kernels are in `source/step.cuh`.

use super::{
    Array, Format, Kernel, Machine, Result, bug, int,
    kernel::{Work, address, blocks},
};

const THREADS: usize = 256;
/// Pictures of one launch: as many as fit into the 4 KiB an argument may have.
const INPUTS: usize = 32;
const UPDATES: usize = 8;

/// One picture's rows in the denoiser's input.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The latents, (pixels, channels), f32.
    pub latents: &'a Array,
    /// Their factor.
    pub factor: f64,
    /// Channels behind them, f32.
    pub extra: Option<&'a Array>,
    /// How often the row is repeated.
    pub rows: usize,
}

/// One picture's update; the formula is [`crate::advance`]'s, and what has no format of its own is f32.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The latents.
    pub latents: &'a Array,
    /// The row of the conditional output; the unconditional one follows it.
    pub row: usize,
    /// Guidance scale and rescaling.
    pub guidance: Option<(f64, f64)>,
    /// The stored tensors.
    pub history: [Option<&'a Array>; 3],
    /// The noise.
    pub noise: Option<&'a Array>,
    /// The part of the picture that is kept.
    pub blend: Option<Blend<'a>>,
    /// Coefficients of the next latents over (x, m, h1, h2, h3, z).
    pub x: [f64; 6],
    /// Coefficients over (x, m, h1, h2, h3) of the tensors that are computed anew.
    pub store: [Option<[f64; 5]>; 3],
}

/// What the kept part of a picture is set to.
#[derive(Debug, Clone, Copy)]
pub struct Blend<'a> {
    /// 1 where the update holds, 0 where the picture is kept.
    pub mask: &'a Array,
    /// The clean latents.
    pub image: &'a Array,
    /// The initial noise.
    pub noise: &'a Array,
    /// Factors of the two.
    pub factors: [f64; 2],
}

/// What an update gives.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The next latents.
    pub latents: Array,
    /// The stored tensors that were asked for.
    pub stored: [Option<Array>; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct InputPicture {
    latents: u64,
    extra: u64,
    factor: f32,
    first_row: i32,
    rows: i32,
    unused: i32,
}

#[repr(C)]
struct InputWork {
    out: u64,
    pixels: i64,
    channels: i32,
    extra: i32,
    pictures: [InputPicture; INPUTS],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct UpdatePicture {
    latents: u64,
    conditional: u64,
    unconditional: u64,
    history: [u64; 3],
    noise: u64,
    mask: u64,
    image: u64,
    image_noise: u64,
    out: u64,
    stored: [u64; 3],
    factor: u64,
    scale: f64,
    x: [f64; 6],
    store: [[f64; 5]; 3],
    factors: [f64; 2],
}

#[repr(C)]
struct UpdateWork {
    count: i64,
    pictures: [UpdatePicture; UPDATES],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RescalePicture {
    conditional: u64,
    unconditional: u64,
    scale: f64,
    rescale: f64,
}

#[repr(C)]
struct RescaleWork {
    count: i64,
    factors: u64,
    pictures: [RescalePicture; UPDATES],
}

// SAFETY: the fields are those of the C++ structs in their order; `unused` stands where C++ pads.
unsafe impl Work for InputWork {}
// SAFETY: as above; there is no padding.
unsafe impl Work for UpdateWork {}
// SAFETY: as above; there is no padding.
unsafe impl Work for RescaleWork {}

fn kernel(name: &str, work: &'static str, format: Format) -> Kernel {
    Kernel::new("step", work, THREADS as u32, format!("{name}<{}>", format.cpp()))
}

pub(super) fn kernels(format: Format) -> Vec<Kernel> {
    [("denoiser_input", "InputWork"), ("advance", "UpdateWork"), ("rescale", "RescaleWork")]
        .map(|(name, work)| kernel(name, work, format))
        .into()
}

impl Machine {
    /// Every picture's latents by its factor, with its extra channels, once per branch, in the network's format.
    pub fn denoiser_input(&self, pictures: &[Input<'_>], pixels: usize, format: Format) -> Result<Array> {
        let Some(first) = pictures.first().filter(|_| pixels > 0) else { return bug("a step has no pictures") };
        let channels = first.latents.len() / pixels;
        let extra = first.extra.map_or(0, |extra| extra.len() / pixels);
        let alike = |picture: &Input<'_>| {
            picture.latents.len() == pixels * channels
                && picture.extra.map_or(0, Array::len) == pixels * extra
                && [Some(picture.latents), picture.extra].into_iter().flatten().all(|x| x.format() == Format::F32)
        };
        if !pictures.iter().all(alike) {
            return bug(format!("a step has pictures of different shapes: {pictures:?}"));
        }
        let each = pixels * (channels + extra);
        let out = Array::unwritten(self, format, each * pictures.iter().map(|picture| picture.rows).sum::<usize>())?;
        let mut row = 0;
        for some in pictures.chunks(INPUTS) {
            let mut work = InputWork {
                out: out.address(),
                pixels: pixels as i64,
                channels: int(channels)?,
                extra: int(extra)?,
                pictures: [InputPicture::default(); INPUTS],
            };
            for (to, picture) in work.pictures.iter_mut().zip(some) {
                to.latents = picture.latents.address();
                to.extra = address(picture.extra);
                to.factor = picture.factor as f32;
                (to.first_row, to.rows) = (int(row)?, int(picture.rows)?);
                row += picture.rows;
            }
            let grid = [blocks(each, THREADS)?, some.len() as u32, 1];
            // SAFETY: every length was checked above, and the rows add up to those of the result.
            unsafe { self.launch(&kernel("denoiser_input", "InputWork", format), grid, 0, &work)? };
        }
        Ok(out)
    }

    /// The sampler's update of every picture from the denoiser's output.
    pub fn advance(&self, output: &Array, pictures: &[Update<'_>]) -> Result<Vec<Updated>> {
        let mut done = Vec::with_capacity(pictures.len());
        for some in pictures.chunks(UPDATES) {
            let count = some[0].latents.len();
            some.iter().try_for_each(|picture| checked(picture, output, count))?;
            let factors = self.rescaling(output, some, count)?;
            let mut work = UpdateWork { count: count as i64, pictures: [UpdatePicture::default(); UPDATES] };
            for (i, (to, picture)) in work.pictures.iter_mut().zip(some).enumerate() {
                let latents = Array::unwritten(self, Format::F32, count)?;
                let mut stored = [None, None, None];
                for (stored, _) in stored.iter_mut().zip(&picture.store).filter(|(_, asked)| asked.is_some()) {
                    *stored = Some(Array::unwritten(self, Format::F32, count)?);
                }
                *to = described(picture, output, count);
                to.out = latents.address();
                to.stored = stored.each_ref().map(|stored| address(stored.as_ref()));
                to.factor = match (&factors, picture.guidance) {
                    // Two f32 make room for one f64.
                    (Some(factors), Some((_, rescale))) if rescale != 0.0 => factors.address_of(2 * i),
                    _ => 0,
                };
                done.push(Updated { latents, stored });
            }
            let grid = [blocks(count, THREADS)?, some.len() as u32, 1];
            // SAFETY: every length was checked above.
            unsafe { self.launch(&kernel("advance", "UpdateWork", output.format()), grid, 0, &work)? };
        }
        Ok(done)
    }

    /// What the guided outputs are multiplied by, an f64 for each picture; nothing where no picture asks for it.
    fn rescaling(&self, output: &Array, pictures: &[Update<'_>], count: usize) -> Result<Option<Array>> {
        if pictures.iter().all(|picture| picture.guidance.is_none_or(|(_, rescale)| rescale == 0.0)) {
            return Ok(None);
        }
        let factors = Array::unwritten(self, Format::F32, 2 * pictures.len())?;
        let mut work =
            RescaleWork { count: count as i64, factors: factors.address(), pictures: [RescalePicture::default(); UPDATES] };
        for (to, picture) in work.pictures.iter_mut().zip(pictures) {
            let (scale, rescale) = picture.guidance.unwrap_or((1.0, 0.0));
            let other = picture.row + usize::from(picture.guidance.is_some());
            *to = RescalePicture {
                conditional: output.address_of(picture.row * count),
                unconditional: output.address_of(other * count),
                scale,
                rescale,
            };
        }
        let grid = [pictures.len() as u32, 1, 1];
        // SAFETY: the rows were checked by the caller; the sums of the block's warps need 8 bytes each.
        unsafe { self.launch(&kernel("rescale", "RescaleWork", output.format()), grid, THREADS / 32 * 8, &work)? };
        Ok(Some(factors))
    }
}

fn checked(picture: &Update<'_>, output: &Array, count: usize) -> Result<()> {
    let blend = picture.blend.iter().flat_map(|blend| [blend.mask, blend.image, blend.noise]);
    let others = picture.history.into_iter().flatten().chain(picture.noise).chain(blend).chain([picture.latents]);
    let rows = picture.row + 1 + usize::from(picture.guidance.is_some());
    if others.into_iter().any(|x| x.len() != count || x.format() != Format::F32) || rows * count > output.len() {
        return bug(format!("a picture's tensors are of different lengths: {picture:?} and {output:?}"));
    }
    Ok(())
}

/// The picture without its results.
fn described(picture: &Update<'_>, output: &Array, count: usize) -> UpdatePicture {
    let of_blend = |pick: fn(&Blend<'_>) -> u64| picture.blend.as_ref().map_or(0, pick);
    UpdatePicture {
        latents: picture.latents.address(),
        conditional: output.address_of(picture.row * count),
        unconditional: picture.guidance.map_or(0, |_| output.address_of((picture.row + 1) * count)),
        history: picture.history.map(address),
        noise: address(picture.noise),
        mask: of_blend(|blend| blend.mask.address()),
        image: of_blend(|blend| blend.image.address()),
        image_noise: of_blend(|blend| blend.noise.address()),
        scale: picture.guidance.map_or(1.0, |(scale, _)| scale),
        x: picture.x,
        store: picture.store.map(Option::unwrap_or_default),
        factors: picture.blend.map_or([0.0; 2], |blend| blend.factors),
        ..UpdatePicture::default()
    }
}
