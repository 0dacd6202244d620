//! TLS by rustls: certificate and key from files, which can be read again while serving.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file holds no certificate or key.
    #[error("{path}: no {what} in it (PEM is expected): {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// Certificate and key do not go together, or are of a kind that rustls does not know.
    #[error("{cert} and {key}: {source}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
    /// rustls refuses its own defaults; a bug.
    #[error("TLS: {0}")]
    Config(rustls::Error),
}

/// Certificate and key as files. Clones share what was read last.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    acceptor: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Writers do nothing under the lock but put a value in place.
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl TlsFiles {
    /// Reads both files.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(Arc::new(pair(cert, key, &provider)?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Config)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), current, acceptor: Arc::new(config) })
    }

    /// Reads both files again. Connections from now on get the new certificate; if it cannot be used, the old one stays.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(pair(&self.cert, &self.key, self.acceptor.crypto_provider())?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.acceptor))
    }
}

fn pair(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let read = |path: &Path| fs::read(path).map_err(|source| TlsError::Io { path: path.to_owned(), source });
    let pem = |path: &Path, what, reason: String| TlsError::Pem { path: path.to_owned(), what, reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<_, _>>()
        .map_err(|error| pem(cert, "certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(pem(cert, "certificate", "there is no such section".into()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| pem(key, "private key", error.to_string()))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Pair {
        cert: cert.to_owned(),
        key: key.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = || rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        let (first, second) = (made(), made());
        fs::write(path("cert"), first.cert.pem()).unwrap();
        fs::write(path("key"), first.signing_key.serialize_pem()).unwrap();
        fs::write(path("other"), second.signing_key.serialize_pem()).unwrap();
        let error = |cert: &str, key: &str| TlsFiles::read(&path(cert), &path(key)).unwrap_err();

        TlsFiles::read(&path("cert"), &path("key")).unwrap();
        assert!(matches!(error("none", "key"), TlsError::Io { .. }));
        assert!(error("key", "key").to_string().contains("no certificate in it"));
        assert!(error("cert", "cert").to_string().contains("no private key in it"));
        assert!(matches!(error("cert", "other"), TlsError::Pair { .. }), "a key of another certificate");
    }
}
