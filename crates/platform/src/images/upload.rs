//! Pictures that people send, for jobs to start from: read within limits, written anew from their pixels, and kept for a while.

use bytes::Bytes;
use easel_blobs::{Blobs, FileKind, Folder, Key};
use easel_imaging::{
    DecodeLimits, Decoded, EncodeOptions, Finisher, Format, ImagingError, Ingested, Processor, THUMBNAIL_SIDE, decode, encode,
    ingest, thumbnail,
};
use easel_outbound::{Client, Limits, Request};
use easel_store::{
    Tx,
    awaited_uploads::{self, Awaited},
    images as stored,
    uploads::{self, Upload},
    user_limits,
    users::{self, User},
};
use easel_types::Rgb8;
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Images;
use crate::{
    Context, PlatformError,
    accounts::hex,
    run_time::Key as Setting,
    safety::{Guard, Looked},
};

const MEGABYTE: usize = 1024 * 1024;
/// Pictures that are read at a time: each takes [`DecodeLimits::memory_max`] at the worst.
static READING: Semaphore = Semaphore::const_new(2);

/// What is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// The largest picture.
    pub decode: DecodeLimits,
    /// How many one person may have.
    pub count_max: i64,
    /// How many are taken in at once.
    pub files_max: usize,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { decode: DecodeLimits { bytes_max: 10 * MEGABYTE, ..DecodeLimits::default() }, count_max: 100, files_max: 5 }
    }
}

impl Images {
    /// What is accepted: as the server was told, or as it was changed since.
    pub fn upload_limits(&self) -> UploadLimits {
        let changed = |key| self.catalogue.run_time().get(key).and_then(|value| usize::try_from(value).ok());
        let mut limits = self.limits;
        if let Some(megabytes) = changed(Setting::MaxFileSizeMb) {
            limits.decode.bytes_max = megabytes * MEGABYTE;
        }
        limits.files_max = changed(Setting::MaxFilesPerTask).unwrap_or(limits.files_max);
        limits
    }

    /// Takes a picture in.
    ///
    /// # Errors
    /// [`PlatformError::Picture`] says what is wrong with it; [`PlatformError::Limit`].
    pub async fn upload(&self, user: &User, bytes: Bytes) -> Result<Upload, PlatformError> {
        self.take_in(user, bytes, None).await
    }

    /// Reads a picture within the limits and writes it anew from its pixels, few at a time.
    pub(super) async fn judged(&self, bytes: Bytes) -> Result<Ingested, PlatformError> {
        let limits = self.upload_limits().decode;
        reading(move || ingest(&bytes, &limits)).await
    }

    /// Has a picture looked at before it is kept, where somebody looks.
    ///
    /// # Errors
    /// [`PlatformError::ContentBlocked`], [`PlatformError::LookUnavailable`].
    pub(super) async fn look(&self, user_id: &str, picture: Rgb8, sha256: &str) -> Result<(), PlatformError> {
        let Some(guard) = self.guard.as_ref().filter(|guard| guard.looks_at_pictures()) else { return Ok(()) };
        let small = reading(move || {
            let small = thumbnail(&Finisher::new(Processor::Cpu), &picture, THUMBNAIL_SIDE)?;
            encode(&small, &EncodeOptions { lossless: false, ..EncodeOptions::new(Format::Webp) })
        });
        let small = small.await?;
        guard.look(Looked { user_id, job_id: None, small: &small, sha256 }).await?;
        Ok(())
    }

    /// Takes a picture in; one that was awaited takes that one's place, once.
    pub(super) async fn take_in(&self, user: &User, bytes: Bytes, awaited: Option<&Awaited>) -> Result<Upload, PlatformError> {
        let Ingested { bytes, format, rgb, .. } = self.judged(bytes).await?;
        let (bytes, width, height) = (Bytes::from(bytes), rgb.width(), rgb.height());
        let sha256 = hex(&Sha256::digest(&bytes));
        self.look(&user.id, rgb, &sha256).await?;
        let key = random_key(&self.context, Folder::Input, kind_of(format));
        let now = self.context.now();
        let upload = Upload {
            id: awaited.map_or_else(|| self.context.ids.next(now), |awaited| awaited.id.clone()),
            user_id: user.id.clone(),
            storage_key: key.as_str().to_owned(),
            sha256,
            bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            width: i64::from(width),
            height: i64::from(height),
            format: format.name().to_owned(),
            created_at: now,
        };
        // The file first: a row without one would be a promise; a file without a row is found by the check.
        self.blobs.put(&key, bytes).await?;
        if let Err(error) = self.note_upload(user, &upload, awaited).await {
            self.blobs.delete(&key).await?;
            return Err(error);
        }
        Ok(upload)
    }

    /// The bytes of a picture at an address that somebody names. The address is judged by the client, each redirect again.
    ///
    /// # Errors
    /// [`PlatformError::Outbound`] says why there is no picture at the address.
    pub async fn fetch(&self, client: &Client, url: &str) -> Result<Bytes, PlatformError> {
        let max = self.upload_limits().decode.bytes_max;
        let limits = Limits { bytes_max: u64::try_from(max).unwrap_or(u64::MAX), ..*client.limits() };
        let request = Request { limits: Some(limits), ..Request::get(url) };
        Ok(client.fetch_image_by(request).await?.bytes)
    }

    /// Reads a picture that one of somebody's drawings starts from and that is not kept, and has it looked at as one that is.
    ///
    /// # Errors
    /// [`PlatformError::Picture`] says what is wrong with it; [`PlatformError::ContentBlocked`], [`PlatformError::LookUnavailable`].
    pub async fn read_for(&self, user_id: &str, bytes: Bytes) -> Result<Decoded, PlatformError> {
        let decoded = self.read(bytes.clone()).await?;
        if self.guard.as_ref().is_some_and(Guard::looks_at_pictures) {
            self.look(user_id, decoded.rgb.clone(), &hex(&Sha256::digest(&bytes))).await?;
        }
        Ok(decoded)
    }

    /// Reads a picture that nothing is drawn from and that is not kept: nobody looks at it.
    ///
    /// # Errors
    /// [`PlatformError::Picture`] says what is wrong with it.
    pub async fn read(&self, bytes: Bytes) -> Result<Decoded, PlatformError> {
        let limits = self.upload_limits().decode;
        reading(move || decode(&bytes, &limits)).await
    }

    async fn note_upload(&self, user: &User, upload: &Upload, awaited: Option<&Awaited>) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, &user.id).await?.ok_or(PlatformError::NotFound("user"))?;
        if let Some(awaited) = awaited
            && !awaited_uploads::delete(&mut tx, &awaited.id).await?
        {
            return Err(PlatformError::Arrived);
        }
        self.check_room(&mut tx, user, upload.bytes).await?;
        uploads::insert(&mut tx, upload).await?;
        Ok(tx.commit().await?)
    }

    /// Whether one more of so many bytes may come, those that are awaited counted. The user's row is locked.
    pub(super) async fn check_room(&self, tx: &mut Tx, user: &User, bytes: i64) -> Result<(), PlatformError> {
        let now = self.context.now();
        let (count, sent) = uploads::totals_of_user(tx, &user.id).await?;
        let (awaited, announced) = awaited_uploads::totals_of_user(tx, &user.id, now).await?;
        let max = self.limits.count_max;
        if count.saturating_add(awaited) >= max {
            return Err(PlatformError::Limit { code: "too_many_uploads", what: "pictures sent", max });
        }
        let own = user_limits::of_user_in(tx, &user.id).await?.unwrap_or_default();
        if let Some(max) = own.storage_bytes_max.or(self.catalogue.of(user, now).storage_bytes_max) {
            let stored = stored::bytes_of_user(tx, &user.id).await?;
            if [sent, announced, bytes].into_iter().fold(stored, i64::saturating_add) > max {
                return Err(PlatformError::Limit { code: "storage_quota_exceeded", what: "bytes of stored pictures", max });
            }
        }
        Ok(())
    }

    /// One of somebody's.
    pub async fn get_upload(&self, user_id: &str, id: &str) -> Result<Upload, PlatformError> {
        if !super::is_id(id) {
            return Err(PlatformError::NotFound("upload"));
        }
        let upload = uploads::of_user_by_id(&self.context.db, user_id, id).await?;
        upload.ok_or(PlatformError::NotFound("upload"))
    }

    /// Somebody's, newest first.
    pub async fn uploads(&self, user_id: &str) -> Result<Vec<Upload>, PlatformError> {
        Ok(uploads::of_user(&self.context.db, user_id, self.limits.count_max).await?)
    }

    /// Removes one of somebody's.
    pub async fn delete_upload(&self, user_id: &str, id: &str) -> Result<(), PlatformError> {
        let upload = self.get_upload(user_id, id).await?;
        remove(&self.context, &self.blobs, &upload).await
    }
}

/// Reads a picture on a thread that may block, a few at a time.
async fn reading<T: Send + 'static>(read: impl FnOnce() -> Result<T, ImagingError> + Send + 'static) -> Result<T, PlatformError> {
    let permit = READING.acquire().await.expect("the semaphore is never closed. This is a bug.");
    let reading = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        read()
    });
    let read = reading.await.map_err(|error| PlatformError::Settings(format!("reading a picture has panicked: {error}")))?;
    Ok(read?)
}

/// Removes one, the file first: a file whose row is gone would be found by nobody.
pub(crate) async fn remove(context: &Context, blobs: &Blobs, upload: &Upload) -> Result<(), PlatformError> {
    if let Ok(key) = upload.storage_key.parse::<Key>() {
        blobs.delete(&key).await?;
    }
    let mut tx = context.db.begin().await?;
    uploads::delete(&mut tx, &upload.id).await?;
    Ok(tx.commit().await?)
}

pub(crate) fn random_key(context: &Context, folder: Folder, kind: FileKind) -> Key {
    let mut seed = [0; 32];
    context.secrets.fill(&mut seed);
    Key::random(folder, kind, &mut StdRng::from_seed(seed))
}

pub(super) fn kind_of(format: Format) -> FileKind {
    match format {
        Format::Png => FileKind::Png,
        Format::Jpeg => FileKind::Jpeg,
        Format::Webp => FileKind::Webp,
    }
}
