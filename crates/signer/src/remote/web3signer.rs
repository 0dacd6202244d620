//! Web3Signer: its Commit-Boost interface for Web3Signer itself, the remote signing API for signers that know our type.
//!
//! `POST /api/v1/eth2/sign/{identifier}` signs objects of the consensus layer that it builds itself from typed fields; it has no type for anything else, and
//! to smuggle a root into one (a block root in an attestation, say) would make a signature that is valid on the beacon chain. So nothing of that is done.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use quintet_types::{PublicKeyBytes, SignatureBytes, SigningVariant, Spec};
use serde::Deserialize;
use serde_json::json;

use super::{MAX_KEYS_BYTES, MAX_SIGNATURE_BYTES, http::Http, wanted};
use crate::{
    Backend, OpenError, Permit, SignError,
    config::{Web3SignerApi, Web3SignerConfig},
};

const UPCHECK: &str = "upcheck";
const PUBLIC_KEYS: &str = "api/v1/eth2/publicKeys";
const SIGN: &str = "api/v1/eth2/sign";
const COMMIT_BOOST: &str = "signer/v1/request_signature";
/// The type that a signer has to know besides those of the API.
const TYPE: &str = "QUINTET";

#[derive(Deserialize)]
struct SignResponse {
    signature: SignatureBytes,
}

/// Web3Signer, or a signer with its API.
pub struct Web3SignerBackend {
    http: Http,
    api: Web3SignerApi,
    spec: Arc<Spec>,
    only: Vec<PublicKeyBytes>,
}

impl fmt::Debug for Web3SignerBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Web3SignerBackend({}, {:?})", self.http.name(), self.api)
    }
}

impl Web3SignerBackend {
    /// Reads certificates. The signer is not asked anything yet.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn open(config: &Web3SignerConfig, spec: Arc<Spec>) -> Result<Self, OpenError> {
        let http = Http::new("Web3Signer", &config.remote)?;
        Ok(Self { http, api: config.api, spec, only: config.remote.only.clone() })
    }

    /// Path and body of a request for a signature.
    fn request(&self, permit: &Permit) -> (String, serde_json::Value) {
        let (pubkey, request) = (permit.pubkey(), permit.request());
        match self.api {
            Web3SignerApi::CommitBoost => {
                let body = json!({ "type": "CONSENSUS", "pubkey": pubkey, "object_root": request.signing_root() });
                (COMMIT_BOOST.to_owned(), body)
            }
            Web3SignerApi::Eth2 => {
                let version = self.spec.genesis_fork_version;
                let fork = json!({ "previous_version": version, "current_version": version, "epoch": "0" });
                let body = json!({
                    "type": TYPE,
                    "fork_info": { "fork": fork, "genesis_validators_root": self.spec.genesis_validators_root },
                    "signingRoot": request.signing_root(),
                    "quintet": { "object_root": request.object_root, "domain": request.domain },
                });
                (format!("{SIGN}/{pubkey}"), body)
            }
        }
    }

    /// Says what the operator should look at.
    fn explain(&self, error: SignError, pubkey: &PublicKeyBytes) -> SignError {
        match (error, self.api) {
            (SignError::Refused { status: 404, message, .. }, Web3SignerApi::CommitBoost) if message.contains("pubkey") => {
                SignError::UnknownKey(*pubkey)
            }
            (SignError::Refused { signer, status: 404, message }, Web3SignerApi::CommitBoost) => {
                let message = format!("{message}; Web3Signer needs --commit-boost-api-enabled=true (24.12 or later)");
                SignError::Refused { signer, status: 404, message }
            }
            (SignError::Refused { status: 404, .. }, Web3SignerApi::Eth2) => SignError::UnknownKey(*pubkey),
            (SignError::Refused { signer, status: 400, message }, Web3SignerApi::Eth2) => {
                let message = format!("{message}; Web3Signer itself does not know the type {TYPE}: set api = \"commit-boost\"");
                SignError::Refused { signer, status: 400, message }
            }
            (other, _) => other,
        }
    }
}

/// A signature in any of the forms the API has: JSON with a field, a JSON string, plain text.
fn read_signature(body: &[u8]) -> Option<SignatureBytes> {
    if let Ok(response) = serde_json::from_slice::<SignResponse>(body) {
        return Some(response.signature);
    }
    serde_json::from_slice(body).ok().or_else(|| std::str::from_utf8(body).ok()?.trim().parse().ok())
}

#[async_trait]
impl Backend for Web3SignerBackend {
    fn name(&self) -> String {
        self.http.name().to_owned()
    }

    fn variant(&self) -> SigningVariant {
        match self.api {
            Web3SignerApi::CommitBoost => SigningVariant::Web3signer,
            Web3SignerApi::Eth2 => SigningVariant::Direct,
        }
    }

    async fn keys(&self) -> Result<Vec<PublicKeyBytes>, SignError> {
        let body = self.http.send(MAX_KEYS_BYTES, || Ok(self.http.get(PUBLIC_KEYS))).await?;
        let keys: Vec<PublicKeyBytes> = serde_json::from_slice(&body).map_err(|error| self.http.answer(error.to_string()))?;
        Ok(wanted(keys, &self.only))
    }

    async fn sign(&self, permit: &Permit) -> Result<SignatureBytes, SignError> {
        let (path, body) = self.request(permit);
        let body = body.to_string().into_bytes();
        let answer = self.http.send(MAX_SIGNATURE_BYTES, || Ok(self.http.post(&path, body.clone()))).await;
        let answer = answer.map_err(|error| self.explain(error, permit.pubkey()))?;
        read_signature(&answer).ok_or_else(|| self.http.answer("no signature".to_owned()))
    }

    async fn check(&self) -> Result<(), SignError> {
        self.http.send(MAX_SIGNATURE_BYTES, || Ok(self.http.get(UPCHECK))).await.map(drop)
    }
}
