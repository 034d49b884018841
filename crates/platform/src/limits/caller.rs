//! Who makes a request, and in which buckets it counts.

use std::net::{IpAddr, Ipv6Addr};

use super::{Class, Rate, Rates};

/// Who makes a request, as far as is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// Where from, as the outermost proxy we trust says.
    pub ip: Option<IpAddr>,
    /// Who is logged in.
    pub user_id: Option<&'a str>,
    /// The API key they use.
    pub key_id: Option<&'a str>,
}

/// One of somebody's buckets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub class: Class,
    pub by: By,
    /// Which of the class' limits.
    pub index: usize,
    /// Who.
    pub subject: String,
    pub rate: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum By {
    Ip,
    User,
    Key,
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::User => "user",
            Self::Key => "key",
        }
    }
}

impl Rates {
    pub(super) fn of(&self, by: By) -> &[Rate] {
        match by {
            By::Ip => &self.by_ip,
            By::User => &self.by_user,
            By::Key => &self.by_key,
        }
    }
}

impl Caller<'_> {
    pub(super) fn buckets(self, class: Class, rates: &Rates) -> impl Iterator<Item = Asked> {
        let subjects = [
            (By::Ip, self.ip.map(network)),
            (By::User, self.user_id.map(str::to_owned)),
            (By::Key, self.key_id.map(str::to_owned)),
        ];
        subjects.into_iter().filter_map(|(by, subject)| Some((by, subject?))).flat_map(move |(by, subject)| {
            rates.of(by).iter().enumerate().map(move |(index, &rate)| Asked { class, by, index, subject: subject.clone(), rate })
        })
    }
}

/// An IPv4 address, or the /64 that one subscriber of IPv6 has at least.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from(u128::from(address) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2:ffff:ffff:ffff:ffff"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
