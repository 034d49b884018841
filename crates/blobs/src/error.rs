//! What can go wrong with stored files. Paths, hosts and credentials stay in the sources, which are for logs.

use std::io;

use thiserror::Error;

/// Why a file cannot be read or written.
#[derive(Debug, Error)]
pub enum BlobError {
    /// There is none under this key.
    #[error("the file does not exist")]
    NotFound,
    /// A text that is no key.
    #[error("the file name is not one of ours")]
    Key,
    /// A range that begins behind the end.
    #[error("the range lies outside the file, which has {size} bytes")]
    Range {
        /// The file's bytes.
        size: u64,
    },
    /// More bytes than the caller takes.
    #[error("the file has {size} bytes, at most {max} are allowed")]
    TooLarge {
        /// The file's bytes.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// No space, or a quota of the file system is used up.
    #[error("the storage is full: free some space or enlarge it")]
    Full(#[source] object_store::Error),
    /// The store refuses our credentials.
    #[error("the storage refuses access: check its credentials and permissions")]
    Denied(#[source] object_store::Error),
    /// The store does not answer, or not as it should.
    #[error("the storage is not available: try again later")]
    Unavailable(#[source] object_store::Error),
    /// Reading stopped before the end.
    #[error("the file cannot be read to its end")]
    Interrupted(#[source] object_store::Error),
    /// A store's address or options that make no sense.
    #[error("the storage settings cannot be used: {0}")]
    Settings(String),
    /// A signed address that is forged, changed, or for something else.
    #[error("the address is not valid: ask for a new one")]
    Signature,
    /// A signed address whose time is over.
    #[error("the address has expired: ask for a new one")]
    Expired,
}

impl BlobError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "file_not_found",
            Self::Key => "file_name_invalid",
            Self::Range { .. } => "range_not_satisfiable",
            Self::TooLarge { .. } => "file_too_large",
            Self::Full(_) => "storage_full",
            Self::Denied(_) | Self::Unavailable(_) | Self::Interrupted(_) | Self::Settings(_) => "storage_unavailable",
            Self::Signature => "address_invalid",
            Self::Expired => "address_expired",
        }
    }
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Denied(error),
            _ if is_full(&error) => Self::Full(error),
            _ => Self::Unavailable(error),
        }
    }
}

/// Whether the operating system said so, however deep.
fn is_full(error: &object_store::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let of = |kind: io::ErrorKind| object_store::Error::Generic { store: "x", source: Box::new(io::Error::from(kind)) };
        assert!(matches!(BlobError::from(of(io::ErrorKind::StorageFull)), BlobError::Full(_)));
        assert!(matches!(BlobError::from(of(io::ErrorKind::QuotaExceeded)), BlobError::Full(_)));
        assert!(matches!(BlobError::from(of(io::ErrorKind::BrokenPipe)), BlobError::Unavailable(_)));
    }
}
