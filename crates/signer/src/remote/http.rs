//! Requests to a signer: time limits, certificates, bounded answers, and repeats where they are safe.
//!
//! A request for a signature may be repeated: the object is on record before the first attempt, BLS signatures are deterministic, and no signer that we
//! speak to counts or spends anything. It is repeated only where nobody answered, or a proxy did (502, 503, 504): a refusal stands.

use std::{path::Path, time::Duration};

use quintet_keys::read_capped;
use reqwest::{Certificate, Client, Identity, RequestBuilder, StatusCode, redirect::Policy};
use zeroize::Zeroizing;

use crate::{
    OpenError, SignError,
    config::{RemoteConfig, SignerUrl},
};

/// Wait before the first repeat; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// Largest certificate file.
const MAX_PEM: u64 = 1 << 20;
/// How much of a refusal is shown.
const MAX_MESSAGE: usize = 200;

/// A client of one signer.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: SignerUrl,
    name: String,
    retries: u32,
}

impl Http {
    pub(super) fn new(kind: &str, config: &RemoteConfig) -> Result<Self, OpenError> {
        if config.timeout_ms == 0 {
            return Err(OpenError::Config { key: "timeout_ms", why: "0: no signer answers in no time".to_owned() });
        }
        let timeout = Duration::from_millis(config.timeout_ms);
        // Neither proxies of the environment nor redirects: what is signed goes to the signer that was named.
        let mut builder = Client::builder().timeout(timeout).connect_timeout(timeout).redirect(Policy::none()).no_proxy();
        if let Some(ca) = &config.tls.ca {
            let roots = Certificate::from_pem_bundle(&pem(ca)?).map_err(|error| malformed(ca, &error))?;
            builder = builder.tls_certs_only(roots);
        }
        match (&config.tls.certificate, &config.tls.key) {
            (Some(certificate), Some(key)) => {
                let mut both = pem(certificate)?;
                both.push(b'\n');
                both.extend_from_slice(&pem(key)?);
                builder = builder.identity(Identity::from_pem(&both).map_err(|error| malformed(certificate, &error))?);
            }
            (None, None) => {}
            _ => return Err(OpenError::Config { key: "tls", why: "certificate and key go together".to_owned() }),
        }
        let client = builder.build().map_err(|error| OpenError::Config { key: "url", why: error.without_url().to_string() })?;
        Ok(Self { client, url: config.url.clone(), name: format!("{kind} at {}", config.url), retries: config.retries })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A GET of a path.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url.join(path))
    }

    /// A POST of JSON to a path.
    pub(super) fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
        self.client
            .post(self.url.join(path))
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body)
    }

    /// Sends what `build` makes, anew for each attempt, and gives the body of a 2xx of `limit` bytes at most.
    pub(super) async fn send(
        &self,
        limit: usize,
        build: impl Fn() -> Result<RequestBuilder, SignError> + Send,
    ) -> Result<Vec<u8>, SignError> {
        let mut pause = PAUSE;
        for left in (0..=self.retries).rev() {
            let error = match self.attempt(limit, build()?).await {
                Err(error) if error.is_temporary() => error,
                other => return other,
            };
            if left == 0 {
                return Err(error);
            }
            tracing::debug!("{error}; asking again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(self.unreachable("not asked".to_owned()))
    }

    async fn attempt(&self, limit: usize, request: RequestBuilder) -> Result<Vec<u8>, SignError> {
        let failed = |error: reqwest::Error| self.unreachable(cause(error));
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let limit = if status.is_success() { limit } else { MAX_MESSAGE };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > limit {
                if status.is_success() {
                    return Err(self.answer(format!("more than {limit} bytes")));
                }
                body.truncate(limit);
                break;
            }
        }
        match status {
            _ if status.is_success() => Ok(body),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(self.unreachable(format!("status {}", status.as_u16())))
            }
            _ => {
                let message = String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).collect();
                Err(SignError::Refused { signer: self.name.clone(), status: status.as_u16(), message })
            }
        }
    }

    pub(super) fn answer(&self, why: String) -> SignError {
        SignError::Answer { signer: self.name.clone(), why }
    }

    fn unreachable(&self, why: String) -> SignError {
        SignError::Unreachable { signer: self.name.clone(), why }
    }
}

/// The innermost reason, without the address.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut last: &dyn std::error::Error = &error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn pem(path: &Path) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    read_capped(path, MAX_PEM).map_err(OpenError::keystore(path))
}

fn malformed(path: &Path, error: &reqwest::Error) -> OpenError {
    OpenError::Malformed { path: path.to_owned(), why: error.to_string() }
}
