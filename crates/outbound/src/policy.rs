//! What the operator allows: schemes, ports, hosts, and exceptions for hosts within the network.

use std::{net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use url::{Host, Url};

use crate::{OutboundError, Reason};

/// Where requests may go.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether `http` will do as well as `https`.
    pub plain_http: bool,
    /// The ports that may be named.
    pub ports: Vec<u16>,
    /// If not empty, only these hosts.
    pub hosts: Vec<HostPattern>,
    /// Hosts within the network that may be reached, by http too.
    pub internal_hosts: Vec<InternalHost>,
    /// Networks whose addresses count as public.
    pub internal_networks: Vec<IpNet>,
    /// How large and how long an answer may be.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            plain_http: false,
            ports: vec![443],
            hosts: Vec::new(),
            internal_hosts: Vec::new(),
            internal_networks: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// What one request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the answer.
    pub bytes_max: u64,
    /// Redirects that are followed.
    pub redirects_max: usize,
    /// From a name to a connection.
    pub connect: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// All in all, redirects included.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 10 * 1024 * 1024,
            redirects_max: 3,
            connect: Duration::from_secs(3),
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            total: Duration::from_secs(30),
        }
    }
}

/// A host and all below it: `fal.media` is `v3.fal.media` too, and not `fal.media.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    pub(crate) fn matches(&self, host: &str) -> bool {
        host.strip_suffix(&self.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for HostPattern {
    type Err = OutboundError;

    fn from_str(text: &str) -> Result<Self, OutboundError> {
        let text = text.trim();
        match parse_host(text.strip_prefix("*.").unwrap_or(text))? {
            (host, None) => Ok(Self(host)),
            _ => Err(Reason::Malformed.into()),
        }
    }
}

/// A host within the network, on one port or on the usual ones: `gpu-box:7860`, `10.0.0.7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalHost {
    host: String,
    port: Option<u16>,
}

impl FromStr for InternalHost {
    type Err = OutboundError;

    fn from_str(text: &str) -> Result<Self, OutboundError> {
        let (host, port) = parse_host(text.trim())?;
        Ok(Self { host, port })
    }
}

impl Policy {
    /// Whether the operator allows this host and port by name.
    pub(crate) fn is_internal(&self, host: &Host<&str>, port: u16) -> bool {
        let host = plain(host);
        self.internal_hosts.iter().any(|known| {
            known.host == host && known.port.map_or_else(|| port == 80 || self.ports.contains(&port), |known| known == port)
        })
    }

    /// Whether a name is one of those hosts, on whatever port.
    pub(crate) fn names_internal(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        self.internal_hosts.iter().any(|known| known.host.eq_ignore_ascii_case(name))
    }

    /// Whether an address may be connected to.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        crate::is_public(address) || self.internal_networks.iter().any(|network| network.contains(&address))
    }

    /// Whether the list of hosts, if there is one, has this one.
    pub(crate) fn lists(&self, host: &Host<&str>) -> bool {
        let host = plain(host);
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(&host))
    }

    pub(crate) fn allows_scheme(&self, scheme: &str) -> bool {
        scheme == "https" || (scheme == "http" && self.plain_http)
    }

    pub(crate) fn allows_port(&self, port: u16) -> bool {
        self.ports.contains(&port) || (port == 80 && self.plain_http)
    }
}

/// A host as it is compared: without the dot that may end it.
fn plain(host: &Host<&str>) -> String {
    host.to_string().trim_end_matches('.').to_owned()
}

/// By the URL's own rules, so that it is spelled as it will be compared.
fn parse_host(text: &str) -> Result<(String, Option<u16>), OutboundError> {
    if text.is_empty() || text.contains(['/', '@', '?', '#', '\\', '*']) {
        return Err(Reason::Malformed.into());
    }
    let url = Url::parse(&format!("http://{text}")).map_err(|_| Reason::Malformed)?;
    let host = url.host().ok_or(Reason::Malformed)?;
    // `http` hides its own port.
    let port = if text.ends_with(":80") { Some(80) } else { url.port() };
    Ok((plain(&host), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_host_and_all_below_it() {
        let pattern: HostPattern = "Fal.Media".parse().unwrap();
        for (host, matches) in [
            ("fal.media", true),
            ("v3.fal.media", true),
            ("xfal.media", false),
            ("fal.media.evil.example", false),
            ("media", false),
        ] {
            assert_eq!(pattern.matches(host), matches, "{host}");
        }
        assert_eq!("*.fal.media".parse::<HostPattern>().unwrap(), pattern);
        for bad in ["", "a/b", "a@b", "a b", "fal.media:80", "*"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_internal_host_has_the_port_it_was_given() {
        let policy = Policy {
            internal_hosts: ["gpu-box:7860", "10.0.0.7", "[fd00::1]:80", "0x7f.1:9000"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            ..Policy::default()
        };
        let internal = |url: &str| {
            let url = Url::parse(url).unwrap();
            policy.is_internal(&url.host().unwrap(), url.port_or_known_default().unwrap())
        };
        for good in [
            "http://gpu-box:7860/",
            "http://GPU-BOX.:7860/",
            "https://10.0.0.7/",
            "http://10.0.0.7/",
            "http://[fd00::1]/",
            "http://127.0.0.1:9000/",
        ] {
            assert!(internal(good), "{good}");
        }
        for bad in [
            "http://gpu-box/",
            "https://gpu-box/",
            "http://10.0.0.7:22/",
            "http://[fd00::1]:81/",
            "http://127.0.0.1/",
            "http://10.0.0.8/",
        ] {
            assert!(!internal(bad), "{bad}");
        }
    }
}
