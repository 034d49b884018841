//! Embedded colour profiles to sRGB, so that a photograph keeps its colours when everything but its pixels is stripped.
//!
//! Only RGB profiles: those of grey and CMYK files describe values that the decoders have turned into RGB already.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Profiles of cameras and screens have a few kilobytes, of printers (which are not read) megabytes.
const PROFILE_MAX: usize = 1024 * 1024;

/// Changes the pixels, three bytes each, in place; a profile that cannot be used changes nothing.
pub(crate) fn to_srgb(pixels: &mut [u8], profile: &[u8]) {
    if profile.len() > PROFILE_MAX {
        return;
    }
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let options = TransformOptions::default();
    let Ok(transform) = profile.create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, options) else {
        return;
    };
    // A part at a time: the transform does not work in place.
    let mut part = vec![0; PART];
    for pixels in pixels.chunks_mut(PART) {
        let part = &mut part[..pixels.len()];
        if transform.transform(pixels, part).is_ok() {
            pixels.copy_from_slice(part);
        }
    }
}

/// Whole pixels, a few rows of a photograph.
const PART: usize = 3 * 16_384;
