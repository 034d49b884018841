//! How adapters speak: one account's address and key, and nothing that an answer names is reached but where its pictures lie.
//!
//! Calls of an API are not redirected: whoever holds the key talks to the host it was given for. All goes through `easel-outbound`.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use easel_outbound::{
    Client, FetchedImage, Form, HostPattern, Limits, Method, OutboundError, Reach, Request, StatusCode, Url,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{
    Accepted, FailureClass, Kind, Output, ProviderError, ProviderId, Secret,
    answer::{self, Told},
};

/// The longest answer: ten large pictures in base64.
const ANSWER_MAX: u64 = 96 * 1024 * 1024;
/// The largest picture.
const PICTURE_MAX: u64 = 48 * 1024 * 1024;
/// For everything that is not waited for.
const SHORT: Duration = Duration::from_secs(30);

/// Whose leave an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The operator's: what the policy allows by name is reached too.
    Operator,
    /// A user's: public hosts only.
    User,
}

/// One account's line to its provider.
#[derive(Debug)]
pub(crate) struct Wire {
    pub id: ProviderId,
    pub kind: Kind,
    client: Client,
    base: Url,
    key: Secret,
    auth: Option<(HeaderName, HeaderValue)>,
    api: Reach,
    pictures: Reach,
}

/// What a line is made of.
pub(crate) struct Line {
    pub id: ProviderId,
    pub kind: Kind,
    pub owner: Owner,
    pub base: Url,
    pub key: Secret,
    pub auth: Option<(HeaderName, HeaderValue)>,
    /// More hosts that pictures lie on, by the operator's word.
    pub picture_hosts: Vec<HostPattern>,
}

/// An answer that says yes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub body: Bytes,
}

/// One call of an API.
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Body,
    headers: Vec<(HeaderName, HeaderValue)>,
    within: Duration,
    /// How its provider words failures.
    told: Told,
}

enum Body {
    None,
    Json(Value),
    Form(Form),
}

impl Call {
    pub fn get(path: impl Into<String>, told: Told) -> Self {
        Self { method: Method::GET, path: path.into(), body: Body::None, headers: Vec::new(), within: SHORT, told }
    }

    pub fn json(path: impl Into<String>, body: Value, told: Told) -> Self {
        Self { method: Method::POST, body: Body::Json(body), ..Self::get(path, told) }
    }

    pub fn form(path: impl Into<String>, form: Form, told: Told) -> Self {
        Self { method: Method::POST, body: Body::Form(form), ..Self::get(path, told) }
    }

    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// For work that is done before the answer comes.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// For work that is only taken on before the answer comes.
    pub fn shortly(self, time_left: Duration) -> Self {
        self.within(time_left.min(SHORT))
    }
}

impl Wire {
    pub fn new(client: Client, line: Line) -> Self {
        let Line { id, kind, owner, base, key, auth, picture_hosts } = line;
        let known =
            kind.picture_hosts().iter().map(|host| host.parse::<HostPattern>().expect("they are host names. This is a bug."));
        let hosts: Vec<HostPattern> = known.chain(picture_hosts).collect();
        let (api, pictures) = match (owner, kind) {
            (Owner::User, Kind::OpenaiCompatible) => (Reach::Public, Reach::Public),
            (Owner::Operator, Kind::OpenaiCompatible) => (Reach::Policy, Reach::PublicOr(base.clone())),
            (Owner::User, _) => (Reach::Public, Reach::Hosts(hosts)),
            (Owner::Operator, _) => (Reach::Policy, Reach::Hosts(hosts)),
        };
        Self { id, kind, client, base, key, auth, api, pictures }
    }

    /// Sends a call to the account's own address.
    pub async fn call(&self, call: Call) -> Result<Answer, ProviderError> {
        let url = format!("{}/{}", self.base.as_str().trim_end_matches('/'), call.path.trim_start_matches('/'));
        self.send(url, self.api.clone(), call).await
    }

    /// Sends a call to an address that the provider named, if it is on one of these hosts.
    pub async fn call_at(&self, url: &str, hosts: &[&str], call: Call) -> Result<Answer, ProviderError> {
        let own = self.base.host_str().unwrap_or_default();
        let hosts = hosts.iter().chain([&own]).filter_map(|host| host.parse().ok()).collect();
        self.send(url.to_owned(), Reach::Hosts(hosts), call).await
    }

    async fn send(&self, url: String, reach: Reach, call: Call) -> Result<Answer, ProviderError> {
        let mut request = match &call.body {
            Body::None => Request::get(url),
            Body::Json(body) => Request::post_json(url, Bytes::from(body.to_string())),
            Body::Form(form) => Request::post_form(url, form),
        };
        request.method = call.method;
        request.reach = reach;
        request.headers.extend(call.headers);
        request.headers.extend(self.auth.clone());
        request.limits = Some(Limits {
            bytes_max: ANSWER_MAX,
            redirects_max: 0,
            first_byte: call.within,
            idle: call.within.min(SHORT),
            total: call.within,
            ..*self.client.limits()
        });
        let response = self.client.send(request).await.map_err(|error| ProviderError::outbound(&self.id, &error))?;
        if response.status.is_success() {
            return Ok(Answer { body: response.body });
        }
        if response.status.is_redirection() {
            return Err(self.failure(FailureClass::Garbage, Accepted::Unknown, "redirected"));
        }
        let told = answer::Failure { status: response.status, headers: &response.headers, body: &response.body };
        Err(self.without_key(told.read(&self.id, call.told, SystemTime::now())))
    }

    /// The file of a picture, from the provider's hosts alone.
    pub async fn fetch(&self, output: &Output) -> Result<FetchedImage, ProviderError> {
        let fetched = match output {
            Output::Inline(bytes) => FetchedImage::from_bytes(bytes.clone()),
            Output::At(url) => {
                let mut request = Request::get(url);
                request.reach = self.pictures.clone();
                request.limits = Some(Limits { bytes_max: PICTURE_MAX, total: SHORT * 2, ..*self.client.limits() });
                self.client.fetch_image_by(request).await
            }
        };
        fetched.map_err(|error| {
            let failure = ProviderError::outbound(&self.id, &error);
            let gone = matches!(error, OutboundError::Status(status) if [403, 404, 410].contains(&status));
            let failure = if gone { failure.code("picture_gone") } else { failure };
            // The work was done, whatever becomes of its file.
            ProviderError { accepted: Accepted::Yes, ..failure }
        })
    }

    /// A failure that has no answer behind it.
    pub fn failure(&self, class: FailureClass, accepted: Accepted, code: &str) -> ProviderError {
        self.without_key(ProviderError::new(&self.id, class, accepted).code(code))
    }

    /// An answer to a submission that cannot be read: the work may have been done.
    pub fn garbage(&self, code: &str) -> ProviderError {
        self.failure(FailureClass::Garbage, Accepted::Unknown, code)
    }

    /// The body as JSON.
    pub fn json(&self, answer: &Answer) -> Result<Value, ProviderError> {
        serde_json::from_slice(&answer.body).map_err(|_| self.garbage("not_json"))
    }

    /// A provider that repeats the key where a code belongs is not quoted.
    fn without_key(&self, mut failure: ProviderError) -> ProviderError {
        let key = self.key.expose();
        let repeats = |text: &String| !key.is_empty() && (text.contains(key) || (text.len() >= 6 && key.contains(text.as_str())));
        failure.code = failure.code.filter(|text| !repeats(text));
        failure.request_id = failure.request_id.filter(|text| !repeats(text));
        failure
    }
}

/// Whether a status is the sender's own fault.
pub(crate) fn is_request_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 405 | 411 | 413 | 414 | 415 | 422)
}
