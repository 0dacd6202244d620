//! TLS: certificates that are checked, and replaced while serving.

use std::{path::Path, time::Duration};

use quintet_api::GatewayClient;
use quintet_sidecar::net::TlsFiles;

use super::fixture::{Gateway, config};

/// A certificate for localhost that stands for itself, written into two files.
pub(super) fn write_pair(folder: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

/// Whether a server on this port of localhost shows a certificate that `root` stands for, and answers.
pub(super) async fn answers(port: u16, root: &reqwest::Certificate) -> bool {
    let client = reqwest::Client::builder().add_root_certificate(root.clone()).build().unwrap();
    client.get(format!("https://localhost:{port}/v1/node/health")).send().await.is_ok()
}

async fn version(port: u16, root: &reqwest::Certificate) -> bool {
    let url = format!("https://localhost:{port}");
    let client = GatewayClient::with_roots(&url, Duration::from_secs(10), std::slice::from_ref(root)).unwrap();
    client.identity().await.is_ok()
}

#[tokio::test]
async fn the_gateway_speaks_tls_and_takes_a_new_certificate_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_pair(folder.path());
    let tls = TlsFiles::read(&folder.path().join("cert.pem"), &folder.path().join("key.pem")).unwrap();
    let gateway = Gateway::with_tls(config(), tls).await;
    let port = gateway.address.port();
    assert!(version(port, &first).await);
    assert!(reqwest::get(gateway.url("/v1/node/version")).await.is_err(), "no plain HTTP on that port");

    let second = write_pair(folder.path());
    assert!(version(port, &first).await, "files alone change nothing");
    let reload = || reqwest::Client::new().post(gateway.admin_url("/admin/v1/tls/reload")).send();
    assert_eq!(reload().await.unwrap().status(), 200);
    assert!(version(port, &second).await && !version(port, &first).await);

    std::fs::write(folder.path().join("cert.pem"), "nothing").unwrap();
    let refused = reload().await.unwrap();
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains("cert.pem: no certificate in it"));
    assert!(version(port, &second).await, "the old one stays");
}
