//! The generation parameters of a file, wherever its format keeps them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use img_parts::{Bytes, DynImage, ImageEXIF};

use crate::{DecodeLimits, Format, ImagingError, PARAMETERS, exif, read_png_text};

/// The text that says how a picture was made: of PNG the chunk of that name, of JPEG and WebP the EXIF comment.
pub fn read_parameters(bytes: &[u8], limits: &DecodeLimits) -> Result<Option<String>, ImagingError> {
    if bytes.len() > limits.bytes_max {
        return Err(ImagingError::TooManyBytes { got: bytes.len(), max: limits.bytes_max });
    }
    match Format::sniff(bytes).ok_or(ImagingError::UnknownFormat)? {
        Format::Png => read_png_text(bytes, PARAMETERS, limits),
        Format::Jpeg | Format::Webp => {
            let file = Bytes::copy_from_slice(bytes);
            // Nothing of what the reader was doing is looked at afterwards.
            let read = catch_unwind(AssertUnwindSafe(|| DynImage::from_bytes(file)));
            let image = read.map_err(|_| ImagingError::Unreadable)?.map_err(|_| ImagingError::Unreadable)?;
            let block = image.and_then(|image| image.exif());
            Ok(block.and_then(|block| exif::read_user_comment(&block)))
        }
    }
}

#[cfg(test)]
mod tests {
    use easel_types::Rgb8;

    use super::*;
    use crate::{EncodeOptions, encode};

    #[test]
    fn every_format_gives_back_what_was_written() {
        let picture = Rgb8::new(8, 8, vec![90; 192]).expect("a size");
        let text = "a red circle, ein Kreis: 円\nSteps: 4, Sampler: Euler a, Seed: 1";
        for format in [Format::Png, Format::Jpeg, Format::Webp] {
            let options = EncodeOptions { parameters: Some(text), ..EncodeOptions::new(format) };
            let file = encode(&picture, &options).expect("a file");
            assert_eq!(read_parameters(&file, &DecodeLimits::default()), Ok(Some(text.to_owned())), "{format:?}");
            let without = encode(&picture, &EncodeOptions::new(format)).expect("a file");
            assert_eq!(read_parameters(&without, &DecodeLimits::default()), Ok(None), "{format:?}");
        }
        assert_eq!(read_parameters(b"GIF89a", &DecodeLimits::default()), Err(ImagingError::UnknownFormat));
    }
}
