//! What is not taken: prompts, titles, comments and profiles are looked through before anything is done with them.
//!
//! | rule | file |
//! |---|---|
//! | what looks or reads alike is alike | `normal.rs` |
//! | lists of terms by language, the operator's in the place of ours; what is left of a text without some | `filter.rs`, `lists/` |
//! | what is refused or flagged is noted, without the text; some of it counts against who wrote it | here |
//! | who looks at pictures, and what becomes of them | `checker.rs`, `looks.rs` |
//!
//! Strikes: three within ninety days, from the filter's gravest categories and from moderators, suspend an account that has no rank. An admin
//! lifts them (`moderation/`).

mod checker;
mod filter;
mod looks;
mod normal;

use std::time::Duration;

use easel_store::{
    Moment, Tx, audit, images, sessions,
    strikes::{self, NewFound},
    users::{self, Role},
};

use crate::{
    Context, PlatformError,
    context::retry,
    orders::{Drawing, Order, Work},
};

pub use checker::{CheckerSettings, HttpChecker, Language, SafetyChecker, Unseen};
pub use filter::{Action, Filter, Finding, Mode};
pub use looks::Looks;
pub(crate) use looks::{Looked, Seen};

/// Strikes that suspend an account.
const STRIKES_MAX: i64 = 3;
/// How long a strike counts.
const STRIKES_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// Where a text is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// To draw from.
    Prompt,
    /// Over a picture.
    Title,
    /// Under a picture.
    Comment,
    /// In a profile.
    Profile,
}

impl Stage {
    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Title => "title",
            Self::Comment => "comment",
            Self::Profile => "profile",
        }
    }
}

/// The filter, and what comes of what it finds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    context: Context,
    filter: Filter,
    looks: Option<Looks>,
}

impl Guard {
    /// With this filter.
    pub fn new(context: Context, filter: Filter) -> Self {
        Self { context, filter, looks: None }
    }

    /// Looks a text through. What it was flagged for, if it was.
    ///
    /// # Errors
    /// [`PlatformError::ContentBlocked`] with the category; it is noted first, and counted where the category says so.
    pub async fn check(&self, user_id: &str, stage: Stage, text: &str) -> Result<Option<String>, PlatformError> {
        match self.filter.check(text) {
            Some(finding) if finding.action == Action::Refuse => self.block(user_id, stage, finding).await,
            found => Ok(found.map(|finding| finding.category)),
        }
    }

    /// Notes what is not taken, and refuses it.
    async fn block(&self, user_id: &str, stage: Stage, finding: Finding) -> Result<Option<String>, PlatformError> {
        retry!(self.refuse(user_id, stage, &finding))?;
        Err(PlatformError::ContentBlocked { category: finding.category })
    }

    /// Leaves the words out of a text that are masked, and adds their categories to those there are.
    pub(crate) fn mask(&self, text: &mut String, categories: &mut Vec<String>) {
        let Some(masked) = self.filter.masked(text) else { return };
        *text = masked.text;
        categories.extend(masked.categories);
        categories.sort();
        categories.dedup();
    }

    /// Whether a text is not taken; nothing is noted.
    pub(crate) fn refuses(&self, text: &str) -> bool {
        self.filter.check(text).is_some_and(|finding| finding.action == Action::Refuse)
    }

    /// A request without the words that are masked, where there are some, and the categories of all words that were.
    pub(crate) fn masked(&self, request: &str) -> (Option<String>, Vec<String>) {
        let Some(Order { work: Work::Draw(mut drawing), output }) = Order::from_json(request) else { return (None, Vec::new()) };
        let length = |drawing: &Drawing| drawing.prompt.len() + drawing.words().0.len();
        let before = length(&drawing);
        let mut categories = std::mem::take(&mut drawing.masked);
        self.mask(&mut drawing.prompt, &mut categories);
        if let Some(styled) = &mut drawing.styled {
            self.mask(&mut styled.raw_prompt, &mut categories);
        }
        drawing.masked.clone_from(&categories);
        let request = (length(&drawing) != before).then(|| Order { work: Work::Draw(drawing), output }.to_json());
        (request, categories)
    }

    /// Looks through what a request asks to be drawn: every text under a name that begins with `prompt`. What is to be avoided is not asked for.
    /// Words that should have been left out by now are refused.
    pub(crate) async fn check_request(&self, user_id: &str, request: &str) -> Result<Option<String>, PlatformError> {
        let mut texts = Vec::new();
        match serde_json::from_str(request) {
            Ok(json) => prompts(&json, false, &mut texts),
            // A text of no form is looked through as it is.
            Err(_) => texts.push(request.to_owned()),
        }
        match self.filter.check(&texts.join("\n")) {
            Some(finding) if finding.action != Action::Flag => self.block(user_id, Stage::Prompt, finding).await,
            found => Ok(found.map(|finding| finding.category)),
        }
    }

    async fn refuse(&self, user_id: &str, stage: Stage, finding: &Finding) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let noted = NewFound {
            user_id,
            case_id: None,
            job_id: None,
            stage: stage.name(),
            category: &finding.category,
            decision: "refuse",
            reviewer_id: None,
            strikes: i64::from(finding.strike),
        };
        strikes::insert(&mut tx, &moment, noted).await?;
        if finding.strike {
            suspend_if_due(&mut tx, &moment, user_id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Notes what was done about a prompt that was taken: `flag` or `mask`.
    pub(crate) async fn note_prompt(
        &self,
        user_id: &str,
        category: &str,
        decision: &str,
        job_id: &str,
    ) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let noted = NewFound {
            user_id,
            case_id: None,
            job_id: Some(job_id),
            stage: Stage::Prompt.name(),
            category,
            decision,
            reviewer_id: None,
            strikes: 0,
        };
        strikes::insert(&mut tx, &moment, noted).await?;
        Ok(tx.commit().await?)
    }
}

/// Suspends an account that has too many strikes, and takes its pictures out of everybody's sight. Whoever has a rank is left to people.
pub(crate) async fn suspend_if_due(tx: &mut Tx, moment: &Moment<'_>, user_id: &str) -> Result<bool, PlatformError> {
    let Some(user) = users::lock(tx, user_id).await? else { return Ok(false) };
    let counted = strikes::count(tx, user_id, moment.now.before(STRIKES_FOR)).await?;
    if counted < STRIKES_MAX || user.role != Role::User || !user.is_active {
        return Ok(false);
    }
    users::set_active(tx, user_id, moment.now, false).await?;
    sessions::revoke_all(tx, user_id, moment.now, "strikes").await?;
    images::withdraw_all(tx, user_id).await?;
    let detail = serde_json::json!({ "strikes": counted }).to_string();
    let record = audit::NewRecord {
        actor_kind: "system",
        actor_id: None,
        action: "user.suspend",
        target: Some(("user", user_id)),
        ip: None,
        user_agent: None,
        request_id: None,
        detail: &detail,
    };
    audit::append(tx, moment, record).await?;
    Ok(true)
}

/// Every text that is to be drawn.
fn prompts(json: &serde_json::Value, wanted: bool, texts: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) if wanted => texts.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| prompts(item, wanted, texts)),
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| {
                prompts(value, name.starts_with("prompt") || wanted && !name.contains("negative"), texts)
            });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_drawn_is_found_and_what_is_to_be_avoided_is_not() {
        let mut texts = Vec::new();
        let request = serde_json::json!({
            "prompt": "a", "prompt_2": "b", "negative_prompt": "c", "model": "d",
            "prompts": ["e", { "text": "f", "negative": "g" }], "inner": { "prompt": "h" },
        });
        prompts(&request, false, &mut texts);
        texts.sort();
        assert_eq!(texts, ["a", "b", "e", "f", "h"]);
    }
}
