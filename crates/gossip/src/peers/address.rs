//! Addresses: of whom they are, and which of them lie together.

use std::net::{IpAddr, Ipv6Addr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// The IP address in a multiaddress that starts with one.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        _ => None,
    }
}

fn masked(ip: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from(u128::from(ip) & (u128::MAX << (128 - bits)))
}

/// What one customer of a provider gets: an IPv4 address, an IPv6 /64.
pub(crate) fn host(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => masked(ip, 64).into(),
    }
}

/// What is likely to be in one hand: IPv4 /16, IPv6 /32.
pub(crate) fn group(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, _, _] = ip.octets();
            [a, b, 0, 0].into()
        }
        IpAddr::V6(ip) => masked(ip, 32).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_fall_into_hosts_and_groups() {
        let ip = |text: &str| ip_of(&text.parse().unwrap()).unwrap();
        let (a, b) = (ip("/ip4/10.1.2.3/tcp/1"), ip("/ip4/10.1.9.9/udp/1/quic-v1"));
        assert_ne!(host(a), host(b));
        assert_eq!(group(a), group(b));
        let (a, b) = (ip("/ip6/2001:db8:1:2:3::1/tcp/1"), ip("/ip6/2001:db8:1:2:4::1/tcp/1"));
        assert_eq!(host(a), host(b));
        assert_eq!(group(a), "2001:db8::".parse::<IpAddr>().unwrap());
        assert_eq!(ip("/ip6/::ffff:10.1.2.3/tcp/1"), ip("/ip4/10.1.2.3/tcp/1"));
        assert_eq!(ip_of(&"/dns4/example.org/tcp/1".parse().unwrap()), None);
    }
}
