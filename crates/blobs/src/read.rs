//! Reading: what a file is, and its bytes as they come.

use std::{ops::Range, time::SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt};

use crate::{BlobError, Blobs, Key};

/// A part of a file, as HTTP asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to before the second; ends with the file if that is earlier.
    Between(Range<u64>),
    /// From here to the end.
    From(u64),
    /// So many at the end.
    Last(u64),
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Its bytes.
    pub size: u64,
    /// Changes when it does.
    pub etag: Option<String>,
    /// When it was written.
    pub modified: SystemTime,
    /// What HTTP calls it.
    pub media_type: &'static str,
}

/// A file, or a part of one, that is being read.
pub struct Reading {
    /// The whole file.
    pub meta: Meta,
    /// Which of its bytes come.
    pub range: Range<u64>,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Reading {
    /// The bytes in pieces.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
        self.bytes.map_err(BlobError::Interrupted)
    }
}

impl Blobs {
    /// What a file is.
    pub async fn head(&self, key: &Key) -> Result<Meta, BlobError> {
        Ok(meta(key, &self.store().head(&self.path(key)).await?))
    }

    /// Begins to read a file, or a part of it.
    pub async fn read(&self, key: &Key, part: Option<ByteRange>) -> Result<Reading, BlobError> {
        if part.as_ref().is_some_and(is_empty) {
            return Err(BlobError::Range { size: self.head(key).await?.size });
        }
        let limited = part.is_some();
        let options = GetOptions { range: part.map(GetRange::from), ..GetOptions::default() };
        match self.store().get_opts(&self.path(key), options).await {
            Ok(result) => {
                Ok(Reading { meta: meta(key, &result.meta), range: result.range.clone(), bytes: result.into_stream().boxed() })
            }
            // Stores say in many ways that a range begins behind the end.
            Err(object_store::Error::NotFound { .. }) => Err(BlobError::NotFound),
            Err(error) if limited => {
                Err(self.head(key).await.map_or_else(|_| error.into(), |meta| BlobError::Range { size: meta.size }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A whole file of at most `max` bytes.
    pub async fn read_all(&self, key: &Key, max: u64) -> Result<Bytes, BlobError> {
        let reading = self.read(key, None).await?;
        let size = reading.meta.size;
        if size > max {
            return Err(BlobError::TooLarge { size, max });
        }
        let mut whole = BytesMut::new();
        let mut pieces = std::pin::pin!(reading.into_stream());
        while let Some(piece) = pieces.try_next().await? {
            if (whole.len() + piece.len()) as u64 > max {
                return Err(BlobError::TooLarge { size, max });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl From<ByteRange> for GetRange {
    fn from(range: ByteRange) -> Self {
        match range {
            ByteRange::Between(range) => Self::Bounded(range),
            ByteRange::From(first) => Self::Offset(first),
            ByteRange::Last(count) => Self::Suffix(count),
        }
    }
}

fn is_empty(range: &ByteRange) -> bool {
    match range {
        ByteRange::Between(range) => range.is_empty(),
        ByteRange::From(_) => false,
        ByteRange::Last(count) => *count == 0,
    }
}

fn meta(key: &Key, meta: &ObjectMeta) -> Meta {
    Meta { size: meta.size, etag: meta.e_tag.clone(), modified: meta.last_modified.into(), media_type: key.kind().media_type() }
}
