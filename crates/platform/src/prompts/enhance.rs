//! Who enhances a prompt: the rules that come with the program, or the operator's chat model where somebody asks for it. When the model cannot,
//! the rules do, and it is said so: nobody waits in vain.

use super::{EnhanceRequest, Prompts, model::Refusal};
use crate::{PlatformError, safety::Stage};

/// Who enhances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// The rules, on this host.
    #[default]
    Rules,
    /// The operator's model.
    Model,
}

/// An enhanced prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enhancement {
    /// The words and what was added.
    pub prompt: String,
    /// What to avoid.
    pub negative: Option<String>,
    /// The terms the rules have added, by id; empty where a model wrote the prompt.
    pub added: Vec<String>,
    /// Who did it.
    pub by: By,
    /// Why it was not the model although it was asked for: a stable code.
    pub fell_back: Option<&'static str>,
}

impl Prompts {
    /// Enhances a prompt. What is not drawn here is not sent anywhere either.
    ///
    /// # Errors
    /// [`PlatformError::ContentBlocked`] where a model is asked for and the words are not taken here.
    pub async fn enhance(&self, user_id: &str, request: &EnhanceRequest, by: By) -> Result<Enhancement, PlatformError> {
        let ruled = self.vocabulary().enhance_by_rule(request);
        let ruled =
            Enhancement { prompt: ruled.prompt, negative: ruled.negative, added: ruled.added, by: By::Rules, fell_back: None };
        if by == By::Rules {
            return Ok(ruled);
        }
        self.guard.check(user_id, Stage::Prompt, &request.prompt).await?;
        let answer = match &self.model {
            Some(model) => model.enhance(request).await,
            None => Err(Refusal::NotConfigured),
        };
        // What the model says is looked through like anybody's words.
        match answer.and_then(|prompt| if self.guard.refuses(&prompt) { Err(Refusal::Unusable) } else { Ok(prompt) }) {
            Ok(prompt) => Ok(Enhancement { prompt, added: Vec::new(), by: By::Model, ..ruled }),
            Err(refusal) => {
                // The code alone: what was asked and answered is nobody's business.
                tracing::warn!(code = refusal.code(), "the model has not enhanced a prompt; the rules did");
                Ok(Enhancement { fell_back: Some(refusal.code()), ..ruled })
            }
        }
    }
}
