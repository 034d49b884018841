//! Enlarging a picture that is sent: a job like any other, stored and paid, but for what leaves the picture as it is.

use base64::Engine as _;
use easel_imaging::{
    Decoded, ImagingError, Kernel,
    repaint::{Region, blend, crop},
    resample,
};
use easel_platform::{
    orders::{Order, Output, Source, Work},
    worker::Writing,
};
use easel_types::{Gray8, Quality, Rgb8};
use serde_json::json;

use super::pictures::{self, ENCODER, blocking, flattened, png};
use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::{
        a1111::{flag::flag, neutral::refused, upscalers},
        fields::{Fields, out_of_range, unknown_value},
    },
    generation::Paid,
};

/// A1111's own limit.
const FACTOR_MAX: f64 = 8.0;
/// The most pixels an enlarged picture has: 4K and a little more.
const PIXELS_MAX: u64 = 40_000_000;
const SIDE_MAX: u32 = 8192;

/// What a request says.
pub(super) struct Extras {
    size: Size,
    /// None leaves the picture as it is.
    kernel: Option<Kernel>,
    /// Another, and its share.
    second: Option<(Kernel, f64)>,
}

/// How large it becomes.
enum Size {
    Factor(f64),
    Box { width: u32, height: u32, cropped: bool },
}

impl Extras {
    pub(super) fn read(fields: &Fields) -> Result<Self, ApiError> {
        for name in ["gfpgan_visibility", "codeformer_visibility"] {
            if fields.number(&[name])?.is_some_and(|visibility| visibility > 0.0) {
                return Err(refused(name, "the restoration of faces"));
            }
        }
        let side = |name: &'static str| -> Result<u32, ApiError> {
            let side = fields.small(&[name])?.unwrap_or(512);
            if (1..=SIDE_MAX).contains(&side) { Ok(side) } else { Err(out_of_range(name, "between 1 and 8192", side)) }
        };
        let size = match fields.integer(&["resize_mode"])?.unwrap_or(0) {
            0 => {
                let factor = fields.number(&["upscaling_resize"])?.unwrap_or(2.0);
                if !(factor > 0.0 && factor <= FACTOR_MAX) {
                    return Err(out_of_range("upscaling_resize", "more than 0 and at most 8", factor));
                }
                Size::Factor(factor)
            }
            1 => Size::Box {
                width: side("upscaling_resize_w")?,
                height: side("upscaling_resize_h")?,
                cropped: flag(fields, "upscaling_crop")?.unwrap_or(true),
            },
            other => return Err(out_of_range("resize_mode", "0 or 1", other)),
        };
        let share = fields.number(&["extras_upscaler_2_visibility"])?.unwrap_or(0.0).clamp(0.0, 1.0);
        let second = kernel(fields, "upscaler_2")?.filter(|_| share > 0.0).map(|kernel| (kernel, share));
        Ok(Self { size, kernel: kernel(fields, "upscaler_1")?, second })
    }

    /// The file in base64.
    pub(super) async fn enlarged(
        &self,
        state: &AppState,
        caller: &Caller,
        field: &'static str,
        sent: &str,
    ) -> Result<String, ApiError> {
        let bytes = pictures::bytes(state, field, sent).await?;
        let decoded = pictures::decoded(state, field, bytes.clone()).await?;
        let Some(kernel) = self.kernel else {
            let Decoded { rgb, alpha, .. } = decoded;
            return Ok(ENCODER.encode(blocking(move || png(&rgb, alpha.as_ref())).await??));
        };
        let picture = flattened(decoded, [255; 3]);
        let (cover, result) = self.sizes(picture.width(), picture.height());
        if cover.0.max(cover.1) > SIDE_MAX || u64::from(cover.0) * u64::from(cover.1) > PIXELS_MAX {
            return Err(ApiError::invalid(field, "too_large", "the enlarged picture would be too large"));
        }
        let upload = state.platform.images.upload(&caller.user, bytes).await?;
        let factor = cover.0.div_ceil(picture.width().max(1)).max(1);
        let source = Source::Upload(upload.id);
        let order = Order { work: Work::Upscale { source: source.clone(), factor }, output: Output::default() };
        let mut paid = Paid::hold_for(state, caller, &order).await?;
        let second = self.second;
        let made = blocking(move || enlarge(&picture, cover, result, kernel, second));
        let made = tokio::select! {
            made = made => made??,
            stopped = paid.stopped() => return Err(stopped),
        };
        let parameters = json!({"task": "upscale", "source": source, "factor": factor});
        let writing = Writing { fast: true, quality: Quality::Normal, ..Output::default().into() };
        let bytes = paid.deliver_made(state, &writing, made, parameters).await?;
        Ok(ENCODER.encode(bytes))
    }

    /// The size that keeps the shape, and that of the result.
    fn sizes(&self, width: u32, height: u32) -> ((u32, u32), (u32, u32)) {
        let scaled = |factor: f64| {
            let side = |side: u32| (f64::from(side) * factor).round().clamp(1.0, f64::from(u32::MAX)) as u32;
            (side(width), side(height))
        };
        match self.size {
            Size::Factor(factor) => (scaled(factor), scaled(factor)),
            Size::Box { width: w, height: h, cropped } => {
                let factor = (f64::from(w) / f64::from(width.max(1))).max(f64::from(h) / f64::from(height.max(1)));
                let cover = scaled(factor);
                let cover = (cover.0.max(w), cover.1.max(h));
                (cover, if cropped { (w, h) } else { cover })
            }
        }
    }
}

fn enlarge(
    picture: &Rgb8,
    cover: (u32, u32),
    size: (u32, u32),
    kernel: Kernel,
    second: Option<(Kernel, f64)>,
) -> Result<Rgb8, ImagingError> {
    let mut large = resample(picture, cover.0, cover.1, kernel)?;
    if let Some((kernel, share)) = second {
        let other = resample(picture, cover.0, cover.1, kernel)?;
        let mask = Gray8::new(cover.0, cover.1, vec![(share * 255.0).round() as u8; cover.0 as usize * cover.1 as usize])?;
        large = blend(&other, &large, &mask)?;
    }
    if size == cover {
        return Ok(large);
    }
    crop(&large, Region { x: (cover.0 - size.0) / 2, y: (cover.1 - size.1) / 2, width: size.0, height: size.1 })
}

fn kernel(fields: &Fields, name: &'static str) -> Result<Option<Kernel>, ApiError> {
    match fields.text(&[name])?.filter(|name| !name.trim().is_empty() && !name.trim().eq_ignore_ascii_case("none")) {
        None => Ok(None),
        Some(named) => upscalers::find(&named).map(Some).ok_or_else(|| unknown_value(name, &upscalers::known(), &named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(size: Size, width: u32, height: u32) -> ((u32, u32), (u32, u32)) {
        Extras { size, kernel: None, second: None }.sizes(width, height)
    }

    #[test]
    fn a_box_is_covered_and_cut() {
        assert_eq!(sizes(Size::Factor(2.0), 100, 50), ((200, 100), (200, 100)));
        let in_box = |cropped| sizes(Size::Box { width: 128, height: 128, cropped }, 100, 50);
        assert_eq!(in_box(true), ((256, 128), (128, 128)));
        assert_eq!(in_box(false), ((256, 128), (256, 128)));
    }

    #[test]
    fn two_kernels_are_mixed() {
        let pixels = (0..4u8).flat_map(|x| [x * 60; 3]).collect();
        let picture = Rgb8::new(4, 1, pixels).expect("a size");
        let of = |kernel, second| enlarge(&picture, (8, 1), (8, 1), kernel, second).expect("a size");
        let (nearest, lanczos) = (of(Kernel::Nearest, None), of(Kernel::Lanczos, None));
        assert_eq!(of(Kernel::Nearest, Some((Kernel::Lanczos, 1.0))), lanczos);
        assert_eq!(of(Kernel::Nearest, Some((Kernel::Lanczos, 0.0))), nearest);
    }
}
