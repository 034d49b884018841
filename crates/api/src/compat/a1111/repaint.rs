//! Repainting a part of a picture: what a request says of it, what the engine is given, and how the result is put back.

use std::sync::Arc;

use easel_imaging::{
    ImagingError,
    blur::blur_gray,
    mask,
    repaint::{Fit, Region, blend, crop, crop_gray, fill, fit, fit_gray, paste},
};
use easel_types::{Gray8, LatentFill, Rgb8, Task};

use super::flag::flag;
use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range, unknown_value},
};

/// A1111's default blur, in pixels.
const BLUR: f64 = 4.0;
const BLUR_MAX: f64 = 64.0;
const PADDING_MAX: u32 = 1024;

/// What A1111 writes of `inpainting_fill`, but for 0.
const CONTENTS: [(&str, u32); 3] = [("original", 1), ("latent noise", 2), ("latent nothing", 3)];

/// `inpainting_fill` as it was written.
pub fn fill_of(written: &str) -> Option<u32> {
    CONTENTS.iter().find(|(content, _)| *content == written).map(|(_, fill)| *fill)
}

/// What a request says of its mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repaint {
    /// How wide the mask's edge becomes, across and down.
    pub blur: (f64, f64),
    /// Black is repainted.
    pub inverted: bool,
    /// What is repainted is first washed over with the colours around it.
    pub filled: bool,
    /// What becomes of what is repainted once it is latents.
    pub latents: LatentFill,
    /// Only the mask's surroundings are drawn, as large as the picture would be.
    pub only_masked: bool,
    /// Pixels of those surroundings.
    pub padding: u32,
    /// What is half there is made all there.
    pub round: bool,
}

impl Repaint {
    /// As a request says.
    pub fn read(fields: &Fields) -> Result<Self, ApiError> {
        let both = fields.number(&["mask_blur"])?;
        let axis = |name: &'static str| -> Result<f64, ApiError> {
            let blur = both.map_or_else(|| fields.number(&[name]), |blur| Ok(Some(blur)))?.unwrap_or(BLUR);
            if (0.0..=BLUR_MAX).contains(&blur) { Ok(blur) } else { Err(out_of_range("mask_blur", "between 0 and 64", blur)) }
        };
        let known = "0 (fill), 1 (original), 2 (latent noise), 3 (latent nothing)";
        let (filled, latents) = match fields.integer(&["inpainting_fill"])?.unwrap_or(0) {
            0 => (true, LatentFill::Picture),
            1 => (false, LatentFill::Picture),
            // Its surroundings are encoded with the same colours beside them as with 0.
            2 => (true, LatentFill::Noise { back: 0 }),
            3 => (true, LatentFill::Nothing),
            other => return Err(unknown_value("inpainting_fill", known, &other.to_string())),
        };
        let padding = fields.small(&["inpaint_full_res_padding"])?.unwrap_or(0);
        if padding > PADDING_MAX {
            return Err(out_of_range("inpaint_full_res_padding", "at most 1024", padding));
        }
        Ok(Self {
            blur: (axis("mask_blur_x")?, axis("mask_blur_y")?),
            inverted: flag(fields, "inpainting_mask_invert")?.unwrap_or(false),
            filled,
            latents,
            only_masked: flag(fields, "inpaint_full_res")?.unwrap_or(true),
            padding,
            round: flag(fields, "mask_round")?.unwrap_or(true),
        })
    }

    /// What the text of the picture says of it, as A1111 writes it.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        if self.blur.0 == self.blur.1 {
            told.push(("Mask blur", self.blur.0.to_string()));
        } else {
            told.extend([("Mask blur x", self.blur.0.to_string()), ("Mask blur y", self.blur.1.to_string())]);
        }
        if self.inverted {
            told.push(("Mask mode", "Inpaint not masked".to_owned()));
        }
        if self.only_masked {
            told.push(("Inpaint area", "Only masked".to_owned()));
            told.push(("Masked area padding", self.padding.to_string()));
        }
        match (self.filled, self.latents) {
            (false, _) => told.push(("Masked content", CONTENTS[0].0.to_owned())),
            (true, LatentFill::Picture) => {}
            (true, LatentFill::Noise { .. }) => told.push(("Masked content", CONTENTS[1].0.to_owned())),
            (true, LatentFill::Nothing) => told.push(("Masked content", CONTENTS[2].0.to_owned())),
        }
        told
    }

    /// The mask of a picture that was sent: its transparency if it has any, else its lightness.
    fn mask(&self, rgb: &Rgb8, alpha: Option<&Gray8>) -> Gray8 {
        let transparent = alpha.filter(|alpha| alpha.pixels().iter().any(|&value| value < 255));
        let mask = match transparent {
            Some(alpha) if self.round => mask::binarize(alpha),
            Some(alpha) => alpha.clone(),
            None => mask::from_picture(rgb),
        };
        let mask = if self.inverted { mask::invert(&mask) } else { mask };
        blur_gray(&mask, self.blur.0, self.blur.1)
    }
}

/// How what was drawn is put back.
#[derive(Debug, Clone, PartialEq)]
pub struct PutBack {
    original: Rgb8,
    /// How much of each pixel is new.
    share: Gray8,
    region: Option<Region>,
}

impl PutBack {
    /// The picture with its new part.
    pub fn apply(&self, drawn: &Rgb8) -> Result<Rgb8, ImagingError> {
        let drawn = match self.region {
            Some(region) => {
                let part = fit(drawn, region.width, region.height, Fit::Crop)?;
                paste(&self.original, &part, region.x, region.y)?
            }
            None => drawn.clone(),
        };
        blend(&drawn, &self.original, &self.share)
    }
}

/// A picture to start from, as it was sent, and its mask.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The picture.
    pub image: Rgb8,
    /// The mask, and its transparency.
    pub mask: Option<(Rgb8, Option<Gray8>)>,
}

/// What the engine starts from, at the size that is drawn, and how it is put back. Takes a thread for a while.
pub fn start(
    sent: Sent,
    how: Fit,
    repaint: Repaint,
    strength: f64,
    size: (u32, u32),
) -> Result<(Task, Option<PutBack>), ImagingError> {
    let (width, height) = size;
    let Sent { image, mask } = sent;
    let mask = mask.map(|(rgb, alpha)| repaint.mask(&rgb, alpha.as_ref()));
    // A mask has its picture's size; one that has not is stretched to it.
    let mask = mask.map(|mask| fit_gray(&mask, image.width(), image.height(), Fit::Stretch)).transpose()?;
    let region = mask.as_ref().filter(|_| repaint.only_masked).map(|mask| Region::of(mask, repaint.padding));
    let (image, mask, back) = match (mask, region) {
        // Nothing is masked: the whole picture is drawn over, as in A1111.
        (None, _) | (Some(_), Some(None)) => {
            let image = fit(&image, width, height, how)?;
            return Ok((Task::ImageToImage { image: Arc::new(image), strength }, None));
        }
        (Some(mask), Some(Some(region))) => {
            let region = region.shaped(size, (image.width(), image.height()));
            let part = fit(&crop(&image, region)?, width, height, Fit::Fill)?;
            let part_mask = fit_gray(&crop_gray(&mask, region)?, width, height, Fit::Fill)?;
            (part, part_mask, PutBack { original: image, share: mask, region: Some(region) })
        }
        (Some(mask), None) => {
            let image = fit(&image, width, height, how)?;
            let mask = fit_gray(&mask, width, height, how)?;
            let share = doubled(&mask);
            (image.clone(), mask, PutBack { original: image, share, region: None })
        }
    };
    let image = if repaint.filled { fill(&image, &mask)? } else { image };
    Ok((Task::Inpaint { image: Arc::new(image), mask: Arc::new(mask), strength }, Some(back)))
}

/// A1111 lets what is half repainted be new.
fn doubled(mask: &Gray8) -> Gray8 {
    let pixels = mask.pixels().iter().map(|value| value.saturating_mul(2)).collect();
    Gray8::new(mask.width(), mask.height(), pixels).expect("one byte for every pixel of the original; this is a bug")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<Repaint, ApiError> {
        let Value::Object(object) = body else { panic!("an object") };
        Repaint::read(&Fields(object))
    }

    fn even(width: u32, height: u32, value: u8) -> Rgb8 {
        Rgb8::new(width, height, vec![value; (width * height * 3) as usize]).expect("a size")
    }

    /// White from `left` on.
    fn right_of(left: u32, width: u32, height: u32) -> Rgb8 {
        let pixels = (0..width * height).flat_map(|at| [if at % width >= left { 255 } else { 0 }; 3]).collect();
        Rgb8::new(width, height, pixels).expect("a size")
    }

    #[test]
    fn defaults_are_a1111s() {
        let latents = LatentFill::Picture;
        let usual =
            Repaint { blur: (4.0, 4.0), inverted: false, filled: true, latents, only_masked: true, padding: 0, round: true };
        assert_eq!(read(json!({})), Ok(usual));
        assert_eq!(read(json!({"inpainting_mask_invert": 1})), read(json!({"inpainting_mask_invert": true})));
        assert_eq!(read(json!({"mask_blur_x": 0, "mask_blur_y": 8})).map(|repaint| repaint.blur), Ok((0.0, 8.0)));
        for (field, value) in [("inpainting_fill", 4), ("mask_blur", 65)] {
            assert!(read(json!({field: value})).is_err(), "{field} {value}");
        }
    }

    #[test]
    fn what_is_filled_is_told_and_read_back() {
        for fill in 1..=3 {
            let told = read(json!({"inpainting_fill": fill})).unwrap().told();
            let content = told.iter().find(|(key, _)| *key == "Masked content").map(|(_, content)| content.as_str());
            assert_eq!(content.and_then(fill_of), Some(fill));
        }
        assert!(read(json!({})).unwrap().told().iter().all(|(key, _)| *key != "Masked content"));
    }

    #[test]
    fn only_what_is_masked_changes() {
        for only_masked in [true, false] {
            let body = json!({"inpaint_full_res": only_masked, "mask_blur": 0, "inpainting_fill": 1});
            let sent = Sent { image: even(64, 64, 50), mask: Some((right_of(32, 64, 64), None)) };
            let (task, back) = start(sent, Fit::Stretch, read(body).unwrap(), 0.5, (64, 64)).unwrap();
            assert!(matches!(task, Task::Inpaint { .. }));
            let result = back.unwrap().apply(&even(64, 64, 200)).unwrap();
            let row: Vec<u8> = result.pixels().chunks(3).take(64).map(|pixel| pixel[0]).collect();
            assert!(row[..32].iter().all(|&value| value == 50) && row[32..].iter().all(|&value| value == 200), "{row:?}");
        }
    }

    #[test]
    fn the_surroundings_are_drawn_large_and_the_picture_keeps_its_size() {
        let body = json!({"mask_blur": 0, "inpaint_full_res_padding": 8});
        let sent = Sent { image: even(256, 128, 50), mask: Some((right_of(200, 256, 128), None)) };
        let (task, back) = start(sent, Fit::Stretch, read(body).unwrap(), 0.5, (64, 64)).unwrap();
        let Task::Inpaint { image, mask, .. } = task else { panic!("a mask") };
        assert_eq!((image.width(), mask.height()), (64, 64));
        let result = back.unwrap().apply(&even(64, 64, 200)).unwrap();
        assert_eq!((result.width(), result.height()), (256, 128));
        let row: Vec<u8> = result.pixels().chunks(3).take(256).map(|pixel| pixel[0]).collect();
        assert!(row[..200].iter().all(|&value| value == 50) && row[200..].iter().all(|&value| value == 200), "{row:?}");
    }

    #[test]
    fn without_a_mask_or_with_a_black_one_everything_is_drawn_over() {
        for mask in [None, Some((even(64, 64, 0), None))] {
            let sent = Sent { image: even(64, 64, 50), mask };
            let (task, back) = start(sent, Fit::Stretch, read(json!({})).unwrap(), 0.5, (128, 64)).unwrap();
            assert!(matches!(task, Task::ImageToImage { .. }) && back.is_none());
        }
    }

    #[test]
    fn a_transparent_mask_is_its_transparency() {
        let repaint = read(json!({"mask_blur": 0})).unwrap();
        let alpha = Gray8::new(4, 1, vec![0, 100, 200, 255]).expect("a size");
        assert_eq!(repaint.mask(&even(4, 1, 0), Some(&alpha)).pixels(), [0, 0, 255, 255]);
        let opaque = Gray8::new(4, 1, vec![255; 4]).expect("a size");
        assert_eq!(repaint.mask(&even(4, 1, 9), Some(&opaque)).pixels(), [9; 4]);
    }
}
