//! A signer behind TLS that asks for our certificate.

use std::{net::SocketAddr, path::Path, sync::Arc};

use quintet_signer::{
    Backend as _, Web3SignerBackend,
    config::{TlsConfig, Web3SignerApi, Web3SignerConfig},
};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use crate::{mock::remote, spec};

type Made = CertifiedKey<KeyPair>;

/// Answers every request with `OK`, to clients with the certificate `client`.
async fn serve(server: &Made, client: &Made) -> SocketAddr {
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client.cert.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![server.cert.der().clone()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read(&mut [0; 4096]).await.is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nOK").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

fn backend(address: SocketAddr, tls: TlsConfig) -> Web3SignerBackend {
    let mut remote = remote(&format!("https://localhost:{}", address.port()));
    remote.tls = tls;
    Web3SignerBackend::open(&Web3SignerConfig { remote, api: Web3SignerApi::CommitBoost }, Arc::new(spec())).unwrap()
}

fn write(dir: &Path, name: &str, text: &str) -> Option<std::path::PathBuf> {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    Some(path)
}

#[tokio::test]
async fn certificates_are_shown_and_checked_both_ways() {
    let made = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (server, client, stranger) = (made(), made(), made());
    let address = serve(&server, &client).await;
    let dir = tempfile::tempdir().unwrap();
    let tls = |name: &str, ours: &Made, theirs: &Made| TlsConfig {
        ca: write(dir.path(), &format!("{name}.ca"), &theirs.cert.pem()),
        certificate: write(dir.path(), &format!("{name}.cert"), &ours.cert.pem()),
        key: write(dir.path(), &format!("{name}.key"), &ours.signing_key.serialize_pem()),
    };
    backend(address, tls("good", &client, &server)).check().await.unwrap();
    backend(address, tls("stranger", &stranger, &server)).check().await.unwrap_err();
    backend(address, tls("impostor", &client, &stranger)).check().await.unwrap_err();
    backend(address, TlsConfig::default()).check().await.unwrap_err();
    let without = TlsConfig { certificate: None, key: None, ..tls("without", &client, &server) };
    backend(address, without).check().await.unwrap_err();
}
