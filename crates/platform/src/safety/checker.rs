//! Who looks at pictures: a server that the operator names and that speaks OpenAI's moderation interface or Azure's Content Safety. A classifier of
//! one's own does as well, if it answers in one of these forms.
//!
//! It gets a small version of the picture and nothing of who it is for. Of what it says the worst category is kept.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use easel_outbound::{
    Client, Limits, Request,
    header::{AUTHORIZATION, HeaderName},
};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{PlatformError, keyring::ServerKey};

/// Bytes of an answer.
const ANSWER_MAX: u64 = 256 * 1024;
/// Azure counts from 0 (nothing) to 6; from here on it is not taken.
const SEVERITY_MIN: u64 = 4;
/// Where Azure looks at a picture.
const AZURE: &str = "contentsafety/image:analyze?api-version=2024-09-01";
/// What is said where no category is named.
const UNNAMED: &str = "picture";

/// Nobody has looked: the checker is away, or says what cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen;

/// Somebody who looks at pictures.
pub trait SafetyChecker: Send + Sync + fmt::Debug {
    /// The category for which a picture (a WebP file) is not to be kept, if there is one.
    fn check<'a>(&'a self, picture: &'a [u8]) -> BoxFuture<'a, Result<Option<String>, Unseen>>;
}

/// What a checker speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// OpenAI's `/v1/moderations`.
    Openai {
        /// The model there.
        model: String,
    },
    /// Azure's Content Safety.
    Azure,
}

/// What an operator says of a checker.
#[derive(Debug, Clone)]
pub struct CheckerSettings {
    /// Where its interface begins, such as `https://api.openai.com/v1`.
    pub url: String,
    /// What it speaks.
    pub language: Language,
    /// What its server asks for.
    pub key: Option<ServerKey>,
    /// How long an answer may take.
    pub time_limit: Duration,
}

/// A checker at an address.
#[derive(Debug, Clone)]
pub struct HttpChecker {
    client: Client,
    settings: CheckerSettings,
}

impl HttpChecker {
    /// One that this client reaches.
    ///
    /// # Errors
    /// The address cannot be requested, or the key cannot be sent.
    pub fn new(client: Client, settings: CheckerSettings) -> Result<Self, PlatformError> {
        let checker = Self { client, settings };
        checker.client.check(&checker.address())?;
        checker.request(&[])?;
        Ok(checker)
    }

    fn address(&self) -> String {
        let base = self.settings.url.trim_end_matches('/');
        match self.settings.language {
            Language::Openai { .. } if base.ends_with("/moderations") => base.to_owned(),
            Language::Openai { .. } => format!("{base}/moderations"),
            Language::Azure => format!("{base}/{AZURE}"),
        }
    }

    fn request(&self, picture: &[u8]) -> Result<Request, PlatformError> {
        let content = BASE64_STANDARD.encode(picture);
        let (body, header, scheme) = match &self.settings.language {
            Language::Openai { model } => {
                let url = format!("data:image/webp;base64,{content}");
                let input = json!([{ "type": "image_url", "image_url": { "url": url } }]);
                (json!({ "model": model, "input": input }), AUTHORIZATION, "Bearer ")
            }
            Language::Azure => {
                let header = HeaderName::from_static("ocp-apim-subscription-key");
                (json!({ "image": { "content": content } }), header, "")
            }
        };
        let mut request = Request::post_json(self.address(), body.to_string().into());
        if let Some(key) = &self.settings.key {
            let unfit = || PlatformError::Settings("the key of the safety checker cannot be sent in a header".to_owned());
            request.headers.insert(header, key.header(scheme).ok_or_else(unfit)?);
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

    async fn ask(&self, picture: &[u8]) -> Result<Option<String>, Unseen> {
        let request = self.request(picture).map_err(|_| Unseen)?;
        let answer = self.client.send(request).await.map_err(|error| {
            tracing::warn!(%error, "nobody looks at pictures: the safety checker does not answer");
            Unseen
        })?;
        if !answer.status.is_success() {
            tracing::warn!(status = answer.status.as_u16(), "nobody looks at pictures: the safety checker refuses");
            return Err(Unseen);
        }
        let found = match self.settings.language {
            Language::Openai { .. } => serde_json::from_slice(&answer.body).ok().and_then(of_openai),
            Language::Azure => serde_json::from_slice(&answer.body).ok().map(of_azure),
        };
        found.ok_or(Unseen)
    }
}

impl SafetyChecker for HttpChecker {
    fn check<'a>(&'a self, picture: &'a [u8]) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        Box::pin(self.ask(picture))
    }
}

#[derive(Deserialize)]
struct OpenaiAnswer {
    results: Vec<OpenaiResult>,
}

#[derive(Deserialize)]
struct OpenaiResult {
    flagged: bool,
    #[serde(default)]
    categories: serde_json::Map<String, Value>,
    #[serde(default)]
    category_scores: serde_json::Map<String, Value>,
}

/// The likeliest of the categories it is flagged for. An answer without a result is none.
fn of_openai(answer: OpenaiAnswer) -> Option<Option<String>> {
    let result = answer.results.into_iter().next()?;
    if !result.flagged {
        return Some(None);
    }
    let score = |name: &String| result.category_scores.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let named = result.categories.iter().filter(|(_, is)| **is == Value::Bool(true)).map(|(name, _)| name);
    let worst = named.max_by(|&a, &b| score(a).total_cmp(&score(b)));
    Some(Some(worst.map_or_else(|| UNNAMED.to_owned(), |name| plain(name))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AzureAnswer {
    categories_analysis: Vec<AzureCategory>,
}

#[derive(Deserialize)]
struct AzureCategory {
    category: String,
    severity: u64,
}

/// The gravest, if it is grave.
fn of_azure(answer: AzureAnswer) -> Option<String> {
    let worst = answer.categories_analysis.into_iter().max_by_key(|category| category.severity)?;
    (worst.severity >= SEVERITY_MIN).then(|| plain(&worst.category))
}

/// A name that can be shown and stored, whoever made it up.
fn plain(name: &str) -> String {
    let kept: String =
        name.to_ascii_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || "/-_".contains(*c)).take(64).collect();
    if kept.is_empty() { UNNAMED.to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_category_is_told_in_either_language() {
        let openai = |answer: Value| serde_json::from_value(answer).ok().and_then(of_openai);
        let flagged = json!({ "results": [{
            "flagged": true,
            "categories": { "sexual": true, "violence": true, "hate": false },
            "category_scores": { "sexual": 0.7, "violence": 0.9, "hate": 1.0 },
        }] });
        assert_eq!(openai(flagged), Some(Some("violence".to_owned())));
        assert_eq!(openai(json!({ "results": [{ "flagged": true }] })), Some(Some(UNNAMED.to_owned())));
        assert_eq!(openai(json!({ "results": [{ "flagged": false, "categories": { "sexual": true } }] })), Some(None));
        for none in [json!({ "results": [] }), json!({ "error": "busy" }), json!([])] {
            assert_eq!(openai(none.clone()), None, "{none}");
        }
        let azure = |severity: u64| {
            let categories = json!([{ "category": "Hate", "severity": 0 }, { "category": "SelfHarm", "severity": severity }]);
            serde_json::from_value(json!({ "categoriesAnalysis": categories })).ok().map(of_azure)
        };
        assert_eq!((azure(4), azure(2)), (Some(Some("selfharm".to_owned())), Some(None)));
        assert_eq!(plain("a b\u{0}'; DROP"), "abdrop");
    }
}
