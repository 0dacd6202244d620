//! Whom a request is from: the peer, or, if the peer is a trusted proxy, whom that names.

use std::{fmt, net::IpAddr, str::FromStr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether an address is in it. IPv4 addresses in IPv6 form count as what they are.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| format!("{text:?} is no network; it looks like 10.0.0.0/8 or fd00::1"))
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(net: Cidr) -> Self {
        net.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a request is from; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Hops of `X-Forwarded-For` that are looked at.
const MAX_HOPS: usize = 16;

/// Whom a request is from. Only trusted peers are asked, and of what they say the last address that is not a trusted proxy's own counts: what stands before it
/// was written by the client.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> ClientAddress {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MAX_HOPS) {
        if !is_trusted(client) {
            break;
        }
        match parse_hop(hop.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    ClientAddress(client)
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let socket = || text.parse::<std::net::SocketAddr>().map(|socket| socket.ip()).ok();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(socket)
}

/// Whom limits count by: an IPv4 address, or an IPv6 /64, which is what one customer has.
pub fn rate_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<Cidr> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn forwarded_for_counts_from_trusted_proxies_only() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.2.3", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn what_the_client_itself_writes_does_not_count() {
        // The client claims 1.1.1.1; the outer proxy appends whom it saw, the inner one the outer.
        assert_eq!(client("10.0.0.2", &["1.1.1.1, 198.51.100.1, 10.0.0.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(client("10.0.0.2", &["1.1.1.1", "198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(client("10.0.0.2", &["1.1.1.1, nonsense"], &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(client("10.0.0.2", &["[2001:db8::1]:443"], &["10.0.0.0/8"]), "2001:db8::1");
    }

    #[test]
    fn neighbours_in_a_64_are_one() {
        let key = |text: &str| rate_key(text.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::9"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
