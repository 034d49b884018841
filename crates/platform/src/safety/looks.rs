//! What becomes of a picture that somebody has looked at: before it is kept, what was drawn as well as what was sent.
//!
//! What is not taken is not kept: of it there are its category and its hash. Where the lists only flag, it is kept, and a moderator is asked when
//! it is published. What nobody could look at is kept only where the operator says so, and is not published.

use std::sync::Arc;

use easel_store::{
    audit,
    strikes::{self, NewFound},
};
use serde_json::json;

use super::{Guard, Mode, SafetyChecker};
use crate::{PlatformError, context::retry};

/// Where it was found: by whoever looks at pictures, when there is no moderator beside it.
const STAGE: &str = "review";

/// Somebody who looks at pictures, and what follows.
#[derive(Debug, Clone)]
pub struct Looks {
    checker: Arc<dyn SafetyChecker>,
    keeps_unseen: bool,
}

impl Looks {
    /// By this one. `keeps_unseen` keeps what it could not look at.
    pub fn new(checker: Arc<dyn SafetyChecker>, keeps_unseen: bool) -> Self {
        Self { checker, keeps_unseen }
    }
}

/// What was seen in a picture that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing, or nobody looks here.
    Fit,
    /// This category; a moderator is asked before everybody sees it.
    Flagged(String),
    /// Nobody could look.
    Unseen,
}

/// A picture that is about to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// The job it was drawn for.
    pub job_id: Option<&'a str>,
    /// A small version: a WebP file.
    pub small: &'a [u8],
    /// SHA-256 of its file in hexadecimal.
    pub sha256: &'a str,
}

impl Guard {
    /// With somebody who looks at pictures.
    #[must_use]
    pub fn with_looks(self, looks: Option<Looks>) -> Self {
        Self { looks, ..self }
    }

    /// Whether somebody looks at pictures here.
    pub(crate) fn looks_at_pictures(&self) -> bool {
        self.looks.is_some() && self.filter.mode() != Mode::Off
    }

    /// Looks at a picture before it is kept.
    ///
    /// # Errors
    /// [`PlatformError::ContentBlocked`]: it is not to be kept, which is noted. [`PlatformError::LookUnavailable`]: nobody could look, and the
    /// operator keeps nothing unseen.
    pub(crate) async fn look(&self, picture: Looked<'_>) -> Result<Seen, PlatformError> {
        let Some(looks) = self.looks.as_ref().filter(|_| self.looks_at_pictures()) else { return Ok(Seen::Fit) };
        match looks.checker.check(picture.small).await {
            Ok(None) => Ok(Seen::Fit),
            Ok(Some(category)) if self.filter.mode() == Mode::Flag => {
                retry!(self.note_picture(picture, &category, "flag"))?;
                Ok(Seen::Flagged(category))
            }
            Ok(Some(category)) => {
                retry!(self.note_picture(picture, &category, "refuse"))?;
                Err(PlatformError::ContentBlocked { category })
            }
            Err(_) if looks.keeps_unseen => Ok(Seen::Unseen),
            Err(_) => Err(PlatformError::LookUnavailable),
        }
    }

    async fn note_picture(&self, picture: Looked<'_>, category: &str, decision: &str) -> Result<(), PlatformError> {
        let Looked { user_id, job_id, sha256, .. } = picture;
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let noted = NewFound { user_id, case_id: None, job_id, stage: STAGE, category, decision, reviewer_id: None, strikes: 0 };
        strikes::insert(&mut tx, &moment, noted).await?;
        let detail = json!({ "category": category, "sha256": sha256, "decision": decision }).to_string();
        let record = audit::NewRecord {
            actor_kind: "system",
            actor_id: None,
            action: "picture.look",
            target: Some(job_id.map_or(("user", user_id), |job_id| ("job", job_id))),
            ip: None,
            user_agent: None,
            request_id: None,
            detail: &detail,
        };
        audit::append(&mut tx, &moment, record).await?;
        Ok(tx.commit().await?)
    }
}
