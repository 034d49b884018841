//! The HTTP server: where it listens and how much it takes on.

use std::{net::IpAddr, time::Duration};

use super::{ConfigError, Fallback, Setting, Values};

/// Where it listens.
pub const HOST: Setting = Setting {
    key: "server.host",
    flag: "host",
    env: &["EASEL_HOST"],
    placeholder: "ADDRESS",
    help: "Address to listen on; anything but a loopback address lets others in and needs `--auth required`",
    default: Fallback::Fixed("127.0.0.1"),
    ..Setting::BASE
};

/// On which port.
///
/// 3273 spells EASE on a telephone's keys. It is none of the ports of programs people run beside Easel: Gradio's 7860-7959 (A1111 and its
/// family), SwarmUI 7801, ComfyUI 8188, InvokeAI 9090, LocalAI 8080, Ollama 11434, vLLM 8000, sd-server 1234, SGLang 30000.
pub const PORT: Setting = Setting {
    key: "server.port",
    flag: "port",
    env: &["EASEL_PORT"],
    placeholder: "PORT",
    help: "Port to listen on; 0 picks a free one",
    default: Fallback::Fixed("3273"),
    ..Setting::BASE
};

/// How long it may take to leave.
pub const DRAIN_SECONDS: Setting = Setting {
    key: "server.drain_seconds",
    flag: "drain-seconds",
    env: &["EASEL_DRAIN_SECONDS", "SHUTDOWN_GRACE_S"],
    placeholder: "SECONDS",
    help: "How long a server that was asked to stop finishes what it has begun",
    default: Fallback::Fixed("30"),
    ..Setting::BASE
};

/// How long one request may take.
pub const TIMEOUT_SECONDS: Setting = Setting {
    key: "server.timeout_seconds",
    flag: "timeout-seconds",
    env: &["EASEL_TIMEOUT_SECONDS"],
    placeholder: "SECONDS",
    help: "How long a request may wait and be drawn",
    default: Fallback::Fixed("900"),
    ..Setting::BASE
};

/// How clients see the server.
pub const PUBLIC_URL: Setting = Setting {
    key: "server.public_url",
    flag: "public-url",
    env: &["EASEL_PUBLIC_URL"],
    placeholder: "URL",
    help: "Address clients see, for the URLs of pictures, such as https://example.org/easel. Unset: what the request says",
    ..Setting::BASE
};

/// What is offered.
pub const FEATURES: Setting = Setting {
    key: "server.features",
    flag: "features",
    env: &["EASEL_FEATURES", "FEATURES"],
    placeholder: "NAMES",
    help: "What is offered of registration, gallery, comments and payments; what is left out is not there for anybody",
    default: Fallback::Fixed("registration,gallery,comments,payments"),
    ..Setting::BASE
};

/// Where pictures that everybody may see are delivered from.
pub const CDN_URL: Setting = Setting {
    key: "server.cdn_url",
    flag: "cdn-url",
    env: &["EASEL_CDN_URL", "CDN_URL"],
    placeholder: "URL",
    help: "Address of a content delivery network that fetches from this server: public pictures are given out under it. Not with `multi_tenant`",
    ..Setting::BASE
};

/// Who stands in front.
pub const TRUSTED_PROXIES: Setting = Setting {
    key: "server.trusted_proxies",
    flag: "trusted-proxies",
    env: &["EASEL_TRUSTED_PROXIES", "TRUSTED_PROXIES"],
    placeholder: "NETWORKS",
    help: "Proxies whose `X-Forwarded-For` says who asks, such as `127.0.0.1,10.0.0.0/8`. Unset: whoever connects is who asks",
    ..Setting::BASE
};

/// Who reads the metrics.
pub const METRICS_TOKEN: Setting = Setting {
    key: "server.metrics_token",
    flag: "metrics-token",
    env: &["EASEL_METRICS_TOKEN", "METRICS_TOKEN"],
    placeholder: "TEXT",
    help: "What Prometheus shows as its bearer token at /metrics. Unset: anybody who reaches the server may read them",
    secret: true,
    ..Setting::BASE
};

/// What our own routes begin with.
pub const API_PREFIX: Setting = Setting {
    key: "server.api_prefix",
    flag: "api-prefix",
    env: &["EASEL_API_PREFIX", "API_V1_PREFIX"],
    placeholder: "PATH",
    help: "What the routes of Easel's own API begin with; `/api/v1` answers as well, and is what answers name",
    default: Fallback::Fixed("/api/v1"),
    ..Setting::BASE
};

/// Whether clients of earlier designs are answered.
pub const COMPAT_ROUTES: Setting = Setting {
    key: "server.compat_routes",
    flag: "compat-routes",
    env: &["EASEL_COMPAT_ROUTES", "COMPAT_ROUTES"],
    placeholder: "BOOL",
    help: "Answer at the addresses of earlier designs too: /tasks, /generate, /users/profile, /users/usage and /auth/me below /api/v1",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Whether pictures say how they were made.
pub const WRITE_PARAMETERS: Setting = Setting {
    key: "server.write_parameters",
    flag: "write-parameters",
    env: &["EASEL_WRITE_PARAMETERS"],
    placeholder: "BOOL",
    help: "Write prompt, seed and settings into the pictures",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// What this node does.
pub const ROLE: Setting = Setting {
    key: "server.role",
    flag: "role",
    env: &["EASEL_ROLE"],
    placeholder: "ROLE",
    help: "What this node does: serve answers and takes no jobs from the queue, worker takes jobs and answers only health and metrics, \
           all does both",
    default: Fallback::Fixed("all"),
    choices: Some(|| vec!["all", "serve", "worker"]),
    ..Setting::BASE
};

/// How many jobs of the queue are drawn together.
pub const JOBS_MAX: Setting = Setting {
    key: "server.jobs_max",
    flag: "jobs-max",
    env: &["EASEL_JOBS_MAX"],
    placeholder: "N",
    help: "Jobs this node takes from the queue at a time; the engine shares the devices among them",
    default: Fallback::Fixed("16"),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[
    &HOST,
    &PORT,
    &DRAIN_SECONDS,
    &TIMEOUT_SECONDS,
    &PUBLIC_URL,
    &CDN_URL,
    &FEATURES,
    &TRUSTED_PROXIES,
    &METRICS_TOKEN,
    &API_PREFIX,
    &COMPAT_ROUTES,
    &WRITE_PARAMETERS,
    &ROLE,
    &JOBS_MAX,
];

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers and works.
    All,
    /// Answers.
    Serve,
    /// Works.
    Worker,
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "serve" => Ok(Self::Serve),
            "worker" => Ok(Self::Worker),
            _ => Err("use all, serve or worker".to_owned()),
        }
    }
}

/// The HTTP server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub host: IpAddr,
    /// On which port; 0 picks a free one.
    pub port: u16,
    /// How long it may take to leave.
    pub drain: Duration,
    /// How long one request may take.
    pub generation_timeout: Duration,
    /// Scheme, host and path clients see, without a slash at the end.
    pub public_url: Option<String>,
    /// Where pictures that everybody may see are delivered from.
    pub cdn: Option<easel_api::Cdn>,
    /// What is offered.
    pub features: easel_api::Features,
    /// Proxies whose word on who asks is taken.
    pub proxies: easel_api::Proxies,
    /// Who reads the metrics.
    pub metrics_token: Option<easel_api::MetricsToken>,
    /// What our own routes begin with.
    pub api_prefix: String,
    /// Whether clients of earlier designs are answered.
    pub compat_routes: bool,
    /// Whether pictures say how they were made.
    pub write_parameters: bool,
    /// What this node does.
    pub role: Role,
    /// Jobs it takes from the queue at a time.
    pub jobs_max: usize,
}

impl Server {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let api_prefix: String = values.require(&API_PREFIX)?;
        if !easel_api::is_prefix(&api_prefix) {
            let message = "is a path of small letters, digits, dots and dashes that nothing else begins with, such as /easel/v1";
            return Err(ConfigError::new(format!("`{}` {message}", API_PREFIX.key)));
        }
        Ok(Self {
            api_prefix,
            host: values.require::<Host>(&HOST)?.0,
            port: values.require(&PORT)?,
            drain: Duration::from_secs(values.require(&DRAIN_SECONDS)?),
            generation_timeout: Duration::from_secs(values.require(&TIMEOUT_SECONDS)?),
            public_url: values.get::<String>(&PUBLIC_URL)?.map(|url| url.trim_end_matches('/').to_owned()),
            cdn: values.get(&CDN_URL)?,
            features: values.require(&FEATURES)?,
            proxies: values.get(&TRUSTED_PROXIES)?.unwrap_or_default(),
            metrics_token: values.get::<String>(&METRICS_TOKEN)?.map(|text| easel_api::MetricsToken::of(&text)),
            compat_routes: values.switch(&COMPAT_ROUTES)?,
            write_parameters: values.switch(&WRITE_PARAMETERS)?,
            role: values.require(&ROLE)?,
            jobs_max: values.require::<std::num::NonZeroUsize>(&JOBS_MAX)?.get(),
        })
    }
}

/// An address, or the one name everybody types.
struct Host(IpAddr);

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = if text == "localhost" { "127.0.0.1" } else { text.trim_start_matches('[').trim_end_matches(']') };
        text.parse().map(Self).map_err(|_| "use an IP address such as 127.0.0.1, 0.0.0.0 or ::1".to_owned())
    }
}
