//! The token that Commit-Boost's signer wants: HS256 over who asks, which route, until when, and the hash of the body.

use alloy_primitives::{B256, keccak256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::Sha256;

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
/// Seconds that a token holds. The signer allows for 10 more.
const LIFETIME: u64 = 60;

#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    module: &'a str,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hash: Option<B256>,
}

/// A token for one request. `now` is in seconds since 1970.
pub(super) fn token(secret: &[u8], module: &str, route: &str, body: Option<&[u8]>, now: u64) -> String {
    let claims = Claims { exp: now.saturating_add(LIFETIME), module, route, payload_hash: body.map(keccak256) };
    let claims = serde_json::to_vec(&claims).expect("strings and numbers always serialise");
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_the_claims_and_the_mac() {
        let token = token(b"supersecret", "QUINTET", "/signer/v1/request_signature/bls", Some(b"{}"), 1_000);
        let parts: Vec<&str> = token.split('.').collect();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let hash = keccak256("{}").to_string();
        let expected = serde_json::json!({
            "exp": 1060, "module": "QUINTET", "route": "/signer/v1/request_signature/bls", "payload_hash": hash,
        });
        assert_eq!(claims, expected);
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[0]).unwrap(), HEADER.as_bytes());
        let mut mac = Hmac::<Sha256>::new_from_slice(b"supersecret").unwrap();
        mac.update(format!("{}.{}", parts[0], parts[1]).as_bytes());
        assert!(mac.verify_slice(&URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).is_ok());
    }

    #[test]
    fn token_without_a_body_has_no_hash() {
        let token = token(b"s", "m", "/r", None, 0);
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        assert_eq!(claims, br#"{"exp":60,"module":"m","route":"/r"}"#);
    }
}
