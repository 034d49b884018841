//! What surrounds the repainting of a part of a picture, as A1111 does it: the part is cut out and enlarged, its old content may be washed
//! over with the colours around it, and what was drawn is put back under a soft edge.

use easel_types::{Gray8, Rgb8};

use crate::{ImagingError, canny::in_rgb, mask, resize_rgb};

/// How a picture of another shape is brought to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Stretched.
    Stretch,
    /// As large as covers the size; what hangs over is cut off.
    Crop,
    /// As large as fits; the rest is filled with the edge's colours.
    Fill,
}

/// A rectangle within a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Region {
    /// What is not black in a mask, and so many pixels more on every side; `None` if all of it is black.
    pub fn of(mask: &Gray8, padding: u32) -> Option<Self> {
        let width = mask.width().max(1) as usize;
        let white = mask.pixels().iter().enumerate().filter(|(_, value)| **value > 0);
        let bounds = white.fold(None, |bounds: Option<[usize; 4]>, (at, _)| {
            let (x, y) = (at % width, at / width);
            let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        });
        let [left, top, right, bottom] = bounds?.map(|side| side as u32);
        let (x, y) = (left.saturating_sub(padding), top.saturating_sub(padding));
        let end = |side: u32, length: u32| side.saturating_add(1).saturating_add(padding).min(length);
        Some(Self { x, y, width: end(right, mask.width()) - x, height: end(bottom, mask.height()) - y })
    }

    /// Grown to the shape of what is drawn, as far as the picture goes.
    pub fn shaped(self, drawn: (u32, u32), picture: (u32, u32)) -> Self {
        let wanted = f64::from(drawn.0) / f64::from(drawn.1.max(1));
        let own = f64::from(self.width) / f64::from(self.height.max(1));
        if own > wanted {
            let (y, height) = grown(self.y, self.height, f64::from(self.width) / wanted, picture.1);
            Self { y, height, ..self }
        } else {
            let (x, width) = grown(self.x, self.width, f64::from(self.height) * wanted, picture.0);
            Self { x, width, ..self }
        }
    }
}

/// A stretch of an axis, longer by the same on both ends and moved inside where it would leave the picture.
fn grown(start: u32, length: u32, wanted: f64, limit: u32) -> (u32, u32) {
    let (mut from, mut to) = (i64::from(start), i64::from(start) + i64::from(length));
    let (more, limit) = ((wanted - f64::from(length)) as i64, i64::from(limit));
    from -= more / 2;
    to += more - more / 2;
    if to >= limit {
        from -= to - limit;
        to = limit;
    }
    if from < 0 {
        to -= from;
        from = 0;
    }
    to = to.min(limit);
    (from as u32, (to - from).max(1) as u32)
}

/// Cuts a region out.
pub fn crop(picture: &Rgb8, region: Region) -> Result<Rgb8, ImagingError> {
    let Region { x, y, width, height } = region;
    let inside = |start: u32, length: u32, side: u32| length > 0 && start.checked_add(length).is_some_and(|end| end <= side);
    if !inside(x, width, picture.width()) || !inside(y, height, picture.height()) {
        return Err(ImagingError::Size);
    }
    let rows = picture.pixels().chunks_exact(picture.width() as usize * Rgb8::CHANNELS);
    let (from, bytes) = (x as usize * Rgb8::CHANNELS, width as usize * Rgb8::CHANNELS);
    let pixels = rows.skip(y as usize).take(height as usize).flat_map(|row| row[from..from + bytes].iter().copied());
    Ok(Rgb8::new(width, height, pixels.collect())?)
}

/// Lays a picture over another.
pub fn paste(onto: &Rgb8, picture: &Rgb8, x: u32, y: u32) -> Result<Rgb8, ImagingError> {
    let (width, mut pixels) = (onto.width() as usize, onto.pixels().to_vec());
    let beyond = |start: u32, length: u32, side: u32| start.checked_add(length).is_none_or(|end| end > side);
    if beyond(x, picture.width(), onto.width()) || beyond(y, picture.height(), onto.height()) {
        return Err(ImagingError::Size);
    }
    let bytes = picture.width() as usize * Rgb8::CHANNELS;
    for (row, line) in picture.pixels().chunks_exact(bytes.max(1)).enumerate() {
        let from = ((y as usize + row) * width + x as usize) * Rgb8::CHANNELS;
        pixels[from..from + bytes].copy_from_slice(line);
    }
    Ok(Rgb8::new(onto.width(), onto.height(), pixels)?)
}

/// Brings a picture to a size.
pub fn fit(picture: &Rgb8, width: u32, height: u32, how: Fit) -> Result<Rgb8, ImagingError> {
    if how == Fit::Stretch || width == 0 || height == 0 || picture.width() == 0 || picture.height() == 0 {
        return resize_rgb(picture, width, height);
    }
    let ratio = u64::from(width) * u64::from(picture.height());
    let own = u64::from(picture.width()) * u64::from(height);
    // Of the two sizes that keep the shape, the one that covers or the one that fits.
    let by_width = if how == Fit::Crop { ratio > own } else { ratio < own };
    let scaled = |side: u32, to: u32, from: u32| (u64::from(side) * u64::from(to) / u64::from(from)).max(1) as u32;
    let (w, h) = match by_width {
        true => (width, scaled(picture.height(), width, picture.width())),
        false => (scaled(picture.width(), height, picture.height()), height),
    };
    let resized = resize_rgb(picture, w, h)?;
    let offset = |outer: u32, inner: u32| i64::from(outer / 2) - i64::from(inner / 2);
    let (dx, dy) = (offset(width, w), offset(height, h));
    // Beyond the picture its edge goes on.
    let source = |at: u32, offset: i64, side: u32| (i64::from(at) - offset).clamp(0, i64::from(side) - 1) as usize;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * Rgb8::CHANNELS);
    for y in 0..height {
        for x in 0..width {
            let from = (source(y, dy, h) * w as usize + source(x, dx, w)) * Rgb8::CHANNELS;
            pixels.extend_from_slice(&resized.pixels()[from..from + Rgb8::CHANNELS]);
        }
    }
    Ok(Rgb8::new(width, height, pixels)?)
}

/// As [`fit`], of a mask.
pub fn fit_gray(mask: &Gray8, width: u32, height: u32, how: Fit) -> Result<Gray8, ImagingError> {
    Ok(mask::from_picture(&fit(&in_rgb(mask), width, height, how)?))
}

/// As [`crop`], of a mask.
pub fn crop_gray(mask: &Gray8, region: Region) -> Result<Gray8, ImagingError> {
    Ok(mask::from_picture(&crop(&in_rgb(mask), region)?))
}

/// What was drawn where the mask is white, the original where it is black, a mixture in between.
pub fn blend(drawn: &Rgb8, original: &Rgb8, mask: &Gray8) -> Result<Rgb8, ImagingError> {
    let size = (original.width(), original.height());
    if (drawn.width(), drawn.height()) != size || (mask.width(), mask.height()) != size {
        return Err(ImagingError::Size);
    }
    let pairs = drawn.pixels().iter().zip(original.pixels());
    let shares = mask.pixels().iter().flat_map(|&share| [u32::from(share); Rgb8::CHANNELS]);
    let mixed =
        |((&new, &old), share): ((&u8, &u8), u32)| ((u32::from(new) * share + u32::from(old) * (255 - share) + 127) / 255) as u8;
    Ok(Rgb8::new(size.0, size.1, pairs.zip(shares).map(mixed).collect())?)
}

/// The masked part washed over with the colours around it: blurred copies of the rest, the widest first, over one another.
pub fn fill(picture: &Rgb8, mask: &Gray8) -> Result<Rgb8, ImagingError> {
    if (picture.width(), picture.height()) != (mask.width(), mask.height()) {
        return Err(ImagingError::Size);
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let kept: Vec<f32> = mask.pixels().iter().map(|&value| 1.0 - f32::from(value) / 255.0).collect();
    let channel = |index: usize| picture.pixels().iter().skip(index).step_by(Rgb8::CHANNELS);
    // Colours times their share, and the shares: what is masked adds nothing to a blur.
    let mut layers: Vec<Vec<f32>> = (0..Rgb8::CHANNELS)
        .map(|index| channel(index).zip(&kept).map(|(&value, &share)| f32::from(value) * share).collect())
        .collect();
    layers.push(kept);
    let mut under = vec![vec![0.0f32; width * height]; layers.len()];
    for (radius, times) in [(256.0, 1), (64.0, 1), (16.0, 2), (4.0, 4), (2.0, 2), (0.0, 1)] {
        let blurred: Vec<Vec<f32>> = layers.iter().map(|layer| blurred(layer, width, height, radius)).collect();
        let shares = &blurred[Rgb8::CHANNELS];
        for _ in 0..times {
            for (below, above) in under.iter_mut().zip(&blurred) {
                below
                    .iter_mut()
                    .zip(above)
                    .zip(shares)
                    .for_each(|((below, above), share)| *below = above + *below * (1.0 - share));
            }
        }
    }
    let mut pixels = Vec::with_capacity(picture.pixels().len());
    for (at, &share) in under[Rgb8::CHANNELS].iter().enumerate() {
        let colour = |index: usize| if share > 0.0 { (under[index][at] / share).round().clamp(0.0, 255.0) as u8 } else { 0 };
        pixels.extend((0..Rgb8::CHANNELS).map(colour));
    }
    Ok(Rgb8::new(picture.width(), picture.height(), pixels)?)
}

/// Passes of a box that together are nearly a bell, as in Pillow.
const PASSES: usize = 3;

fn blurred(layer: &[f32], width: usize, height: usize, radius: f64) -> Vec<f32> {
    let mut layer = layer.to_vec();
    if radius <= 0.0 || layer.is_empty() {
        return layer;
    }
    let reach = box_radius(radius);
    for _ in 0..PASSES {
        layer.chunks_exact_mut(width).for_each(|row| box_blur(row, reach));
    }
    let mut turned = transposed(&layer, width, height);
    for _ in 0..PASSES {
        turned.chunks_exact_mut(height).for_each(|column| box_blur(column, reach));
    }
    transposed(&turned, height, width)
}

/// Half the width of the box, fractions at its ends included.
fn box_radius(radius: f64) -> f64 {
    let variance = radius * radius / PASSES as f64;
    let whole = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0).floor();
    let rest =
        (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance) / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)));
    whole + rest
}

/// The mean over a box; beyond the ends the last value goes on.
fn box_blur(line: &mut [f32], reach: f64) {
    let (length, whole) = (line.len() as i64, reach.floor() as i64);
    let fraction = reach - whole as f64;
    let at = |index: i64, line: &[f32]| f64::from(line[index.clamp(0, length - 1) as usize]);
    let mut sums = Vec::with_capacity(line.len() + 1);
    sums.push(0.0f64);
    line.iter().for_each(|value| sums.push(sums[sums.len() - 1] + f64::from(*value)));
    let (first, last) = (f64::from(line[0]), f64::from(line[line.len() - 1]));
    let sum = |from: i64, to: i64| {
        let inside = sums[to.clamp(-1, length - 1) as usize + 1] - sums[from.clamp(0, length) as usize];
        let before = (-from).clamp(0, to - from + 1) as f64;
        let after = (to - length + 1).clamp(0, to - from + 1) as f64;
        inside.max(0.0) + before * first + after * last
    };
    let blurred: Vec<f32> = (0..length)
        .map(|index| {
            let ends = at(index - whole - 1, line) + at(index + whole + 1, line);
            ((sum(index - whole, index + whole) + fraction * ends) / (2.0 * reach + 1.0)) as f32
        })
        .collect();
    line.copy_from_slice(&blurred);
}

fn transposed(layer: &[f32], width: usize, height: usize) -> Vec<f32> {
    (0..width).flat_map(|x| (0..height).map(move |y| layer[y * width + x])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(width: u32, height: u32, colour: [u8; 3]) -> Rgb8 {
        Rgb8::new(width, height, colour.repeat((width * height) as usize)).expect("a size")
    }

    fn spot(width: u32, height: u32, region: Region) -> Gray8 {
        let inside =
            |x: u32, y: u32| x >= region.x && x < region.x + region.width && y >= region.y && y < region.y + region.height;
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| if inside(x, y) { 255 } else { 0 })).collect();
        Gray8::new(width, height, pixels).expect("a size")
    }

    #[test]
    fn the_region_is_what_is_white_and_some_more() {
        let white = Region { x: 10, y: 20, width: 5, height: 8 };
        let mask = spot(64, 64, white);
        assert_eq!(Region::of(&mask, 0), Some(white));
        assert_eq!(Region::of(&mask, 4), Some(Region { x: 6, y: 16, width: 13, height: 16 }));
        assert_eq!(Region::of(&mask, 1000), Some(Region { x: 0, y: 0, width: 64, height: 64 }));
        assert_eq!(Region::of(&Gray8::new(4, 4, vec![0; 16]).expect("a size"), 2), None);
    }

    #[test]
    fn a_region_takes_the_shape_of_what_is_drawn_and_stays_inside() {
        let tall = Region { x: 10, y: 20, width: 4, height: 8 };
        assert_eq!(tall.shaped((64, 64), (64, 64)), Region { x: 8, y: 20, width: 8, height: 8 });
        let at_edge = Region { x: 60, y: 20, width: 4, height: 8 };
        assert_eq!(at_edge.shaped((64, 64), (64, 64)), Region { x: 56, y: 20, width: 8, height: 8 });
        let wide = Region { x: 0, y: 0, width: 64, height: 2 };
        assert_eq!(wide.shaped((64, 64), (64, 32)), Region { x: 0, y: 0, width: 64, height: 32 });
    }

    #[test]
    fn what_is_cut_out_goes_back_where_it_was() {
        let pixels: Vec<u8> = (0..8 * 6 * 3).map(|byte| byte as u8).collect();
        let picture = Rgb8::new(8, 6, pixels).expect("a size");
        let region = Region { x: 2, y: 1, width: 4, height: 3 };
        let part = crop(&picture, region).expect("inside");
        assert_eq!((part.width(), part.height(), part.pixels()[0]), (4, 3, (8 + 2) * 3));
        assert_eq!(paste(&picture, &part, 2, 1), Ok(picture.clone()));
        assert_eq!(crop(&picture, Region { x: 6, ..region }), Err(ImagingError::Size));
        assert_eq!(paste(&picture, &part, 6, 1), Err(ImagingError::Size));
    }

    #[test]
    fn shapes_are_stretched_cut_or_filled_up() {
        // Left half black, right half white, twice as wide as high.
        let pixels = (0..32u32).flat_map(|at| [if at % 8 < 4 { 0 } else { 255 }; 3]).collect();
        let picture = Rgb8::new(8, 4, pixels).expect("a size");
        for how in [Fit::Stretch, Fit::Crop, Fit::Fill] {
            let fitted = fit(&picture, 4, 4, how).expect("a size");
            assert_eq!((fitted.width(), fitted.height()), (4, 4));
        }
        let cut = fit(&picture, 4, 4, Fit::Crop).expect("a size");
        let row: Vec<u8> = cut.pixels().chunks(3).take(4).map(|pixel| pixel[0]).collect();
        assert_eq!(row, [0, 0, 255, 255], "the middle, as it was");
        let filled = fit(&even(8, 4, [9, 8, 7]), 4, 4, Fit::Fill).expect("a size");
        assert_eq!(filled, even(4, 4, [9, 8, 7]), "nothing black comes in");
    }

    #[test]
    fn a_blend_takes_either_and_what_is_between() {
        let (drawn, original) = (even(3, 1, [200; 3]), even(3, 1, [100; 3]));
        let mask = Gray8::new(3, 1, vec![255, 0, 128]).expect("a size");
        let blended = blend(&drawn, &original, &mask).expect("sizes");
        let row: Vec<u8> = blended.pixels().chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(row, [200, 100, 150]);
        assert_eq!(blend(&drawn, &even(2, 1, [0; 3]), &mask), Err(ImagingError::Size));
    }

    #[test]
    fn filling_takes_the_colours_around_and_leaves_the_rest() {
        let hole = Region { x: 24, y: 24, width: 16, height: 16 };
        let mask = spot(64, 64, hole);
        let red = even(64, 64, [200, 10, 10]);
        let blue = even(16, 16, [0, 0, 255]);
        let picture = paste(&red, &blue, 24, 24).expect("inside");
        let filled = fill(&picture, &mask).expect("sizes");
        for (at, (pixel, before)) in filled.pixels().chunks(3).zip(picture.pixels().chunks(3)).enumerate() {
            if mask.pixels()[at] == 0 {
                assert_eq!(pixel, before, "kept at {at}");
            } else {
                let near = pixel.iter().zip([200u8, 10, 10]).all(|(got, wanted)| got.abs_diff(wanted) <= 2);
                assert!(near, "no blue at {at}: {pixel:?}");
            }
        }
    }

    #[test]
    fn a_box_of_a_line_keeps_its_mean() {
        let mut line = vec![5.0f32; 9];
        box_blur(&mut line, 2.4);
        assert!(line.iter().all(|value| (value - 5.0).abs() < 1e-4), "{line:?}");
        let mut point = vec![0.0f32; 21];
        point[10] = 1.0;
        box_blur(&mut point, 2.5);
        assert!((point.iter().sum::<f32>() - 1.0).abs() < 1e-5 && (point[10] - 1.0 / 6.0).abs() < 1e-5, "{point:?}");
    }
}
