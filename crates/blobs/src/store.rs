//! The store: files are written whole or not at all, and none replaces another unless told so.
//!
//! In a local folder a file is written beside its place, flushed to the disk, linked into place and its directory flushed; in a cloud the
//! store itself refuses to write over what is there. Nothing is retried here that the store's client has not retried.

use std::{fmt, io, pin::pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, path::Path,
    signer::Signer,
};
use url::Url;

use crate::{
    BlobError, FileKind, Folder, Key, Settings, SigningKeys,
    open::{self, Kind},
};

/// Keys are never used twice for different bytes, so whoever has a file need not ask again.
const CACHE_CONTROL: &str = "private, max-age=31536000, immutable";
/// What is sent at a time of a file that comes in pieces: stores want all parts but the last alike and of five mebibytes at least, and take
/// ten thousand.
const PART: usize = 16 * 1024 * 1024;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The file is there now.
    Written,
    /// One was there before; it is unchanged.
    Present,
}

/// Stored files. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    kind: Kind,
    prefix: Path,
    address: Option<Url>,
    signing_keys: SigningKeys,
    cdn: Option<Url>,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("kind", &self.inner.kind).finish_non_exhaustive()
    }
}

impl Blobs {
    /// Opens the store; a local folder is made, a cloud is not asked yet (see [`Self::check`]).
    pub fn open(settings: Settings) -> Result<Self, BlobError> {
        let opened = open::open(&settings)?;
        let Settings { address, signing_keys, cdn, .. } = settings;
        let open::Opened { store, signer, kind, prefix } = opened;
        Ok(Self { inner: Arc::new(Inner { store, signer, kind, prefix, address, signing_keys, cdn }) })
    }

    /// The same store, whose own addresses begin here where none is configured: what a client has reached the server by.
    ///
    /// # Errors
    /// [`BlobError::Settings`] for what is no address.
    pub fn reached_at(&self, address: &str) -> Result<Self, BlobError> {
        if self.inner.address.is_some() || self.inner.signer.is_some() {
            return Ok(self.clone());
        }
        let address = Url::parse(address).map_err(|_| BlobError::Settings("the server's own address is none".to_owned()))?;
        Ok(Self { inner: Arc::new(Inner { address: Some(address), ..Inner::clone(&self.inner) }) })
    }

    /// Writes a file unless there is one; when this returns it survives a crash.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<Put, BlobError> {
        match self.write(key, bytes, PutMode::Create).await {
            Ok(()) => Ok(Put::Written),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::Present),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a file whether or not there is one: what a job does that is run again. Readers see the old one or the new one whole.
    pub async fn replace(&self, key: &Key, bytes: Bytes) -> Result<(), BlobError> {
        Ok(self.write(key, bytes, PutMode::Overwrite).await?)
    }

    /// Writes a file that comes in pieces, whether or not there is one: no more than a part of it is held in memory. Readers see the old one or
    /// the new one whole. Returns its bytes.
    ///
    /// # Errors
    /// [`BlobError::Interrupted`] if a piece does not come; then nothing is written.
    pub async fn replace_by_pieces<S>(&self, key: &Key, pieces: S) -> Result<u64, BlobError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let options = PutMultipartOptions { attributes: self.attributes(key), ..PutMultipartOptions::default() };
        let mut upload = self.inner.store.put_multipart_opts(&self.path(key), options).await?;
        match send_parts(&mut *upload, pieces).await {
            Ok(size) => Ok(size),
            Err(error) => {
                // What cannot be taken back now is swept with what crashes leave, by us or by the store's own rules.
                drop(upload.abort().await);
                Err(error)
            }
        }
    }

    async fn write(&self, key: &Key, bytes: Bytes, mode: PutMode) -> object_store::Result<()> {
        let options = PutOptions { mode, attributes: self.attributes(key), ..PutOptions::default() };
        self.inner.store.put_opts(&self.path(key), bytes.into(), options).await.map(|_| ())
    }

    fn attributes(&self, key: &Key) -> Attributes {
        let mut attributes = Attributes::new();
        if !matches!(self.inner.kind, Kind::Local(_)) {
            attributes.insert(Attribute::ContentType, key.kind().media_type().into());
            attributes.insert(Attribute::CacheControl, CACHE_CONTROL.into());
        }
        attributes
    }

    /// Deletes a file; one that is not there is deleted already.
    pub async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        match self.inner.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes many files, a thousand at a time where the store can; what could not be deleted, in no order.
    pub async fn delete_all(&self, keys: Vec<Key>) -> Vec<BlobError> {
        let paths: Vec<_> = keys.iter().map(|key| Ok(self.path(key))).collect();
        let results = self.inner.store.delete_stream(stream::iter(paths).boxed());
        results
            .filter_map(async |result| match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(error.into()),
            })
            .collect()
            .await
    }

    /// Writes, reads and deletes a small file: whether the settings are right and the store answers.
    pub async fn check(&self) -> Result<(), BlobError> {
        let key = Key::random(Folder::Temp, FileKind::Unknown, &mut rand::rng());
        let sent = Bytes::from_static(b"easel");
        self.put(&key, sent.clone()).await?;
        let back = self.read_all(&key, sent.len() as u64).await;
        self.delete(&key).await?;
        if back? != sent {
            return Err(BlobError::Settings("the storage gives back other bytes than it was given".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn store(&self) -> &dyn ObjectStore {
        &*self.inner.store
    }

    pub(crate) fn signer(&self) -> Option<&dyn Signer> {
        self.inner.signer.as_deref()
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.inner.kind
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.inner.prefix
    }

    pub(crate) fn address(&self) -> Option<&Url> {
        self.inner.address.as_ref()
    }

    pub(crate) fn signing_keys(&self) -> &SigningKeys {
        &self.inner.signing_keys
    }

    pub(crate) fn cdn(&self) -> Option<&Url> {
        self.inner.cdn.as_ref()
    }

    pub(crate) fn path(&self, key: &Key) -> Path {
        self.inner.prefix.parts().chain(Path::from(key.as_str()).parts()).collect()
    }
}

async fn send_parts<S>(upload: &mut dyn MultipartUpload, pieces: S) -> Result<u64, BlobError>
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    let mut pieces = pin!(pieces);
    let (mut part, mut size) = (BytesMut::new(), 0);
    let unread =
        |error: io::Error| BlobError::Interrupted(object_store::Error::Generic { store: "pieces", source: Box::new(error) });
    while let Some(piece) = pieces.try_next().await.map_err(unread)? {
        size += piece.len() as u64;
        part.extend_from_slice(&piece);
        while part.len() >= PART {
            upload.put_part(part.split_to(PART).freeze().into()).await?;
        }
    }
    // An empty file has one part too.
    if !part.is_empty() || size == 0 {
        upload.put_part(part.freeze().into()).await?;
    }
    upload.complete().await?;
    Ok(size)
}
