//! What an owner says of an endpoint.

use easel_platform::webhooks::EndpointWords;
use serde::Deserialize;
use utoipa::ToSchema;

/// What an owner says of an endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookBody {
    /// Where events go: a public https address. Left out of an endpoint for callbacks.
    #[serde(default)]
    #[schema(example = "https://example.com/easel")]
    url: String,
    /// A note.
    #[serde(default)]
    description: String,
    /// Which of `job.completed`, `job.failed`, `job.cancelled`; none is all of them.
    #[serde(default)]
    #[schema(example = json!(["job.completed"]))]
    events: Vec<String>,
    /// It is for the addresses that jobs name (`callback_url`), whose events its secret signs. Everybody has one of these at most.
    #[serde(default)]
    callbacks: bool,
}

impl WebhookBody {
    /// As the platform takes it; `topics` is borrowed from the events.
    pub(super) fn topics(&self) -> Vec<&str> {
        self.events.iter().map(String::as_str).collect()
    }

    pub(super) fn words<'a>(&'a self, topics: &'a [&'a str]) -> EndpointWords<'a> {
        EndpointWords { url: &self.url, description: &self.description, topics, callbacks: self.callbacks }
    }
}
