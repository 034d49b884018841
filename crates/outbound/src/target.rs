//! An address that was parsed once, judged, and is requested as parsed.
//!
//! Odd spellings of IP addresses (decimal, octal, hexadecimal, full-width, circled) are folded by the URL parser into the address they
//! mean, so the host is judged as that, never as text. What different parsers read differently (back slashes, spaces, user names) is
//! refused unread.

use url::{Host, Url};

use crate::{OutboundError, Policy, Reason};

/// Longer addresses are of no use to anyone.
const LENGTH_MAX: usize = 8192;

/// Endings of names that mean something only within a network (RFC 6761, 6762, 8375, ICANN's `internal`, and what routers hand out).
const INTERNAL_ENDINGS: [&str; 12] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "onion",
    "invalid",
];

/// An address that may be requested, as far as can be said without resolving its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub url: Url,
    /// The operator allows this host by name.
    pub internal: bool,
}

impl Target {
    /// From what somebody wrote.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, OutboundError> {
        check_text(text)?;
        if !text.contains("://") {
            // `http:host` and `data:`; the first is read as `http://host` by some.
            return Err(if text.contains(':') && !text.starts_with("http") { Reason::Scheme } else { Reason::Malformed }.into());
        }
        Self::judge(Url::parse(text).map_err(|_| Reason::Malformed)?, policy)
    }

    /// From the `Location` that an answer named.
    pub fn redirected(&self, location: &str, policy: &Policy) -> Result<Self, OutboundError> {
        check_text(location)?;
        let next = Self::judge(self.url.join(location).map_err(|_| Reason::Malformed)?, policy)?;
        if self.url.scheme() == "https" && next.url.scheme() != "https" {
            return Err(Reason::Scheme.into());
        }
        Ok(next)
    }

    fn judge(mut url: Url, policy: &Policy) -> Result<Self, OutboundError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Reason::Scheme.into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Reason::Credentials.into());
        }
        let (host, port) = (url.host().ok_or(Reason::Malformed)?, url.port_or_known_default().ok_or(Reason::Malformed)?);
        let internal = policy.is_internal(&host, port);
        if !internal {
            check_public(&host, port, url.scheme(), policy)?;
        }
        url.set_fragment(None);
        Ok(Self { url, internal })
    }

    /// Whether both are the same scheme, host and port, and may share credentials.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }
}

fn check_text(text: &str) -> Result<(), OutboundError> {
    let odd = |letter: char| letter == '\\' || letter.is_whitespace() || letter.is_control();
    if text.is_empty() || text.len() > LENGTH_MAX || text.contains(odd) {
        return Err(Reason::Malformed.into());
    }
    Ok(())
}

fn check_public(host: &Host<&str>, port: u16, scheme: &str, policy: &Policy) -> Result<(), OutboundError> {
    match *host {
        Host::Ipv4(address) if !policy.allows(address.into()) => return Err(Reason::InternalAddress.into()),
        Host::Ipv6(address) if !policy.allows(address.into()) => return Err(Reason::InternalAddress.into()),
        Host::Domain(name) if is_internal_name(name) => return Err(Reason::InternalName.into()),
        _ => {}
    }
    if !policy.lists(host) {
        return Err(Reason::HostNotListed.into());
    }
    if !policy.allows_scheme(scheme) {
        return Err(Reason::Scheme.into());
    }
    if !policy.allows_port(port) {
        return Err(Reason::Port.into());
    }
    Ok(())
}

/// A name without a dot, or with one of the endings above.
fn is_internal_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let below = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || name.contains("..") || INTERNAL_ENDINGS.into_iter().any(below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy() -> Policy {
        Policy { plain_http: true, ..Policy::default() }
    }

    fn reason(text: &str, policy: &Policy) -> Option<Reason> {
        match Target::parse(text, policy) {
            Ok(_) => None,
            Err(OutboundError::NotAllowed(reason)) => Some(reason),
            Err(error) => panic!("{text}: {error:?}"),
        }
    }

    #[test]
    fn public_addresses_are_allowed_as_they_were_parsed() {
        for text in [
            "https://example.com/a?b=c",
            "http://example.com:80/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://münchen.de/",
        ] {
            assert_eq!(reason(text, &policy()), None, "{text}");
        }
        assert_eq!(reason("http://example.com/", &Policy::default()), Some(Reason::Scheme));
        let target = Target::parse("https://EXAMPLE.com/a/../b#c", &policy()).unwrap();
        assert_eq!(target.url.as_str(), "https://example.com/b");
    }

    #[test]
    fn redirects_are_judged_and_never_lead_back_to_http() {
        let target = Target::parse("https://example.com/a/b", &policy()).unwrap();
        let next = |location: &str| target.redirected(location, &policy()).map(|next| next.url.to_string());
        assert_eq!(next("c").unwrap(), "https://example.com/a/c");
        assert_eq!(next("//example.org/d").unwrap(), "https://example.org/d");
        for (location, reason) in [
            ("http://example.com/", Reason::Scheme),
            ("file:///etc/passwd", Reason::Scheme),
            ("//169.254.169.254/", Reason::InternalAddress),
            ("https://2130706433/", Reason::InternalAddress),
            ("//user@example.org/", Reason::Credentials),
            ("/\\169.254.169.254/", Reason::Malformed),
            ("https://example.org:6379/", Reason::Port),
        ] {
            assert_eq!(next(location), Err(reason.into()), "{location}");
        }
    }

    #[test]
    fn a_list_of_hosts_shuts_out_all_others() {
        let policy = Policy { hosts: vec!["fal.media".parse().unwrap()], ..Policy::default() };
        assert_eq!(reason("https://v3.fal.media/a.png", &policy), None);
        for text in ["https://fal.media.evil.example/", "https://example.com/", "https://8.8.8.8/"] {
            assert_eq!(reason(text, &policy), Some(Reason::HostNotListed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_is_public(text in "(https?:/{0,3})?[a-z0-9.@:\\[\\]/\\\\%xX#? ⑯。１-]{0,40}") {
            if let Ok(target) = Target::parse(&text, &policy()) {
                match target.url.host() {
                    Some(Host::Ipv4(address)) => prop_assert!(crate::is_public(address.into())),
                    Some(Host::Ipv6(address)) => prop_assert!(crate::is_public(address.into())),
                    Some(Host::Domain(name)) => prop_assert!(name.contains('.')),
                    None => prop_assert!(false),
                }
            }
        }
    }
}
