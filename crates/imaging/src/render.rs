//! A drawn picture to all that is stored of it: the file, a thumbnail and a blurhash.
//!
//! Thumbnail and blurhash are made of the finished picture, so that a watermark is on both.

use easel_types::{Quality, Rgb8};

use crate::{EncodeOptions, Finish, Finisher, Format, ImagingError, Mark, blurhash, encode, thumbnail};

/// Thumbnails are small lossy WebP files, which every browser shows.
const THUMBNAIL_QUALITY: u8 = 80;

/// What is wanted of a picture.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions<'a> {
    /// How large it becomes.
    pub quality: Quality,
    /// The text of the visible mark; `None` draws none. See [`Mark::check`].
    pub mark: Option<&'a str>,
    /// How the file is written.
    pub encode: EncodeOptions<'a>,
    /// The thumbnail's long side in pixels.
    pub thumbnail_side: u32,
}

/// What is stored of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: Format,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// A WebP file.
    pub thumbnail: Vec<u8>,
    /// 28 characters.
    pub blurhash: String,
}

/// Enlarges, marks and writes a picture. A blocking thread's work: up to some seconds for 4K.
pub fn render(finisher: &Finisher, picture: &Rgb8, options: &RenderOptions<'_>) -> Result<Rendered, ImagingError> {
    let finish = Finish::quality(options.quality, picture.width(), picture.height());
    let mark = options.mark.map(|text| Mark::new(text, finish.width, finish.height)).transpose()?;
    let finished = finisher.finish(picture, &finish.marked(mark.as_ref()))?;
    let small = thumbnail(finisher, &finished, options.thumbnail_side)?;
    let lossy = EncodeOptions { lossless: false, quality: THUMBNAIL_QUALITY, ..EncodeOptions::new(Format::Webp) };
    Ok(Rendered {
        bytes: encode(&finished, &options.encode)?,
        format: options.encode.format,
        width: finished.width(),
        height: finished.height(),
        blurhash: blurhash(&small)?,
        thumbnail: encode(&small, &lossy)?,
    })
}
