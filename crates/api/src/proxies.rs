//! Proxies in front of this server, whose word on who asks is taken.
//!
//! A proxy adds the address that connected to it at the end of `x-forwarded-for`; everything before may be made up by the client. So the list is
//! read from its end for as long as whoever speaks is one of ours, and the first other address is the client. Without a list of proxies nobody's
//! word is taken: the connection's own address is the client.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Response},
    middleware::Next,
};

use crate::AppState;

/// Where each proxy writes who connected to it.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The networks that proxies are in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => u128::from(u32::from(ours) ^ u32::from(theirs)) << 96,
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => u128::from(ours) ^ u128::from(theirs),
            _ => return false,
        };
        self.length == 0 || differing >> (128 - u32::from(self.length)) == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no address such as 10.0.0.7 and no network such as 10.0.0.0/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(most);
        if length > most {
            return Err(bad());
        }
        Ok(Self { address, length })
    }
}

impl FromStr for Proxies {
    type Err = String;

    /// Addresses and networks with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse::<Network>)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Proxies {
    /// Whether this is the address of one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who asks, if these connect.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let said: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        // Lines count as one list, in their order.
        for hop in said.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(nearest) {
                break;
            }
            // What is no address was written by nobody who can be believed any further.
            let Some(before) = address_of(hop.trim()) else { break };
            nearest = before;
        }
        nearest
    }
}

/// Some proxies write the port too.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

/// The layer: whoever is asked for the connection's address afterwards hears the client's.
pub(crate) async fn behind_proxies(State(state): State<AppState>, mut request: Request, next: Next) -> Response<Body> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    if let Some(peer) = peer.filter(|peer| state.config.proxies.trusts(peer.ip())) {
        let client = state.config.proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, peer.port())));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.parse::<Proxies>().unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_first_address_that_is_no_proxy_of_ours_is_the_client() {
        let ours = "10.0.0.0/8, 2001:db8::7";
        assert_eq!(client(ours, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(ours, "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(ours, "10.0.0.1", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9", "the client's own word is not taken");
        assert_eq!(client(ours, "10.0.0.1", &["198.51.100.1", "203.0.113.9, 10.2.3.4"]), "203.0.113.9", "two proxies, two lines");
        assert_eq!(client(ours, "2001:db8::7", &["[2001:db8:1::5]:4321"]), "2001:db8:1::5");
        assert_eq!(client(ours, "10.0.0.1", &["203.0.113.9:4321"]), "203.0.113.9");
        assert_eq!(client(ours, "10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1", "nothing behind what is no address");
        assert_eq!(client(ours, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(ours, "203.0.113.50", &["198.51.100.1"]), "203.0.113.50", "no proxy of ours");
        assert_eq!(client("", "127.0.0.1", &["198.51.100.1"]), "127.0.0.1", "nobody's word is taken");
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        let trusts = |proxies: &str, address: &str| proxies.parse::<Proxies>().unwrap().trusts(address.parse().unwrap());
        assert!(trusts("192.0.2.128/25", "192.0.2.200") && !trusts("192.0.2.128/25", "192.0.2.100"));
        assert!(trusts("0.0.0.0/0", "203.0.113.1") && !trusts("0.0.0.0/0", "2001:db8::1"));
        assert!(trusts("fd00::/8", "fd12::1") && !trusts("fd00::/8", "fe80::1"));
        assert!(trusts("10.0.0.7", "10.0.0.7") && !trusts("10.0.0.7", "10.0.0.8"));
        for bad in ["10.0.0.0/33", "proxy", "10.0.0.0/x", "::/129", "10.0.0"] {
            assert!(bad.parse::<Proxies>().is_err(), "{bad}");
        }
    }
}
