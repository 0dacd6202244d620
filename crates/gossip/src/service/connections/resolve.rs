//! Looks up the hosts of addresses that name one.

use std::io;
use std::net::IpAddr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Addresses of one host that are tried, most.
const MAX_ADDRESSES: usize = 8;

/// Whether an address names a host.
pub(super) fn needs_lookup(address: &Multiaddr) -> bool {
    matches!(address.iter().next(), Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)))
}

/// The same address with the host's IP addresses in the place of its name.
pub(super) async fn lookup(address: &Multiaddr) -> io::Result<Vec<Multiaddr>> {
    let mut parts = address.iter();
    let (host, four, six) = match parts.next() {
        Some(Protocol::Dns(host)) => (host, true, true),
        Some(Protocol::Dns4(host)) => (host, true, false),
        Some(Protocol::Dns6(host)) => (host, false, true),
        _ => return Ok(vec![address.clone()]),
    };
    let found = tokio::net::lookup_host((host.as_ref(), 0)).await?;
    let wanted = found.map(|found| found.ip()).filter(|ip| if ip.is_ipv4() { four } else { six });
    let rest: Multiaddr = parts.collect();
    let with = |ip: IpAddr| Multiaddr::from(ip).into_iter().chain(rest.iter()).collect();
    Ok(wanted.take(MAX_ADDRESSES).map(with).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hosts_become_addresses() {
        let address: Multiaddr =
            "/dns4/localhost/tcp/9000/p2p/16Uiu2HAmLMyG8FCfXNUJqhZmSAqM9sSvsRcS3QkHoScyZTn7qEJo".parse().unwrap();
        assert!(needs_lookup(&address));
        let found = lookup(&address).await.unwrap();
        let text = address.to_string().replace("/dns4/localhost", "/ip4/127.0.0.1");
        assert_eq!(found, vec![text.parse::<Multiaddr>().unwrap()]);
        assert!(!needs_lookup(&found[0]));
    }
}
