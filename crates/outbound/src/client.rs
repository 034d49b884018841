//! Requests and answers, redirects by hand, limits on bytes and time.

use std::{fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use tokio::time::{Instant, timeout, timeout_at};
use url::Host;

use crate::{
    Form, Limits, OutboundError, Policy, Reach, Reason, Resolver, SystemResolver,
    resolve::{Guard, refusal},
    target::Target,
};

/// What is still sent when a redirect leads elsewhere; everything else may be a secret.
const HARMLESS: [HeaderName; 3] = [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// What is to be requested. Its `Debug` names no query, no header's value and no body: keys and prompts are in them.
#[derive(Clone)]
pub struct Request {
    /// GET follows redirects; nothing else does.
    pub method: Method,
    /// As somebody wrote it.
    pub url: String,
    /// Go to the first origin alone, but for a few harmless ones.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// Other limits than the policy's; a provider takes its time.
    pub limits: Option<Limits>,
    /// Less than all the policy allows; redirects are held to it too.
    pub reach: Reach,
}

impl Request {
    /// Without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, url: url.into(), headers, body, limits: None, reach: Reach::Policy }
    }

    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST of JSON, already written.
    pub fn post_json(url: impl Into<String>, body: Bytes) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        Self { headers, body, ..Self::new(Method::POST, url) }
    }

    /// A POST of a form with files.
    pub fn post_form(url: impl Into<String>, form: &Form) -> Self {
        let (content_type, body) = form.encode();
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
        Self { headers, body, ..Self::new(Method::POST, url) }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.split(['?', '#']).next().unwrap_or_default())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status, good or bad.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as sent: nothing is unpacked.
    pub body: Bytes,
}

/// The client. Cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub struct Client {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolver>,
    /// For everyone's addresses.
    public: reqwest::Client,
    /// For the hosts the operator named; apart, so that no kept connection of the one serves the other.
    internal: reqwest::Client,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// With the system's resolver.
    pub fn new(policy: Policy) -> Result<Self, OutboundError> {
        Self::with_resolver(policy, Arc::new(SystemResolver))
    }

    /// With another resolver, whose answers are judged all the same.
    pub fn with_resolver(policy: Policy, resolver: Arc<dyn Resolver>) -> Result<Self, OutboundError> {
        let policy = Arc::new(policy);
        let client = |internal| {
            let guard = Guard { resolver: resolver.clone(), policy: policy.clone(), internal };
            build(guard, &policy.limits)
        };
        Ok(Self { public: client(false)?, internal: client(true)?, policy, resolver })
    }

    /// What requests may cost by default.
    pub fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// Whether an address might be requested, without a look at the network: for settings and forms. A name may still turn out to lead to
    /// where it must not.
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        Target::parse(url, &self.policy).map(|_| ())
    }

    /// Whether an address can be requested now: its name is resolved too, and every answer judged. For what somebody names today and is
    /// requested later; then it is judged again.
    pub async fn check_resolved(&self, url: &str) -> Result<(), OutboundError> {
        let target = Target::parse(url, &self.policy)?;
        let Some(Host::Domain(name)) = target.url.host() else { return Ok(()) };
        let guard = Guard { resolver: self.resolver.clone(), policy: self.policy.clone(), internal: target.internal };
        let addresses =
            timeout(self.policy.limits.connect, guard.addresses(name)).await.map_err(|_| OutboundError::Timeout)??;
        if addresses.is_empty() { Err(OutboundError::Unreachable) } else { Ok(()) }
    }

    /// Like [`Self::check_resolved`], for an address that may reach less than the policy allows.
    pub async fn check_within(&self, url: &str, reach: &Reach) -> Result<(), OutboundError> {
        reach.judge(Target::parse(url, &self.policy)?)?;
        self.check_resolved(url).await
    }

    /// Sends a request and reads the answer, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let limits = request.limits.unwrap_or(self.policy.limits);
        let deadline = Instant::now() + limits.total;
        let (response, _) = timeout_at(deadline, self.follow(request, &limits)).await.map_err(|_| OutboundError::Timeout)??;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = timeout_at(deadline, read(response, &limits, |_| Ok(()))).await.map_err(|_| OutboundError::Timeout)??;
        Ok(Response { status, headers, body })
    }

    /// The answer at the end of all redirects, its body unread.
    pub(crate) async fn follow(&self, request: Request, limits: &Limits) -> Result<(reqwest::Response, Target), OutboundError> {
        let Request { method, url, mut headers, body, reach, .. } = request;
        let mut target = reach.judge(Target::parse(&url, &self.policy)?)?;
        for _ in 0..=limits.redirects_max {
            let client = if target.internal { &self.internal } else { &self.public };
            let sending = client.request(method.clone(), target.url.clone()).headers(headers.clone()).body(body.clone()).send();
            let response = timeout(limits.first_byte, sending).await.map_err(|_| OutboundError::Timeout)?.map_err(failed)?;
            let Some(location) = location(&method, &response)? else { return Ok((response, target)) };
            let next = reach.judge(target.redirected(&location, &self.policy)?)?;
            if !next.same_origin(&target) {
                headers = HARMLESS.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect();
            }
            target = next;
        }
        Err(OutboundError::TooManyRedirects)
    }
}

fn build(guard: Guard, limits: &Limits) -> Result<reqwest::Client, OutboundError> {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(guard))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .connect_timeout(limits.connect)
        .user_agent(concat!("Easel/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| OutboundError::Setup)
}

/// Where an answer sends a GET on to.
fn location(method: &Method, response: &reqwest::Response) -> Result<Option<String>, OutboundError> {
    if *method != Method::GET || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION) else { return Ok(None) };
    Ok(Some(location.to_str().map_err(|_| Reason::Malformed)?.to_owned()))
}

/// The whole body within the limits; `look` sees what there is after each piece and may end it.
pub(crate) async fn read(
    mut response: reqwest::Response,
    limits: &Limits,
    look: impl Fn(&[u8]) -> Result<(), OutboundError>,
) -> Result<Bytes, OutboundError> {
    let too_large = OutboundError::TooLarge { max: limits.bytes_max };
    if response.content_length().is_some_and(|length| length > limits.bytes_max) {
        return Err(too_large);
    }
    let mut body = BytesMut::new();
    loop {
        let piece = timeout(limits.idle, response.chunk()).await.map_err(|_| OutboundError::Timeout)?;
        let Some(piece) = piece.map_err(|_| OutboundError::Broken)? else { return Ok(body.freeze()) };
        if body.len() as u64 + piece.len() as u64 > limits.bytes_max {
            return Err(too_large);
        }
        body.extend_from_slice(&piece);
        look(&body)?;
    }
}

/// What an error of the HTTP client is to whoever asked; its own text may name addresses.
fn failed(error: reqwest::Error) -> OutboundError {
    if let Some(reason) = refusal(&error) {
        return reason.into();
    }
    if error.is_timeout() {
        OutboundError::Timeout
    } else if error.is_connect() {
        OutboundError::Unreachable
    } else {
        OutboundError::Broken
    }
}
