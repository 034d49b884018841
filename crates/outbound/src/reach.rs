//! What one request may reach of what the policy allows. It narrows, and never widens.
//!
//! The operator's exceptions are meant for somebody: an address that a provider's answer names, or a user's configuration, must not use the
//! leave that was given to another.

use url::Url;

use crate::{HostPattern, OutboundError, Reason, target::Target};

/// What one request, with all its redirects, may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// All that the policy allows.
    #[default]
    Policy,
    /// What is public; the operator's own hosts are not.
    Public,
    /// What is public, and the place of this address, if the policy allows it.
    PublicOr(Url),
    /// These hosts alone, if the policy allows them.
    Hosts(Vec<HostPattern>),
}

impl Reach {
    pub(crate) fn judge(&self, target: Target) -> Result<Target, OutboundError> {
        let allowed = match self {
            Self::Policy => true,
            Self::Public => !target.internal,
            Self::PublicOr(place) => !target.internal || place.origin() == target.url.origin(),
            Self::Hosts(hosts) => {
                let host = target.url.host_str().unwrap_or_default().trim_end_matches('.');
                hosts.iter().any(|pattern| pattern.matches(host))
            }
        };
        if allowed { Ok(target) } else { Err(Reason::HostNotListed.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    #[test]
    fn a_reach_narrows_and_never_widens() {
        let policy = Policy {
            plain_http: true,
            internal_hosts: vec!["gpu-box:7860".parse().unwrap(), "10.0.0.7:9000".parse().unwrap()],
            ..Policy::default()
        };
        let hosts = Reach::Hosts(vec!["bfl.ai".parse().unwrap(), "gpu-box".parse().unwrap(), "10.0.0.8".parse().unwrap()]);
        let own = Reach::PublicOr("http://gpu-box:7860/v1".parse().unwrap());
        for (url, wanted) in [
            // policy, public, public or gpu-box, hosts
            ("https://api.bfl.ai/v1", [true, true, true, true]),
            ("https://api.bfl.ai./v1", [true, true, true, true]),
            ("https://bfl.ai.example.com/v1", [true, true, true, false]),
            ("https://example.com/", [true, true, true, false]),
            ("http://gpu-box:7860/a.png", [true, false, true, true]),
            ("http://10.0.0.7:9000/", [true, false, false, false]),
            ("http://10.0.0.8/", [false, false, false, false]),
            ("http://gpu-box:7861/", [false, false, false, false]),
        ] {
            let reached = [&Reach::Policy, &Reach::Public, &own, &hosts]
                .map(|reach| Target::parse(url, &policy).and_then(|target| reach.judge(target)).is_ok());
            assert_eq!(reached, wanted, "{url}");
        }
    }
}
