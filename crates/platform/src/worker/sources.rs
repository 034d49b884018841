//! The stored pictures a job needs: found, read within limits, and brought to the size that is drawn.

use std::sync::Arc;

use easel_blobs::Key;
use easel_engine::Engine;
use easel_imaging::{DecodeLimits, Decoded, decode, mask, resize_gray, resize_rgb};
use easel_types::{ControlUse, GenerationRequest, Task};

use super::Trouble;
use crate::{
    Platform, PlatformError,
    orders::{Drawing, Pictures, Source},
};

/// The pictures a drawing needs.
pub(super) async fn of(platform: &Platform, user_id: &str, drawing: &Drawing) -> Result<Pictures, Trouble> {
    let mut pictures = Pictures::default();
    if let Some(source) = &drawing.start {
        pictures.start = Some(read(platform, user_id, source).await?.rgb);
    }
    if let Some(source) = &drawing.mask {
        pictures.mask = Some(mask::of(&read(platform, user_id, source).await?));
    }
    for control in &drawing.controls {
        pictures.controls.push(Arc::new(read(platform, user_id, &control.image).await?.rgb));
    }
    Ok(pictures)
}

/// One of a user's stored pictures.
pub(super) async fn read(platform: &Platform, user_id: &str, source: &Source) -> Result<Decoded, Trouble> {
    let gone = || Trouble::refused("source_not_found", "a picture that the job starts from is not there any more");
    let key = match platform.images.key_of(user_id, source).await {
        Ok(key) => key,
        Err(PlatformError::NotFound(_)) => return Err(gone()),
        Err(error) => return Err(error.into()),
    };
    let key: Key = key.parse().map_err(|error: easel_blobs::BlobError| PlatformError::from(error))?;
    let limits = DecodeLimits::default();
    let bytes = match platform.blobs.read_all(&key, limits.bytes_max as u64).await {
        Err(easel_blobs::BlobError::NotFound) => return Err(gone()),
        read => read.map_err(PlatformError::from)?,
    };
    let decoded = blocking(move || decode(&bytes, &limits)).await?;
    decoded.map_err(|error| Trouble::refused("source_unusable", error.to_string()))
}

/// The request with its pictures at the size that will be drawn.
pub(super) async fn resized(engine: &Engine, request: GenerationRequest) -> Result<GenerationRequest, Trouble> {
    if request.task == Task::TextToImage && request.controls.is_empty() {
        return Ok(request);
    }
    let size = engine.output_size(&request)?;
    resized_to(request, size).await
}

/// The request with its pictures at this size.
pub(super) async fn resized_to(request: GenerationRequest, (width, height): (u32, u32)) -> Result<GenerationRequest, Trouble> {
    if request.task == Task::TextToImage && request.controls.is_empty() {
        return Ok(request);
    }
    blocking(move || {
        let task = match request.task {
            Task::TextToImage => Task::TextToImage,
            Task::ImageToImage { image, strength } => {
                Task::ImageToImage { image: Arc::new(resize_rgb(&image, width, height)?), strength }
            }
            Task::Inpaint { image, mask, strength } => Task::Inpaint {
                image: Arc::new(resize_rgb(&image, width, height)?),
                mask: Arc::new(resize_gray(&mask, width, height)?),
                strength,
            },
        };
        let fitted =
            |control: ControlUse| Ok(ControlUse { image: Arc::new(resize_rgb(&control.image, width, height)?), ..control });
        let controls = request.controls.into_iter().map(fitted).collect::<Result<_, Trouble>>()?;
        Ok(GenerationRequest { task, controls, width: Some(width), height: Some(height), ..request })
    })
    .await?
}

/// Work that takes a thread for a while.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a picture has panicked");
        Trouble::refused("internal_error", "the server has failed")
    })
}
