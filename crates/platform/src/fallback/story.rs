//! What was tried for a job so far, as its attempts tell: whoever goes on with it after a crash reads the same.

use easel_providers::{Change, FallbackReason, Kind, ProviderId, Step, Tried};
use easel_store::provider_attempts::{self, Attempt};
use serde::{Deserialize, Serialize};

use super::Fallback;
use crate::{PlatformError, jobs::NewImage};

/// What is settled of an attempt before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// Why not here.
    pub reason: FallbackReason,
    /// The service.
    pub kind: Kind,
    /// The model there.
    pub model: String,
    /// Pictures of this part.
    pub pictures: u32,
    /// The place of its first picture in the job.
    pub first: u32,
    /// It is an account of the job's owner.
    pub own: bool,
    /// What is otherwise than was asked for.
    pub changes: Vec<Change>,
}

/// What came of an attempt, until the job ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gained {
    /// Stored pictures.
    pub images: Vec<NewImage>,
    /// Pictures that were held back.
    pub withheld: u32,
}

/// An attempt that is under way.
pub(super) struct Open {
    pub attempt: Attempt,
    pub terms: Terms,
    pub step: Option<Step>,
}

/// What was tried so far.
#[derive(Default)]
pub(super) struct Story {
    /// Stored pictures.
    pub images: Vec<NewImage>,
    /// Of them, those that their owner's accounts have drawn.
    pub free: i64,
    /// Pictures that were held back.
    pub withheld: u32,
    /// Attempts that failed.
    pub tried: Vec<Tried>,
    /// What the last of them came to, for its owner.
    pub last_failure: Option<easel_providers::ProviderError>,
    /// The one that is under way.
    pub open: Option<Open>,
    /// All attempts there were.
    pub attempts: u32,
}

impl Fallback {
    /// What was tried for a job.
    pub(super) async fn story(&self, job_id: &str) -> Result<Story, PlatformError> {
        let mut story = Story::default();
        for attempt in provider_attempts::of_job(&self.context.db, job_id).await? {
            story.attempts += 1;
            let terms: Terms = read(&attempt.terms)?;
            let step: Option<Step> = attempt.step.as_deref().map(read).transpose()?;
            if attempt.spent.is_none() {
                story.open = Some(Open { attempt, terms, step });
                continue;
            }
            let gained: Gained = attempt.kept.as_deref().map(read).transpose()?.unwrap_or_default();
            if let Some(Step::Ended { failure: Some(failure) }) = step {
                let provider: ProviderId = failure.provider.clone();
                story.tried.push(Tried { provider, class: failure.class, accepted: failure.accepted });
                story.last_failure = Some(failure);
            }
            story.free += if terms.own { i64::try_from(gained.images.len()).unwrap_or(0) } else { 0 };
            story.withheld += gained.withheld;
            story.images.extend(gained.images);
        }
        Ok(story)
    }
}

/// What we wrote ourselves.
fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, PlatformError> {
    serde_json::from_str(text).map_err(|_| PlatformError::Settings("an attempt was written by another version".to_owned()))
}
