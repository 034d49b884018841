//! Somebody's own limits, as administrators see them.

use easel_platform::records::Limits;
use serde::Serialize;
use utoipa::ToSchema;

/// Limits of one person in the place of their plan's; what is null is as the plan says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsView {
    /// Pictures a day (UTC).
    images_daily_max: Option<i64>,
    /// Jobs that have not ended.
    jobs_open_max: Option<i64>,
    /// Bytes of stored pictures.
    storage_bytes_max: Option<i64>,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        let Limits { images_daily_max, jobs_open_max, storage_bytes_max } = limits;
        Self { images_daily_max, jobs_open_max, storage_bytes_max }
    }
}
