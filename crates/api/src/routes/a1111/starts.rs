//! What the pictures of a round start from: noise, one picture that was sent, or each its own.

use std::sync::Arc;

use easel_imaging::{
    ImagingError,
    repaint::{Region, crop},
};
use easel_types::{FromPicture, Gray8, LatentScaling, Rgb8, Task};

use super::pictures::{self, blocking};
use crate::{
    ApiError, AppState,
    compat::a1111::{
        repaint::{self, PutBack, Sent},
        request::{Asked, Start},
    },
};

/// What a picture starts from.
pub(super) struct Begin {
    pub(super) task: Task,
    /// How what is drawn is put back into it.
    pub(super) back: Option<PutBack>,
    /// The picture whose latents are resized, if they are.
    pub(super) encoded: Option<FromPicture>,
}

/// One for all pictures of a round or one for each, and the first that was sent.
pub(super) async fn of(
    state: &AppState,
    user_id: &str,
    asked: &Asked,
    size: (u32, u32),
) -> Result<(Vec<Begin>, Option<Arc<Rgb8>>), ApiError> {
    let Start::Picture { images, mask, .. } = &asked.from else {
        return Ok((vec![Begin { task: Task::TextToImage, back: None, encoded: None }], None));
    };
    let mask = match mask {
        Some(mask) => Some(pictures::read(state, user_id, "mask", mask).await?).map(|mask| (mask.rgb, mask.alpha)),
        None => None,
    };
    let (mut starts, mut first) = (Vec::with_capacity(images.len()), None);
    for image in images {
        let image = pictures::read(state, user_id, "init_images", image).await?;
        let image = pictures::flattened(image, asked.options.background);
        starts.push(begin(state, asked, &image, mask.clone(), size).await?);
        first.get_or_insert_with(|| Arc::new(image));
    }
    Ok((starts, first))
}

/// Of a picture that was sent, at the size that is drawn.
async fn begin(
    state: &AppState,
    asked: &Asked,
    image: &Rgb8,
    mask: Option<(Rgb8, Option<Gray8>)>,
    size: (u32, u32),
) -> Result<Begin, ApiError> {
    let Start::Picture { repaint, fit, in_latents, strength, .. } = &asked.from else { return Err(ApiError::internal()) };
    let (fit, repaint, strength, sent) = (*fit, *repaint, *strength, Sent { image: image.clone(), mask });
    let ready = blocking(move || repaint::start(sent, fit, repaint, strength, size)).await?;
    let (task, back) = ready.map_err(|error| pictures::unusable("init_images", &error))?;
    let mut encoded = None;
    if *in_latents && back.is_none() && asked.options.missing.is_none() {
        let model = state.engine.find_model(asked.generation.model.as_ref())?;
        let image = whole_latents(image, model.size_multiple);
        let image = Arc::new(image.map_err(|error| pictures::unusable("init_images", &error))?);
        encoded = Some(FromPicture { image, scaling: LatentScaling::Bilinear });
    }
    Ok(Begin { task, back, encoded })
}

/// What of a picture is whole latents; as in A1111, where the autoencoder leaves the rest out.
fn whole_latents(image: &Rgb8, multiple: u32) -> Result<Rgb8, ImagingError> {
    let side = |pixels: u32| pixels / multiple.max(1) * multiple.max(1);
    crop(image, Region { x: 0, y: 0, width: side(image.width()), height: side(image.height()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_whole_latent_is_left_out() {
        let picture = Rgb8::new(20, 17, (0..20 * 17 * 3).map(|i| i as u8).collect()).expect("a size");
        let whole = whole_latents(&picture, 8).expect("two by two latents");
        assert_eq!((whole.width(), whole.height(), &whole.pixels()[..48]), (16, 16, &picture.pixels()[..48]));
        assert_eq!(&whole.pixels()[48..51], &picture.pixels()[60..63], "the second row");
        assert!(whole_latents(&picture, 32).is_err(), "there is none");
    }
}
