//! Styles around somebody's words, at the time of the order: what they say later changes nothing about a job that was taken.

use easel_store::jobs;

use super::{Prompts, StyledPrompt};
use crate::{
    PlatformError,
    orders::{Order, Work},
    records::Image,
};

impl Prompts {
    /// A prompt in these styles. Without styles it stays as it is, and there is nothing to record.
    ///
    /// # Errors
    /// [`PlatformError::Prompts`]: a style does not exist, is named twice, or there are too many.
    pub fn styled(&self, prompt: &str, negative: Option<&str>, styles: &[String]) -> Result<Option<StyledPrompt>, PlatformError> {
        if styles.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.styles().apply(prompt, negative, styles)?))
    }

    /// What somebody's picture was made of, where it can be made again: styles that say what they said then. `None` for a picture without
    /// styles, or one whose styles have changed since; its own prompt still says what it was drawn from.
    pub async fn record_of(&self, image: &Image) -> Result<Option<StyledPrompt>, PlatformError> {
        let Some(job) = jobs::by_id(&self.context.db, &image.job_id).await? else { return Ok(None) };
        let Some(Order { work: Work::Draw(drawing), .. }) = Order::from_json(&job.request) else { return Ok(None) };
        let Some(record) = drawing.styled_prompt() else { return Ok(None) };
        let again = self.styles().reproduce(&record).ok();
        Ok(again.filter(|again| again.prompt == record.prompt && again.negative == record.negative))
    }
}
