//! The prompts somebody wrote earlier: those of their jobs, each once, newest first, without what they want forgotten. They are not kept twice.

use std::collections::HashMap;

use easel_store::{Timestamp, forgotten_prompts, jobs};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Prompts;
use crate::{
    PlatformError,
    accounts::hex,
    context::retry,
    orders::{Drawing, Order, Work},
};

/// How many are shown.
pub const HISTORY_MAX: usize = 100;
/// Jobs that are looked through for them.
const JOBS_MAX: usize = 500;
/// Jobs read at a time.
const PAGE: i64 = 100;

/// A prompt somebody wrote earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The same for the same words in the same styles.
    pub id: String,
    /// What they wrote.
    pub prompt: String,
    /// What they wanted to avoid.
    pub negative: Option<String>,
    /// The styles they chose.
    pub styles: Vec<String>,
    /// The job that used it last.
    pub job_id: String,
    /// When that was.
    pub used_at: Timestamp,
    /// How many of the jobs looked at have used it.
    pub uses: i64,
}

impl Prompts {
    /// The prompts somebody wrote earlier, newest first, at most a hundred.
    pub async fn history(&self, user_id: &str, limit: usize) -> Result<Vec<Remembered>, PlatformError> {
        self.remembered(user_id, limit.min(HISTORY_MAX), JOBS_MAX).await
    }

    /// Shows one of them no more, until it is used again.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`] if it is not among them.
    pub async fn forget(&self, user_id: &str, id: &str) -> Result<(), PlatformError> {
        let known = self.history(user_id, HISTORY_MAX).await?;
        if !known.iter().any(|remembered| remembered.id == id) {
            return Err(PlatformError::NotFound("prompt"));
        }
        retry!(self.forget_once(user_id, id))
    }

    /// Shows none of them any more.
    pub async fn forget_all(&self, user_id: &str) -> Result<(), PlatformError> {
        retry!(self.forget_once(user_id, forgotten_prompts::ALL))
    }

    async fn forget_once(&self, user_id: &str, digest: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if digest == forgotten_prompts::ALL {
            forgotten_prompts::delete_of(&mut tx, user_id).await?;
        }
        forgotten_prompts::insert(&mut tx, user_id, digest, self.context.now()).await?;
        Ok(tx.commit().await?)
    }

    /// At most `limit` prompts of the newest `jobs_max` jobs.
    pub(super) async fn remembered(
        &self,
        user_id: &str,
        limit: usize,
        jobs_max: usize,
    ) -> Result<Vec<Remembered>, PlatformError> {
        let db = &self.context.db;
        let forgotten: HashMap<String, Timestamp> = forgotten_prompts::of_user(db, user_id).await?.into_iter().collect();
        let all = forgotten.get(forgotten_prompts::ALL).copied();
        let mut found: Vec<Remembered> = Vec::new();
        let mut before: Option<(Timestamp, String)> = None;
        let mut looked_at = 0;
        while looked_at < jobs_max {
            let place = before.as_ref().map(|(at, id)| (*at, id.as_str()));
            let page = jobs::of_user(db, user_id, place, PAGE).await?;
            before = page.last().map(|job| (job.created_at, job.id.clone()));
            looked_at += page.len();
            let more = i64::try_from(page.len()).unwrap_or(0) == PAGE;
            for job in page {
                if all.is_some_and(|all| job.created_at <= all) {
                    return Ok(found);
                }
                let Some(Order { work: Work::Draw(drawing), .. }) = Order::from_json(&job.request) else { continue };
                let written = written(&drawing, job.id, job.created_at);
                let hidden = forgotten.get(&written.id).is_some_and(|&until| job.created_at <= until);
                let known = found.iter().position(|known| known.id == written.id);
                let wanted = !hidden && found.len() < limit && !written.prompt.trim().is_empty();
                match known.and_then(|at| found.get_mut(at)) {
                    Some(known) => known.uses += 1,
                    None if wanted => found.push(written),
                    None => {}
                }
            }
            if !more || found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

fn written(drawing: &Drawing, job_id: String, used_at: Timestamp) -> Remembered {
    let (prompt, negative) = drawing.words();
    let styles: Vec<String> = drawing.styled.iter().flat_map(|styled| &styled.styles).map(|style| style.id.clone()).collect();
    let id = hex(&Sha256::digest(json!([prompt, negative, styles]).to_string()));
    Remembered { id, prompt: prompt.to_owned(), negative: negative.map(str::to_owned), styles, job_id, used_at, uses: 1 }
}
