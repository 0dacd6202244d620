//! Commit-Boost's signer: consensus keys sign "proposer commitments" for a module, under a domain of Commit-Boost's own.
//!
//! The module's signing id in its configuration has to be [`COMMIT_BOOST_SIGNING_ID`]: it is part of what is signed, so no other module gets a signature
//! that passes for one of ours. Nonces guard against replays, which agreement has no use for: always 0.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use quintet_keys::read_capped;
use quintet_types::{PublicKeyBytes, Root, SignatureBytes, SigningVariant, Spec, signing_variant::COMMIT_BOOST_SIGNING_ID};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{MAX_KEYS_BYTES, MAX_SIGNATURE_BYTES, http::Http, jwt, wanted};
use crate::{Backend, OpenError, Permit, SignError, config::CommitBoostConfig};

const GET_PUBKEYS: &str = "/signer/v1/get_pubkeys";
const REQUEST_SIGNATURE: &str = "/signer/v1/request_signature/bls";
const STATUS: &str = "status";
const MAX_SECRET: u64 = 4096;

#[derive(Serialize)]
struct SignRequest<'a> {
    pubkey: &'a PublicKeyBytes,
    object_root: Root,
    nonce: u64,
}

#[derive(Deserialize)]
struct SignResponse {
    pubkey: PublicKeyBytes,
    object_root: Root,
    module_signing_id: Root,
    nonce: u64,
    /// A number by the API's description, hex in quotes by the program.
    chain_id: serde_json::Value,
    signature: SignatureBytes,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<KeyMap>,
}

#[derive(Deserialize)]
struct KeyMap {
    consensus: PublicKeyBytes,
}

/// Commit-Boost's signer.
pub struct CommitBoostBackend {
    http: Http,
    spec: Arc<Spec>,
    module: String,
    secret: Zeroizing<Vec<u8>>,
    only: Vec<PublicKeyBytes>,
}

impl fmt::Debug for CommitBoostBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitBoostBackend({} as {})", self.http.name(), self.module)
    }
}

impl CommitBoostBackend {
    /// Reads secrets and certificates. The signer is not asked anything yet.
    ///
    /// # Errors
    /// If a file cannot be used, or the network has no chain id.
    pub fn open(config: &CommitBoostConfig, spec: Arc<Spec>) -> Result<Self, OpenError> {
        let path = &config.jwt_secret_file;
        let mut secret = read_capped(path, MAX_SECRET).map_err(OpenError::keystore(path))?;
        let length = secret.trim_ascii_end().len();
        secret.truncate(length);
        if secret.is_empty() {
            return Err(OpenError::Malformed { path: path.clone(), why: "the JWT secret is empty".to_owned() });
        }
        if spec.deposit_chain_id == 0 {
            let why = "0: Commit-Boost signs the chain id too, so the network's file has to name it".to_owned();
            return Err(OpenError::Config { key: "DEPOSIT_CHAIN_ID", why });
        }
        let http = Http::new("Commit-Boost's signer", &config.remote)?;
        Ok(Self { http, spec, module: config.module.clone(), secret, only: config.remote.only.clone() })
    }

    fn token(&self, route: &str, body: Option<&[u8]>) -> String {
        // A clock before 1970 makes a token that has run out.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        jwt::token(&self.secret, &self.module, route, body, now)
    }

    /// Says what the operator should look at.
    fn explain(&self, error: SignError) -> SignError {
        match error {
            SignError::Refused { signer, status: 401, message } => {
                let message = format!(
                    "{message}; compare module {:?} and the secret in jwt_secret_file with its configuration",
                    self.module
                );
                SignError::Refused { signer, status: 401, message }
            }
            other => other,
        }
    }

    fn check_answer(&self, answer: &SignResponse, pubkey: &PublicKeyBytes, object_root: Root) -> Result<(), String> {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        let chain = answer.chain_id.as_u64().or_else(|| number(answer.chain_id.as_str()?));
        if answer.pubkey != *pubkey || answer.object_root != object_root || answer.nonce != 0 {
            return Err("the answer is to another request".to_owned());
        }
        if answer.module_signing_id != COMMIT_BOOST_SIGNING_ID {
            let (theirs, module) = (answer.module_signing_id, &self.module);
            return Err(format!("the signing_id of module {module} is {theirs}, and has to be {COMMIT_BOOST_SIGNING_ID}"));
        }
        if chain != Some(self.spec.deposit_chain_id) {
            return Err(format!("it signs for the chain {}, not {}", answer.chain_id, self.spec.deposit_chain_id));
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for CommitBoostBackend {
    fn name(&self) -> String {
        self.http.name().to_owned()
    }

    fn variant(&self) -> SigningVariant {
        SigningVariant::CommitBoost
    }

    async fn keys(&self) -> Result<Vec<PublicKeyBytes>, SignError> {
        let request = || Ok(self.http.get(&GET_PUBKEYS[1..]).bearer_auth(self.token(GET_PUBKEYS, None)));
        let body = self.http.send(MAX_KEYS_BYTES, request).await.map_err(|error| self.explain(error))?;
        let keys: Keys = serde_json::from_slice(&body).map_err(|error| self.http.answer(error.to_string()))?;
        Ok(wanted(keys.keys.into_iter().map(|key| key.consensus).collect(), &self.only))
    }

    async fn sign(&self, permit: &Permit) -> Result<SignatureBytes, SignError> {
        let (pubkey, object_root) = (permit.pubkey(), permit.request().signing_root());
        let body = serde_json::to_vec(&SignRequest { pubkey, object_root, nonce: 0 })
            .map_err(|error| self.http.answer(error.to_string()))?;
        // A fresh token for each attempt; its hash is of exactly the bytes that are sent.
        let request = || {
            let token = self.token(REQUEST_SIGNATURE, Some(&body));
            Ok(self.http.post(&REQUEST_SIGNATURE[1..], body.clone()).bearer_auth(token))
        };
        let answer = match self.http.send(MAX_SIGNATURE_BYTES, request).await {
            Err(SignError::Refused { status: 404, .. }) => return Err(SignError::UnknownKey(*pubkey)),
            other => other.map_err(|error| self.explain(error))?,
        };
        let answer: SignResponse = serde_json::from_slice(&answer).map_err(|error| self.http.answer(error.to_string()))?;
        self.check_answer(&answer, pubkey, object_root).map_err(|why| self.http.answer(why))?;
        Ok(answer.signature)
    }

    async fn check(&self) -> Result<(), SignError> {
        self.http.send(MAX_SIGNATURE_BYTES, || Ok(self.http.get(STATUS))).await.map(drop)
    }
}
