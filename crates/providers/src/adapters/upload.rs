//! The pictures that work starts from, as files to send.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use easel_imaging::{EncodeOptions, encode, encode_with_alpha};
use easel_outbound::Format;
use easel_types::{Gray8, Rgb8, Task};

use crate::{Accepted, FailureClass, ProviderError, wire::Wire};

/// How a mask says what is drawn anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaskStyle {
    /// White is drawn anew.
    White,
    /// What is transparent is drawn anew (OpenAI).
    Transparent,
}

/// The files of a task.
#[derive(Clone, Default)]
pub(crate) struct Files {
    pub image: Option<Bytes>,
    pub mask: Option<Bytes>,
}

/// Writes a task's pictures as PNG, away from the threads that wait for the network.
pub(crate) async fn files(wire: &Wire, task: &Task, style: MaskStyle) -> Result<Files, ProviderError> {
    let (image, mask) = match task {
        Task::TextToImage => return Ok(Files::default()),
        Task::ImageToImage { image, .. } => (image.clone(), None),
        Task::Inpaint { image, mask, .. } => (image.clone(), Some(mask.clone())),
    };
    let writing = tokio::task::spawn_blocking(move || write(&image, mask, style)).await;
    writing.ok().flatten().ok_or_else(|| wire.failure(FailureClass::UserError, Accepted::No, "bad_picture"))
}

fn write(image: &Rgb8, mask: Option<Arc<Gray8>>, style: MaskStyle) -> Option<Files> {
    let options = EncodeOptions::new(Format::Png);
    let image_file = encode(image, &options).ok()?;
    let mask_file = match mask {
        None => None,
        Some(mask) => Some(write_mask(image, &mask, style, &options)?.into()),
    };
    Some(Files { image: Some(image_file.into()), mask: mask_file })
}

fn write_mask(image: &Rgb8, mask: &Gray8, style: MaskStyle, options: &EncodeOptions<'_>) -> Option<Vec<u8>> {
    // As large as the picture: providers insist on it.
    let mask = easel_imaging::resize_gray(mask, image.width(), image.height()).ok()?;
    match style {
        MaskStyle::White => {
            let pixels = mask.pixels().iter().flat_map(|&grey| [grey; 3]).collect();
            encode(&Rgb8::new(mask.width(), mask.height(), pixels).ok()?, options).ok()
        }
        MaskStyle::Transparent => {
            let opaque = mask.pixels().iter().map(|&grey| 255 - grey).collect();
            let opaque = Gray8::new(mask.width(), mask.height(), opaque).ok()?;
            encode_with_alpha(image, &opaque, options).ok()
        }
    }
}

/// A PNG file as base64.
pub(crate) fn base64(file: &Bytes) -> String {
    STANDARD.encode(file)
}

/// A PNG file as a `data:` address.
pub(crate) fn data_url(file: &Bytes) -> String {
    format!("data:image/png;base64,{}", base64(file))
}
