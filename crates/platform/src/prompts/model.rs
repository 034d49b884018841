//! A chat model that speaks OpenAI's API, wherever the operator has one: it gets the words, the names of the styles and how much to add, and
//! nothing of who asks. Of what it answers the text is kept, if it can be a prompt.

use std::time::Duration;

use easel_outbound::{Client, Limits, OutboundError, Request, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::json;

use super::{Amount, EnhanceRequest};
use crate::{PlatformError, keyring::ServerKey};

/// Bytes of an answer.
const ANSWER_MAX: u64 = 256 * 1024;
/// Characters of a prompt a model may write.
const PROMPT_MAX: usize = 2_000;
/// What the model is told to be.
const TASK: &str = "You improve prompts for a text-to-image model. Rewrite the user's prompt in English as one line of comma-separated phrases. Keep \
                    every subject and detail the user names, and anything in brackets exactly as it is. Add fitting detail of light, view, \
                    material and mood that contradicts nothing. Name no artists and no brands. Answer with the prompt alone.";

/// What an operator says of a model.
#[derive(Debug, Clone)]
pub struct ChatSettings {
    /// Where OpenAI's API begins, such as `http://localhost:11434/v1`.
    pub url: String,
    /// What the model is called there.
    pub name: String,
    /// What its server asks for.
    pub key: Option<ServerKey>,
    /// How long an answer may take.
    pub time_limit: Duration,
}

/// The model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChatModel {
    client: Client,
    settings: ChatSettings,
}

/// Why a model did not enhance a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none.
    NotConfigured,
    /// It took too long.
    Timeout,
    /// It cannot be reached.
    Unreachable,
    /// Its server refused.
    Refused,
    /// What it said is no prompt.
    Unusable,
}

impl Refusal {
    /// The stable name clients see.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "model_not_configured",
            Self::Timeout => "model_timeout",
            Self::Unreachable => "model_unreachable",
            Self::Refused => "model_refused",
            Self::Unusable => "model_answer_unusable",
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl ChatModel {
    /// A model that this client reaches.
    ///
    /// # Errors
    /// The address cannot be requested, or the key cannot be sent.
    pub fn new(client: Client, settings: ChatSettings) -> Result<Self, PlatformError> {
        let model = Self { client, settings };
        model.client.check(&model.address())?;
        model.request(String::new())?;
        Ok(model)
    }

    pub(super) async fn enhance(&self, request: &EnhanceRequest) -> Result<String, Refusal> {
        let asked = json!({
            "model": self.settings.name,
            "stream": false,
            "messages": [{ "role": "system", "content": TASK }, { "role": "user", "content": question(request) }],
        });
        let request = self.request(asked.to_string()).map_err(|_| Refusal::Unreachable)?;
        let answer = self.client.send(request).await.map_err(|error| match error {
            OutboundError::Timeout => Refusal::Timeout,
            OutboundError::TooLarge { .. } => Refusal::Unusable,
            _ => Refusal::Unreachable,
        })?;
        if !answer.status.is_success() {
            return Err(Refusal::Refused);
        }
        let answer: Answer = serde_json::from_slice(&answer.body).map_err(|_| Refusal::Unusable)?;
        let said = answer.choices.into_iter().next().ok_or(Refusal::Unusable)?.message.content;
        prompt_in(&said).ok_or(Refusal::Unusable)
    }

    fn address(&self) -> String {
        let base = self.settings.url.trim_end_matches('/');
        if base.ends_with("/chat/completions") { base.to_owned() } else { format!("{base}/chat/completions") }
    }

    fn request(&self, body: String) -> Result<Request, PlatformError> {
        let mut request = Request::post_json(self.address(), body.into());
        if let Some(key) = &self.settings.key {
            let unfit = || PlatformError::Settings("the key of the prompt model cannot be sent in a header".to_owned());
            request.headers.insert(AUTHORIZATION, key.header("Bearer ").ok_or_else(unfit)?);
        }
        let time_limit = self.settings.time_limit;
        request.limits = Some(Limits {
            bytes_max: ANSWER_MAX,
            redirects_max: 0,
            first_byte: time_limit,
            idle: time_limit,
            total: time_limit,
            ..Limits::default()
        });
        Ok(request)
    }
}

/// The words, what they will be drawn in, and how much is to be added.
fn question(request: &EnhanceRequest) -> String {
    let amount = match request.amount {
        Amount::Few => "Add two phrases at most.",
        Amount::Some => "Add four phrases at most.",
        Amount::Many => "Add seven phrases at most.",
    };
    let mut question = format!("{amount}\n");
    if !request.styles.is_empty() {
        let names: Vec<&str> = request.styles.iter().map(|style| style.names.en.as_str()).collect();
        question.push_str(&format!("It will be drawn as: {}. Do not repeat that.\n", names.join("; ")));
    }
    if let Some(negative) = request.negative.as_deref().filter(|negative| !negative.trim().is_empty()) {
        question.push_str(&format!("It must not show: {negative}\n"));
    }
    question + "Prompt: " + &request.prompt
}

/// The prompt in what a model says: after its thoughts, without quotes around it, on one line.
fn prompt_in(said: &str) -> Option<String> {
    let said = said.rsplit_once("</think>").map_or(said, |(_, said)| said).trim();
    let said = said.strip_prefix("Prompt:").unwrap_or(said).trim();
    let said = said.trim_matches(|c| matches!(c, '"' | '`' | '“' | '”'));
    let prompt = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let can_be_one = !prompt.is_empty() && prompt.chars().count() <= PROMPT_MAX && !prompt.chars().any(char::is_control);
    can_be_one.then_some(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_found_in_what_a_model_says() {
        assert_eq!(prompt_in("<think>a cat?\nyes</think>\n\"a cat,\n soft light\"").as_deref(), Some("a cat, soft light"));
        assert_eq!(prompt_in("Prompt: a cat").as_deref(), Some("a cat"));
        for none in ["", " \n", "\"\"", "<think>x</think>", "a\u{0}b", &"x".repeat(PROMPT_MAX + 1)] {
            assert_eq!(prompt_in(none), None, "{none}");
        }
    }

    #[test]
    fn a_question_says_what_it_is_for() {
        let request =
            EnhanceRequest { prompt: "a cat".to_owned(), negative: Some("dogs".to_owned()), ..EnhanceRequest::default() };
        let asked = question(&request);
        assert!(asked.contains("four phrases") && asked.contains("dogs") && asked.ends_with("Prompt: a cat"), "{asked}");
    }
}
