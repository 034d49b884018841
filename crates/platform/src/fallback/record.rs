//! What a job's row says of its way out: settled when it was taken, and what became of it. No prompt and no address is in it.

use easel_providers::{Change, FallbackReason, Kind, Micros};
use easel_store::jobs::Job;
use serde::{Deserialize, Serialize};

/// What a job's row says of its way out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Away {
    /// The most it may cost elsewhere, as was settled when it was taken.
    pub cost_max: Micros,
    /// Why it was not done here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FallbackReason>,
    /// Who serves it, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<ServedBy>,
    /// What is otherwise than was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What it has cost.
    #[serde(default)]
    pub cost: Micros,
}

/// Who serves a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedBy {
    /// The account.
    pub provider: String,
    /// What people call it.
    pub title: String,
    /// The service.
    pub kind: Kind,
    /// The model there.
    pub model: String,
    /// It is an account of the job's owner: what it costs is between them.
    pub own: bool,
}

impl Away {
    /// Of a job; `None` for one that stays here.
    pub fn of(job: &Job) -> Option<Self> {
        serde_json::from_str(job.away.as_deref()?).ok()
    }

    /// As the row keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it is plain data. This is a bug.")
    }
}
