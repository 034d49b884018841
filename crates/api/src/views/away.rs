//! What is told of work that was done elsewhere.

use easel_platform::fallback::{Away, Quoted};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Who served a job, why it was not this server, and what is otherwise than was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AwayView {
    /// The account, as its owner calls it.
    #[schema(example = "fal")]
    provider: String,
    /// The service.
    #[schema(example = "fal")]
    kind: &'static str,
    /// The model there.
    #[schema(example = "fal-ai/flux/dev")]
    model: String,
    /// It is an account of your own: nothing is charged here.
    own: bool,
    /// `model_missing`, `no_device`, `queue_wait`, `out_of_memory` or `engine_failed`.
    #[schema(example = "model_missing")]
    reason: Option<&'static str>,
    /// What was dropped or changed, because this provider does not know it.
    #[schema(value_type = Vec<Object>)]
    changes: Value,
}

impl AwayView {
    /// `None` for what nobody else serves.
    pub(crate) fn of(away: Away) -> Option<Self> {
        let served_by = away.served_by?;
        Some(Self {
            provider: served_by.title,
            kind: served_by.kind.name(),
            model: served_by.model,
            own: served_by.own,
            reason: away.reason.map(|reason| reason.name()),
            changes: serde_json::to_value(away.changes).unwrap_or_default(),
        })
    }
}

/// Who would serve a drawing if this server could not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ElsewhereView {
    /// The account.
    #[schema(example = "fal")]
    provider: String,
    /// The model there.
    #[schema(example = "fal-ai/flux/dev")]
    model: String,
    /// Where its answers are made, if that is known.
    region: Option<String>,
    /// It is an account of your own: nothing would be charged here.
    own: bool,
    /// What would be dropped or changed.
    #[schema(value_type = Vec<Object>)]
    changes: Value,
}

impl From<Quoted> for ElsewhereView {
    fn from(quoted: Quoted) -> Self {
        let Quoted { title, model, region, own, changes, .. } = quoted;
        Self { provider: title, model, region, own, changes: serde_json::to_value(changes).unwrap_or_default() }
    }
}
