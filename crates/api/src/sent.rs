//! Pictures that come with a request that is drawn at once: read within the limits of uploads, brought to the size that is drawn, and not kept.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use easel_imaging::{
    Decoded, ImagingError,
    canny::{canny, in_rgb},
    mask, resize_gray, resize_rgb,
};
use easel_platform::PlatformError;
use easel_types::{ControlBalance, ControlUse, GenerationRequest, Gray8, Task};

use crate::{
    ApiError, AppState,
    compat::openai::control::ControlAsked,
    ordering::{Ratio, check_sides, size_elsewhere},
};

/// What is an edge: thresholds that A1111's extension and diffusers' examples have.
const LOW: u32 = 100;
const HIGH: u32 = 200;

/// A picture as it was sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The file.
    File(Bytes),
    /// A data URL, an address, or the file in base64.
    Text(String),
}

impl Sent {
    /// Reads it for somebody's drawing, once it was looked at. `param` is the field that is to blame.
    pub(crate) async fn read(self, state: &AppState, user_id: &str, param: &str) -> Result<Decoded, ApiError> {
        let images = &state.platform.images;
        let bytes = match self {
            Self::File(bytes) => bytes,
            Self::Text(text) if is_address(&text) => images.fetch(state.fetcher()?, text.trim()).await?,
            Self::Text(text) => decoded(&text, param)?,
        };
        images.read_for(user_id, bytes).await.map_err(|error| match error {
            PlatformError::Picture(why) => ApiError::invalid(param, "picture_invalid", why.to_string()),
            error => error.into(),
        })
    }
}

fn is_address(text: &str) -> bool {
    let text = text.trim_start().as_bytes();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins(b"https://") || begins(b"http://")
}

/// The bytes of a data URL, or of base64 alone.
fn decoded(text: &str, param: &str) -> Result<Bytes, ApiError> {
    let wrong = || ApiError::invalid(param, "picture_invalid", format!("`{param}` is no file, address or base64 of a picture"));
    let text = text.trim();
    let base64 = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,").ok_or_else(wrong)?.1,
        None => text,
    };
    BASE64.decode(base64.trim()).map(Bytes::from).map_err(|_| wrong())
}

/// What of a picture is repainted, white in the answer: what the mask says, which must have its size; without one, what of the picture itself
/// is transparent, if anything is.
pub(crate) fn repainted(picture: &Decoded, mask: Option<&Decoded>) -> Result<Option<Gray8>, ApiError> {
    let Some(mask) = mask else {
        let transparent = picture.alpha.as_ref().filter(|alpha| alpha.pixels().contains(&0));
        return Ok(transparent.map(mask::from_alpha));
    };
    let size = |picture: &Decoded| (picture.rgb.width(), picture.rgb.height());
    let (picture, sent) = (size(picture), size(mask));
    if picture != sent {
        let message = format!("`mask` must have the size of `image`, {}x{}, got {}x{}", picture.0, picture.1, sent.0, sent.1);
        return Err(ApiError::invalid("mask", "invalid_size", message));
    }
    Ok(Some(mask::of(mask)))
}

/// What ControlNets look at, as it was sent or as its edges.
pub(crate) async fn seen(state: &AppState, user_id: &str, asked: Vec<ControlAsked>) -> Result<Vec<ControlUse>, ApiError> {
    let mut controls = Vec::with_capacity(asked.len());
    for control in asked {
        let ControlAsked { model, image, weight, start, end, edges } = control;
        let picture = Sent::Text(image).read(state, user_id, "controlnet").await?.rgb;
        let picture = if edges { blocking(move || in_rgb(&canny(&picture, LOW, HIGH))).await? } else { picture };
        controls.push(ControlUse { model, image: Arc::new(picture), weight, start, end, balance: ControlBalance::default() });
    }
    Ok(controls)
}

/// A request that brings pictures, with them at the size that is drawn: as asked for, else as many pixels as the model draws best in the shape
/// of the picture it starts from, or of the first that a ControlNet looks at.
pub(crate) async fn fitted(state: &AppState, mut request: GenerationRequest) -> Result<GenerationRequest, ApiError> {
    let start = match &request.task {
        Task::ImageToImage { image, .. } | Task::Inpaint { image, .. } => Some(image),
        Task::TextToImage => None,
    };
    let Some(image) = start.or(request.controls.first().map(|control| &control.image)) else { return Ok(request) };
    if request.width.is_none() && request.height.is_none() {
        let model = state.engine.find_model(request.model.as_ref())?;
        let area = u64::from(model.width) * u64::from(model.height);
        let (width, height) = Ratio::of(image.width(), image.height()).within(area, model.size_multiple);
        (request.width, request.height) = (Some(width), Some(height));
    }
    let (width, height) = state.engine.output_size(&request)?;
    blocking(move || resized(request, width, height)).await?
}

/// The same for a model that is not here: the picture it starts from in its own shape, with as many pixels as others draw best.
pub(crate) async fn fitted_elsewhere(mut request: GenerationRequest) -> Result<GenerationRequest, ApiError> {
    let (Task::ImageToImage { image, .. } | Task::Inpaint { image, .. }) = &request.task else { return Ok(request) };
    if request.width.is_none() && request.height.is_none() {
        let (width, height) = size_elsewhere(&request);
        let shaped = Ratio::of(image.width(), image.height()).within(u64::from(width) * u64::from(height), 8);
        (request.width, request.height) = (Some(shaped.0), Some(shaped.1));
    }
    let (width, height) = size_elsewhere(&request);
    check_sides([width, height])?;
    blocking(move || resized(request, width, height)).await?
}

/// Work that takes a thread for a while.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a picture has panicked");
        ApiError::internal()
    })
}

fn resized(request: GenerationRequest, width: u32, height: u32) -> Result<GenerationRequest, ApiError> {
    let size = |error: ImagingError| ApiError::invalid("image", "picture_invalid", error.to_string());
    let task = match request.task {
        Task::TextToImage => Task::TextToImage,
        Task::ImageToImage { image, strength } => {
            Task::ImageToImage { image: Arc::new(resize_rgb(&image, width, height).map_err(size)?), strength }
        }
        Task::Inpaint { image, mask, strength } => Task::Inpaint {
            image: Arc::new(resize_rgb(&image, width, height).map_err(size)?),
            mask: Arc::new(resize_gray(&mask, width, height).map_err(size)?),
            strength,
        },
    };
    let fit = |control: ControlUse| {
        let image = Arc::new(resize_rgb(&control.image, width, height).map_err(size)?);
        Ok(ControlUse { image, ..control })
    };
    let controls = request.controls.into_iter().map(fit).collect::<Result<_, ApiError>>()?;
    Ok(GenerationRequest { task, controls, width: Some(width), height: Some(height), ..request })
}

#[cfg(test)]
mod tests {
    use easel_imaging::Format;
    use easel_types::Rgb8;

    use super::*;

    fn picture(width: u32, alpha: Option<Vec<u8>>) -> Decoded {
        let rgb = Rgb8::new(width, 1, vec![0; width as usize * Rgb8::CHANNELS]).unwrap();
        Decoded { rgb, alpha: alpha.map(|alpha| Gray8::new(width, 1, alpha).unwrap()), format: Format::Png }
    }

    #[test]
    fn what_is_transparent_is_repainted() {
        let plain = picture(2, None);
        assert_eq!(repainted(&plain, None), Ok(None));
        assert_eq!(repainted(&picture(2, Some(vec![255, 9])), None), Ok(None), "nothing is fully transparent");
        let holes = picture(2, Some(vec![0, 255]));
        let white = |mask: Result<Option<Gray8>, ApiError>| mask.unwrap().unwrap().pixels().to_vec();
        assert_eq!(white(repainted(&holes, None)), [255, 0]);
        assert_eq!(white(repainted(&plain, Some(&holes))), [255, 0]);
        assert_eq!(white(repainted(&holes, Some(&plain))), [0, 0], "a mask counts more than the picture");
        let error = repainted(&plain, Some(&picture(3, None))).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), ("invalid_size", 400));
    }

    #[test]
    fn base64_comes_with_and_without_a_prefix() {
        for text in ["data:image/png;base64,AQI=", "AQI=", " AQI=\n"] {
            assert_eq!(decoded(text, "image").unwrap().as_ref(), [1, 2], "{text:?}");
        }
        for text in ["data:image/png,AQI=", "file:///etc/passwd", "é"] {
            assert_eq!(decoded(text, "image").unwrap_err().code(), "picture_invalid", "{text:?}");
        }
        assert!(
            is_address("https://example.org/a.png")
                && is_address(" HTTP://x.example/")
                && is_address("http://①")
                && !is_address("data:http://")
        );
    }
}
