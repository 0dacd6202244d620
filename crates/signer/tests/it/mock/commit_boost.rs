//! Commit-Boost's signer as of 0.11: tokens checked as it checks them, signatures over its own root.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::keccak256;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use quintet_types::{PublicKeyBytes, Root, signing_variant::commit_boost_signing_root};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Mood, Shared};

/// A module that it is configured with.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub(crate) secret: String,
    pub(crate) signing_id: Root,
}

/// Its configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) shared: Arc<Shared>,
    pub(crate) modules: BTreeMap<String, Module>,
    pub(crate) chain_id: u64,
}

#[derive(Deserialize)]
struct Claims {
    exp: u64,
    module: String,
    route: String,
    payload_hash: Option<Root>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignRequest {
    pubkey: PublicKeyBytes,
    object_root: Root,
    nonce: u64,
}

pub(crate) fn router(config: Arc<Config>) -> Router {
    Router::new()
        .route("/status", get(|| async { "OK" }))
        .route("/signer/v1/get_pubkeys", get(get_pubkeys))
        .route("/signer/v1/request_signature/bls", post(request_signature))
        .with_state(config)
}

impl Config {
    /// The module whose token this is, by the rules of the program: `validate_jwt`.
    fn authorise(&self, headers: &HeaderMap, route: &str, body: &[u8]) -> Option<&Module> {
        let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        let (signed, mac) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let module = self.modules.get(&claims.module)?;
        let mut expected = Hmac::<Sha256>::new_from_slice(module.secret.as_bytes()).ok()?;
        expected.update(signed.as_bytes());
        expected.verify_slice(&URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let hash = (!body.is_empty()).then(|| keccak256(body));
        let holds = header["alg"] == "HS256" && claims.exp + 10 > now && claims.route == route && claims.payload_hash == hash;
        holds.then_some(module)
    }
}

async fn get_pubkeys(State(config): State<Arc<Config>>, headers: HeaderMap) -> Response {
    if config.authorise(&headers, "/signer/v1/get_pubkeys", &[]).is_none() {
        return (StatusCode::UNAUTHORIZED, "unauthorized").into_response();
    }
    let keys = config.shared.pubkeys().into_iter().map(|key| json!({ "consensus": key, "proxy_bls": [], "proxy_ecdsa": [] }));
    Json(json!({ "keys": keys.collect::<Vec<_>>() })).into_response()
}

async fn request_signature(State(config): State<Arc<Config>>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = match config.shared.receive().await {
        Ok(mood) => mood,
        Err(code) => return (StatusCode::from_u16(code).unwrap(), "no").into_response(),
    };
    let Some(module) = config.authorise(&headers, "/signer/v1/request_signature/bls", &body) else {
        return (StatusCode::UNAUTHORIZED, "unauthorized").into_response();
    };
    let Ok(SignRequest { pubkey, object_root, nonce }) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "bad request").into_response();
    };
    let version = crate::spec().genesis_fork_version;
    let root = commit_boost_signing_root(object_root, module.signing_id, nonce, config.chain_id, version);
    let Some(signature) = config.shared.sign(&pubkey, root.0, mood) else {
        return (StatusCode::NOT_FOUND, format!("unknown consensus signer: {pubkey}")).into_response();
    };
    if mood == Mood::Garbage {
        return Json(json!({ "signature": signature })).into_response();
    }
    Json(json!({
        "pubkey": pubkey,
        "object_root": object_root,
        "module_signing_id": module.signing_id,
        "nonce": nonce,
        "chain_id": format!("{:#x}", config.chain_id),
        "signature": signature,
    }))
    .into_response()
}
