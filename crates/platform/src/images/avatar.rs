//! Pictures of people: the middle of what somebody sends or has, as a square, and smaller ones made of that as they are asked for.

use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, ImagingError, decode, encode, resize_rgb};
use easel_store::{identities, profiles, users};
use easel_types::{Gray8, Rgb8};
use sha2::{Digest, Sha256};

use super::{Images, upload};
use crate::{PlatformError, accounts::hex, orders::Source, safety::Guard};

/// Sides that are given, in pixels. The last is what is kept.
pub const AVATAR_SIDES: [u32; 3] = [64, 128, 256];
/// The side of what is kept.
const SIDE: u32 = 256;
/// Of a JPEG; at these sizes no difference is seen.
const QUALITY: u8 = 90;
/// What is kept is far smaller.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What somebody has drawn may be larger than what may be sent.
const SOURCE_MAX: u64 = 256 * 1024 * 1024;

/// A picture of somebody as their identity provider has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elsewhere<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// What they log in with there.
    pub identity_id: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// The file that came from there before, which is to be theirs still.
    pub instead_of: Option<&'a str>,
}

impl Images {
    /// Another picture of somebody. Nothing of the file is kept but the middle of its pixels.
    ///
    /// # Errors
    /// [`PlatformError::Picture`] says what is wrong with it.
    pub async fn set_avatar(&self, user_id: &str, bytes: Bytes) -> Result<(), PlatformError> {
        let judged = self.judged(bytes).await?;
        self.keep_avatar(user_id, judged.rgb, judged.alpha).await
    }

    /// A picture of somebody from one of their stored ones.
    pub async fn set_avatar_from(&self, user_id: &str, source: &Source) -> Result<(), PlatformError> {
        let key: Key = self.key_of(user_id, source).await?.parse()?;
        let bytes = self.blobs.read_all(&key, SOURCE_MAX).await?;
        let decoded = on_its_own(move || decode(&bytes, &DecodeLimits::default())).await?;
        self.keep_avatar(user_id, decoded.rgb, decoded.alpha).await
    }

    /// Removes the picture of somebody; there may be none.
    pub async fn remove_avatar(&self, user_id: &str) -> Result<(), PlatformError> {
        self.exchange_avatar(user_id, None).await
    }

    /// Where the picture of somebody is who has one and is to be seen.
    pub async fn avatar(&self, viewer_id: Option<&str>, username: &str) -> Result<Key, PlatformError> {
        let none = || PlatformError::NotFound("picture of them");
        if username.contains('\0') {
            return Err(none());
        }
        let among = self.division.seen_by(&self.context.db, viewer_id).await?;
        let profile = profiles::by_username(&self.context.db, username, &among).await?;
        Ok(profile.ok_or_else(none)?.avatar_key.ok_or_else(none)?.parse()?)
    }

    /// A picture of somebody with one of the [sides](AVATAR_SIDES), as a JPEG.
    pub async fn avatar_of_side(&self, key: &Key, side: u32) -> Result<Bytes, PlatformError> {
        let bytes = self.blobs.read_all(key, BYTES_MAX).await?;
        if side >= SIDE {
            return Ok(bytes);
        }
        let smaller = move || jpeg(&resize_rgb(&decode(&bytes, &DecodeLimits::default())?.rgb, side, side)?);
        Ok(on_its_own(smaller).await?.into())
    }

    async fn keep_avatar(&self, user_id: &str, rgb: Rgb8, alpha: Option<Gray8>) -> Result<(), PlatformError> {
        let made = self.square(user_id, rgb, alpha).await?;
        let key = upload::random_key(&self.context, Folder::Avatar, FileKind::Jpeg);
        self.blobs.put(&key, made).await?;
        if let Err(error) = self.exchange_avatar(user_id, Some(&key)).await {
            self.blobs.delete(&key).await?;
            return Err(error);
        }
        Ok(())
    }

    /// What is kept of a picture that may be, as a file.
    async fn square(&self, user_id: &str, rgb: Rgb8, alpha: Option<Gray8>) -> Result<Bytes, PlatformError> {
        if self.guard.as_ref().is_some_and(Guard::looks_at_pictures) {
            self.look(user_id, rgb.clone(), &hex(&Sha256::digest(rgb.pixels()))).await?;
        }
        Ok(on_its_own(move || jpeg(&resize_rgb(&middle(&rgb, alpha.as_ref())?, SIDE, SIDE)?)).await?.into())
    }

    /// Puts a picture from elsewhere in the place of the one that came from there before. Nothing is done where it is the same, or where its owner
    /// has chosen another meanwhile.
    ///
    /// # Errors
    /// [`PlatformError::Picture`] says what is wrong with it; [`PlatformError::ContentBlocked`], [`PlatformError::LookUnavailable`].
    pub(crate) async fn follow_avatar(&self, from: Elsewhere<'_>, bytes: Bytes) -> Result<(), PlatformError> {
        let judged = self.judged(bytes).await?;
        let made = self.square(from.user_id, judged.rgb, judged.alpha).await?;
        let before = from.instead_of.and_then(|key| key.parse::<Key>().ok());
        if let Some(before) = &before
            && self.blobs.read_all(before, BYTES_MAX).await.is_ok_and(|kept| kept == made)
        {
            return Ok(());
        }
        let key = upload::random_key(&self.context, Folder::Avatar, FileKind::Jpeg);
        self.blobs.put(&key, made).await?;
        let noted = self.note_followed(from, &key).await;
        if !matches!(noted, Ok(true)) {
            self.blobs.delete(&key).await?;
            return noted.map(|_| ());
        }
        if let Some(before) = before {
            self.blobs.delete(&before).await?;
        }
        Ok(())
    }

    /// Whether the one to be replaced was theirs still.
    async fn note_followed(&self, from: Elsewhere<'_>, key: &Key) -> Result<bool, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, from.user_id).await?;
        if user.is_none_or(|user| user.avatar_key.as_deref() != from.instead_of) {
            return Ok(false);
        }
        if profiles::set_avatar(&mut tx, from.user_id, self.context.now(), Some(key.as_str())).await?.is_none() {
            return Ok(false);
        }
        identities::pictured(&mut tx, from.identity_id, from.url, key.as_str()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The row first: it must name no file that is gone. A file that nobody names is found by the check.
    async fn exchange_avatar(&self, user_id: &str, key: Option<&Key>) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let before = profiles::set_avatar(&mut tx, user_id, self.context.now(), key.map(Key::as_str)).await?;
        let before = before.ok_or(PlatformError::NotFound("user"))?;
        tx.commit().await?;
        if let Some(Ok(before)) = before.map(|before| before.parse::<Key>()) {
            self.blobs.delete(&before).await?;
        }
        Ok(())
    }
}

/// Work on pixels, away from the async threads.
async fn on_its_own<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImagingError> + Send + 'static,
) -> Result<T, PlatformError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| PlatformError::Settings(format!("making a small picture has panicked: {error}")))?;
    Ok(done?)
}

fn jpeg(picture: &Rgb8) -> Result<Vec<u8>, ImagingError> {
    encode(picture, &EncodeOptions { quality: QUALITY, ..EncodeOptions::new(Format::Jpeg) })
}

/// The largest square in the middle, on white where nothing is.
fn middle(picture: &Rgb8, alpha: Option<&Gray8>) -> Result<Rgb8, ImagingError> {
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let mut pixels = Vec::with_capacity(side as usize * side as usize * Rgb8::CHANNELS);
    for y in top..top + side {
        for x in left..left + side {
            let at = y as usize * picture.width() as usize + x as usize;
            let opaque = alpha.map_or(255, |alpha| u32::from(alpha.pixels()[at]));
            let over_white = |value: &u8| ((u32::from(*value) * opaque + 255 * (255 - opaque) + 127) / 255) as u8;
            pixels.extend(picture.pixels()[at * Rgb8::CHANNELS..][..Rgb8::CHANNELS].iter().map(over_white));
        }
    }
    Ok(Rgb8::new(side, side, pixels)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_taken_and_what_is_transparent_is_white() {
        let pixels = (0..5_u8).flat_map(|x| [x * 10; 3]).collect::<Vec<_>>();
        let wide = Rgb8::new(5, 1, pixels.clone()).unwrap();
        assert_eq!(middle(&wide, None).unwrap().pixels(), [20, 20, 20]);
        let high = Rgb8::new(1, 5, pixels).unwrap();
        let alpha = |value| Gray8::new(1, 5, vec![value; 5]).unwrap();
        assert_eq!(middle(&high, Some(&alpha(0))).unwrap().pixels(), [255; 3]);
        assert_eq!(middle(&high, Some(&alpha(255))).unwrap().pixels(), [20; 3]);
        assert_eq!(middle(&high, Some(&alpha(51))).unwrap().pixels(), [208; 3]);
    }
}
