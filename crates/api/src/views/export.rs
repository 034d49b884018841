//! An archive of everything there is about somebody: how far it is, and where it lies.

use std::time::UNIX_EPOCH;

use easel_platform::{
    privacy::ShownExport,
    records::{Export, Timestamp},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// An archive.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ExportView {
    /// `none` (nobody has asked for one, or its time is over), `pending`, `running`, `ready` or `failed`.
    #[schema(example = "ready")]
    state: String,
    /// When it was asked for.
    #[schema(format = DateTime)]
    requested_at: Option<String>,
    /// When it was last begun.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it was ready or given up.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// Until when it is kept.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// How large it is.
    #[schema(example = 48_213)]
    bytes: Option<i64>,
    /// Where to fetch it, without other credentials; ask again for another address.
    url: Option<String>,
    /// Until when the address is good.
    #[schema(format = DateTime)]
    url_expires_at: Option<String>,
}

impl From<Export> for ExportView {
    fn from(export: Export) -> Self {
        Self {
            state: export.state,
            requested_at: Some(shown_time(export.created_at)),
            started_at: export.started_at.map(shown_time),
            finished_at: export.finished_at.map(shown_time),
            expires_at: export.expires_at.map(shown_time),
            bytes: export.bytes,
            url: None,
            url_expires_at: None,
        }
    }
}

impl From<Option<ShownExport>> for ExportView {
    fn from(shown: Option<ShownExport>) -> Self {
        let Some(ShownExport { export, address }) = shown else { return Self { state: "none".to_owned(), ..Self::default() } };
        let ends = address.as_ref().map(|address| {
            let since = address.expires.duration_since(UNIX_EPOCH).unwrap_or_default();
            shown_time(Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
        });
        Self { url: address.map(|address| address.url.into()), url_expires_at: ends, ..export.into() }
    }
}
