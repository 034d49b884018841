//! What could be written next: first what somebody wrote like it themselves, then words and styles.

use super::{Language, Prompts, Suggestion};
use crate::PlatformError;

/// Jobs that are looked through while somebody types.
const JOBS_MAX: usize = 100;
/// Of somebody's own phrases.
const OWN_MAX: usize = 3;

impl Prompts {
    /// What could be written at the end of a text, best first, at most `limit`.
    pub async fn suggest(
        &self,
        user_id: &str,
        typed: &str,
        language: Language,
        limit: usize,
    ) -> Result<Vec<Suggestion>, PlatformError> {
        let written = self.remembered(user_id, JOBS_MAX, JOBS_MAX).await?;
        let written = written.iter().map(|written| written.prompt.as_str());
        let mut found = easel_prompts::complete_own(typed, written, OWN_MAX.min(limit));
        for suggestion in self.suggester().suggest(typed, language, limit) {
            if !found.iter().any(|known| known.prompt.eq_ignore_ascii_case(&suggestion.prompt)) {
                found.push(suggestion);
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}
