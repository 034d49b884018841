//! Pictures that bodies bring: bare base64, a data URL, or an address that is fetched within the rules for addresses from outside.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use easel_imaging::{DecodeLimits, Decoded, EncodeOptions, Format, ImagingError, PngLevel, encode, encode_with_alpha};
use easel_platform::PlatformError;
use easel_types::{Gray8, Rgb8};

use crate::{ApiError, AppState};

const DECODER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// In base64, for answers.
pub(super) const ENCODER: GeneralPurpose = base64::engine::general_purpose::STANDARD;

/// The file.
pub(super) async fn bytes(state: &AppState, field: &'static str, text: &str) -> Result<Bytes, ApiError> {
    let text = text.trim();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(state.platform.images.fetch(state.fetcher()?, text).await?);
    }
    let encoded = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(',').ok_or_else(|| invalid(field))?.1,
        None => text,
    };
    let decoded = if encoded.contains(char::is_whitespace) {
        DECODER.decode(encoded.split_whitespace().collect::<String>())
    } else {
        DECODER.decode(encoded)
    };
    decoded.map(Bytes::from).map_err(|_| invalid(field))
}

/// The picture, for somebody's drawing, once it was looked at.
pub(super) async fn read(state: &AppState, user_id: &str, field: &'static str, text: &str) -> Result<Decoded, ApiError> {
    let bytes = bytes(state, field, text).await?;
    state.platform.images.read_for(user_id, bytes).await.map_err(|error| unread(field, error))
}

/// The picture of a file that nothing is drawn from, or that is looked at when it is kept.
pub(super) async fn decoded(state: &AppState, field: &'static str, bytes: Bytes) -> Result<Decoded, ApiError> {
    state.platform.images.read(bytes).await.map_err(|error| unread(field, error))
}

/// How large pictures may be that are sent.
pub(super) fn limits(state: &AppState) -> DecodeLimits {
    state.platform.images.upload_limits().decode
}

/// What is transparent is laid on a colour.
pub(super) fn flattened(decoded: Decoded, background: [u8; 3]) -> Rgb8 {
    let Some(alpha) = decoded.alpha else { return decoded.rgb };
    let (width, height) = (alpha.width(), alpha.height());
    let colour = background.iter().copied().cycle().take(decoded.rgb.pixels().len()).collect();
    let under = Rgb8::new(width, height, colour);
    under.ok().and_then(|under| easel_imaging::repaint::blend(&decoded.rgb, &under, &alpha).ok()).unwrap_or(decoded.rgb)
}

/// A PNG file of a picture that is not kept.
pub(super) fn png(picture: &Rgb8, alpha: Option<&Gray8>) -> Result<Vec<u8>, ImagingError> {
    let options = EncodeOptions { png_level: PngLevel::Fast, ..EncodeOptions::new(Format::Png) };
    match alpha {
        Some(alpha) => encode_with_alpha(picture, alpha, &options),
        None => encode(picture, &options),
    }
}

/// Work that takes a thread for a while.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a picture has panicked");
        ApiError::internal()
    })
}

fn invalid(field: &str) -> ApiError {
    ApiError::invalid(field, "invalid_image", "Invalid encoded image: send base64, a data URL or an address")
}

fn unread(field: &str, error: PlatformError) -> ApiError {
    match error {
        PlatformError::Picture(why) => unusable(field, &why),
        error => error.into(),
    }
}

/// A picture that cannot be read is the client's mistake.
pub(super) fn unusable(field: &str, error: &ImagingError) -> ApiError {
    ApiError::invalid(field, "invalid_image", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_takes_the_colour() {
        let decoded = Decoded {
            rgb: Rgb8::new(3, 1, vec![10; 9]).expect("a size"),
            alpha: Some(Gray8::new(3, 1, vec![0, 255, 128]).expect("a size")),
            format: Format::Png,
        };
        assert_eq!(flattened(decoded.clone(), [255, 0, 110]).pixels(), [255, 0, 110, 10, 10, 10, 132, 5, 60]);
        assert_eq!(flattened(Decoded { alpha: None, ..decoded }, [255; 3]).pixels(), [10; 9]);
    }
}
