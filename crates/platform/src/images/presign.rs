//! Pictures that go to the storage itself: an address that is good for an hour, and what came there judged before anything may use it.
//!
//! S3, Google and Azure take the bytes themselves; for a local folder the address is a route of ours. Nobody has looked at what lies there, so
//! it lies apart, under a key that only the address names, until its owner says that it has arrived: then it is read within the limits and
//! written anew like any other, and becomes an upload of the id that was told with the address. Saying so again changes nothing. What is not
//! asked for within a day is removed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use easel_blobs::{Access, BlobError, Blobs, Folder, Grant, Key, Put, UploadAddress};
use easel_imaging::Format;
use easel_store::{
    Timestamp,
    awaited_uploads::{self, Awaited},
    uploads::Upload,
    users::{self, User},
};

use super::{Images, is_id, upload};
use crate::{Context, PlatformError};

/// How long an address is good for.
const VALID: Duration = Duration::from_secs(3600);

/// An address to send a picture to.
#[derive(Debug, Clone)]
pub struct Presigned {
    /// What the upload will be called.
    pub id: String,
    /// Where the bytes go, and with which headers.
    pub address: UploadAddress,
    /// When the address ends.
    pub expires_at: Timestamp,
}

/// What an address of ours awaits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    key: Key,
    /// Exactly so many bytes.
    pub size: u64,
}

impl Expected {
    /// The type the bytes must be sent as.
    pub fn media_type(&self) -> &'static str {
        self.key.kind().media_type()
    }
}

impl Images {
    /// An address to send a picture of this many bytes to. `here` is where this server answers addresses of its own.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for a size that no picture may have; [`PlatformError::Limit`].
    pub async fn presign(&self, user: &User, format: Format, size: u64, here: &str) -> Result<Presigned, PlatformError> {
        let max = u64::try_from(self.upload_limits().decode.bytes_max).unwrap_or(u64::MAX);
        let bytes = i64::try_from(size).ok().filter(|_| (1..=max).contains(&size));
        let bytes = bytes.ok_or(PlatformError::Invalid { field: "size", problem: "is none that a picture may have" })?;
        let now = self.context.now();
        let key = upload::random_key(&self.context, Folder::Temp, upload::kind_of(format));
        let address = self.blobs.reached_at(here)?.sign_put(&key, size, VALID, time_of(now)).await?;
        let awaited = Awaited {
            id: self.context.ids.next(now),
            user_id: user.id.clone(),
            storage_key: key.as_str().to_owned(),
            bytes,
            created_at: now,
            expires_at: now.after(VALID),
        };
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, &user.id).await?.ok_or(PlatformError::NotFound("user"))?;
        self.check_room(&mut tx, user, bytes).await?;
        awaited_uploads::insert(&mut tx, &awaited).await?;
        tx.commit().await?;
        Ok(Presigned { id: awaited.id, address, expires_at: awaited.expires_at })
    }

    /// What is to be sent to an address of ours: the part behind its base, and its query.
    ///
    /// # Errors
    /// [`BlobError::Signature`] for an address that is none of ours or no longer waited for, [`BlobError::Expired`].
    pub async fn expected(&self, path: &str, query: &str) -> Result<Expected, PlatformError> {
        let granted = self.blobs.verify("PUT", path, query, time_of(self.context.now()))?;
        let Grant { key, access: Access::Put { size } } = granted else { return Err(BlobError::Signature.into()) };
        if awaited_uploads::by_key(&self.context.db, key.as_str()).await?.is_none() {
            return Err(BlobError::Signature.into());
        }
        Ok(Expected { key, size })
    }

    /// Keeps what was sent there until its owner asks for it.
    ///
    /// # Errors
    /// [`PlatformError::Arrived`] if something was sent before: nothing is exchanged once it may have been judged.
    pub async fn arrived(&self, expected: &Expected, bytes: Bytes) -> Result<(), PlatformError> {
        if bytes.len() as u64 != expected.size {
            return Err(PlatformError::Invalid { field: "body", problem: "has another size than was announced" });
        }
        match self.blobs.put(&expected.key, bytes).await? {
            Put::Written => Ok(()),
            Put::Present => Err(PlatformError::Arrived),
        }
    }

    /// Judges what was sent and makes it an upload. Doing it again returns the same one.
    ///
    /// # Errors
    /// Those of [`Images::upload`]; [`PlatformError::NotArrived`]. What is no picture is removed.
    pub async fn complete_upload(&self, user: &User, id: &str) -> Result<Upload, PlatformError> {
        if !is_id(id) {
            return Err(PlatformError::NotFound("upload"));
        }
        let Some(awaited) = awaited_uploads::of_user_by_id(&self.context.db, &user.id, id).await? else {
            return self.get_upload(&user.id, id).await;
        };
        let key: Key = awaited.storage_key.parse()?;
        let max = u64::try_from(self.upload_limits().decode.bytes_max).unwrap_or(u64::MAX);
        let taken = match self.blobs.read_all(&key, max).await {
            Ok(bytes) => self.take_in(user, bytes, Some(&awaited)).await,
            Err(BlobError::NotFound) => Err(PlatformError::NotArrived),
            Err(error) => Err(error.into()),
        };
        match taken {
            Ok(upload) => {
                self.blobs.delete(&key).await?;
                Ok(upload)
            }
            // Asked for twice at once: the other was first.
            Err(error @ (PlatformError::NotArrived | PlatformError::Arrived)) => {
                self.get_upload(&user.id, id).await.map_err(|_| error)
            }
            // It will not become a picture by being asked for again.
            Err(error @ (PlatformError::Picture(_) | PlatformError::Blobs(BlobError::TooLarge { .. }))) => {
                remove(&self.context, &self.blobs, &awaited).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

/// Removes what was sent to an address, and that it was waited for; the file first, as with uploads.
pub(crate) async fn remove(context: &Context, blobs: &Blobs, awaited: &Awaited) -> Result<(), PlatformError> {
    if let Ok(key) = awaited.storage_key.parse::<Key>() {
        blobs.delete(&key).await?;
    }
    let mut tx = context.db.begin().await?;
    awaited_uploads::delete(&mut tx, &awaited.id).await?;
    Ok(tx.commit().await?)
}

/// As the storage counts it.
pub(crate) fn time_of(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at.0).unwrap_or_default())
}
