//! Submissions and what becomes of them, in a form that is stored: whoever finds one after a crash goes on with it instead of paying twice.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Kind, ProviderId, Secret, error::plain_word};

/// One attempt to have an order done, named before anything is sent. The same attempt has the same key for ever.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The name: of the job, the provider and the count; see [`AttemptKey::new`].
    pub key: AttemptKey,
    /// How long there is to wait for the pictures.
    pub time_left: Duration,
    /// Where the provider may say that it is done.
    pub webhook: Option<Callback>,
}

/// Where a provider may say that it is done.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Our address, with nothing secret in it.
    pub url: String,
    /// What the provider signs with, where it does not have a key of its own (Black Forest Labs).
    pub secret: Option<Secret>,
}

/// The name of an attempt, sent as `Idempotency-Key` to whoever honours one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptKey(String);

impl AttemptKey {
    /// The `count`th attempt of a job's `part` with a provider. `None` if the job's id is not a plain word.
    pub fn new(job: &str, part: u32, provider: &ProviderId, count: u32) -> Option<Self> {
        plain_word(job).map(|job| Self(format!("{job}-{part}-{provider}-{count}")))
    }

    /// As sent and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Work that a provider took on. Holds no key and no prompt, and is stored as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHandle {
    /// The account it is with.
    pub provider: ProviderId,
    /// The protocol it is spoken of in.
    pub kind: Kind,
    /// The attempt it came from.
    pub key: AttemptKey,
    /// The model it was given to.
    pub model: String,
    /// How many pictures it is to give.
    pub pictures: u32,
    /// The provider's name for it.
    pub id: String,
    /// Where it is asked about, for providers that say so in their answer; judged again each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_url: Option<String>,
}

/// A picture as a provider gives it.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Within the answer.
    Inline(Bytes),
    /// At an address, for a while.
    At(String),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(bytes) => write!(f, "Inline({} bytes)", bytes.len()),
            // What is behind the question mark is as good as a key.
            Self::At(url) => write!(f, "At({})", url.split(['?', '#']).next().unwrap_or_default()),
        }
    }
}

/// What a provider delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The pictures; fewer than asked for if the provider held some back, one at least.
    pub outputs: Vec<Output>,
    /// The seed it says it used.
    pub seed: Option<u64>,
    /// Pictures that were held back by the provider's rules.
    pub withheld: u32,
}

impl Delivery {
    /// As it is kept until its pictures are stored: they are in it, or the addresses where they are for a while.
    pub fn to_json(&self) -> String {
        let written =
            Written { outputs: self.outputs.iter().map(WrittenOutput::from).collect(), seed: self.seed, withheld: self.withheld };
        serde_json::to_string(&written).expect("it is plain data. This is a bug.")
    }

    /// What [`Self::to_json`] has written; `None` for anything else.
    pub fn from_json(text: &str) -> Option<Self> {
        let Written { outputs, seed, withheld } = serde_json::from_str(text).ok()?;
        let outputs = outputs.into_iter().map(WrittenOutput::read).collect::<Option<_>>()?;
        Some(Self { outputs, seed, withheld })
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    outputs: Vec<WrittenOutput>,
    seed: Option<u64>,
    withheld: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenOutput {
    /// In base64.
    Inline(String),
    At(String),
}

impl From<&Output> for WrittenOutput {
    fn from(output: &Output) -> Self {
        match output {
            Output::Inline(bytes) => Self::Inline(BASE64.encode(bytes)),
            Output::At(url) => Self::At(url.clone()),
        }
    }
}

impl WrittenOutput {
    fn read(self) -> Option<Output> {
        Some(match self {
            Self::Inline(text) => Output::Inline(BASE64.decode(text).ok()?.into()),
            Self::At(url) => Output::At(url),
        })
    }
}

/// What came of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// Done at once: nobody can be asked for it again.
    Done(Delivery),
    /// To be asked about.
    Task(TaskHandle),
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Polled {
    /// It waits or runs; the share that is done, if the provider says.
    Pending(Option<f32>),
    /// It is done.
    Done(Delivery),
}

/// What came of cancelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The provider stops, or had not begun.
    Yes,
    /// It was done already.
    TooLate,
    /// The provider has no word for it: it goes on, and is paid.
    Impossible,
}

/// What a submission is worth whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The same key again gives the same work: it may be sent again.
    SendAgain,
    /// Nobody can tell whether it was taken on: it is given up, and counts as paid.
    GiveUp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let outputs =
            vec![Output::Inline(Bytes::from_static(b"\x89PNG")), Output::At("https://files.example/a?sig=1".to_owned())];
        let delivery = Delivery { outputs, seed: Some(u64::MAX), withheld: 2 };
        assert_eq!(Delivery::from_json(&delivery.to_json()), Some(delivery));
        for bad in ["", "{}", r#"{"outputs":[{"inline":"?"}],"seed":null,"withheld":0}"#] {
            assert_eq!(Delivery::from_json(bad), None, "{bad}");
        }
    }
}
