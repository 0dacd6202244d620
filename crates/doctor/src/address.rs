//! Whether addresses can be listened on.

use std::{io::ErrorKind, net::SocketAddr};

use crate::Finding;

/// Whether `address`, which `key` sets, is free. Listens on it for an instant. `in_use` says what is to be done if it is not.
pub async fn free(what: &str, key: &str, address: SocketAddr, in_use: &str) -> Finding {
    if address.port() == 0 {
        return Finding::good("port", format!("{what}: any free port of {}", address.ip()));
    }
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Finding::good("port", format!("{what}: {address} is free")),
        Err(error) => {
            let mend = match error.kind() {
                ErrorKind::AddrInUse => format!("{in_use}, or set {key} to another address (`ss -ltnp` says who has it)"),
                ErrorKind::AddrNotAvailable => {
                    format!("this machine has no address {}; set {key} to one that it has", address.ip())
                }
                ErrorKind::PermissionDenied => format!("ports below 1024 are root's; set {key} to a higher one"),
                _ => format!("set {key} to another address"),
            };
            Finding::bad("port", format!("{what}: {address}: {error}"), mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    #[tokio::test]
    async fn a_port_that_somebody_has_is_named() {
        let held = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = held.local_addr().unwrap();
        let finding = free("gateway", "gateway.listen", address, "stop the other sidecar").await;
        assert_eq!(finding.standing, Standing::Bad);
        let mend = finding.mend.unwrap();
        assert!(mend.contains("stop the other sidecar") && mend.contains("gateway.listen"), "{mend}");
        drop(held);
        assert_eq!(free("gateway", "gateway.listen", address, "").await.standing, Standing::Good);
        let nowhere = "192.0.2.1:7000".parse().unwrap();
        assert!(free("gateway", "gateway.listen", nowhere, "").await.mend.unwrap().contains("no address 192.0.2.1"));
    }
}
