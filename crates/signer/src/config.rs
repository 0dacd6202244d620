//! The `[validator]` section: where the keys lie.
//!
//! ```toml
//! [validator]
//! record = "/var/lib/quintet/signing-record"
//! keys = { kind = "keystores", dir = "/var/lib/lighthouse", layout = "auto" }
//! # keys = { kind = "web3signer", url = "http://127.0.0.1:9000" }
//! # keys = { kind = "commit-boost", url = "http://127.0.0.1:20000", jwt_secret_file = "/etc/quintet/jwt", module = "QUINTET" }
//! ```

use std::{fmt, path::PathBuf};

use quintet_types::PublicKeyBytes;
use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::keystores::Layout;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorConfig {
    /// Where the keys lie.
    pub keys: KeysConfig,
    /// Folder of the signing record; one in the data folder if absent.
    #[serde(default)]
    pub record: Option<PathBuf>,
}

/// Where the keys lie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum KeysConfig {
    /// Keystores on this machine.
    Keystores(KeystoresConfig),
    /// Web3Signer, or a signer with its API.
    Web3signer(Web3SignerConfig),
    /// Commit-Boost's signer.
    CommitBoost(CommitBoostConfig),
}

/// Keystores on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeystoresConfig {
    /// The validator client's data folder, or its folder of validators; a keystore or a wallet may be named itself. With Teku's layout also what
    /// `--validator-keys` is given: pairs `keys:passwords` with commas between them.
    pub dir: PathBuf,
    /// How keys and passwords lie in it.
    #[serde(default)]
    pub layout: Layout,
    /// Folder of passwords, or the one file that has the password of all. Where the layout has it if absent; Prysm's wallet needs it.
    #[serde(default)]
    pub secrets: Option<PathBuf>,
}

/// How a remote signer is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Its address.
    pub url: SignerUrl,
    /// Milliseconds for one attempt.
    pub timeout_ms: u64,
    /// How often a request is repeated if the signer cannot be reached or does not answer in time.
    pub retries: u32,
    /// Keys to use; all that the signer has if empty.
    pub only: Vec<PublicKeyBytes>,
    /// Certificates.
    pub tls: TlsConfig,
}

/// Certificates for a remote signer. Files in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// What the signer's certificate hangs on, instead of the system's roots.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Our certificate, with the chain.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// Which API of Web3Signer signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Web3SignerApi {
    /// Web3Signer's Commit-Boost API (`--commit-boost-api-enabled=true`), which signs any root under a domain of its own.
    #[default]
    CommitBoost,
    /// `POST /api/v1/eth2/sign/{identifier}` with the type `QUINTET`, for signers that know it. Web3Signer itself does not.
    Eth2,
}

/// Web3Signer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Web3SignerFields")]
pub struct Web3SignerConfig {
    /// How it is reached.
    pub remote: RemoteConfig,
    /// Which of its APIs signs.
    pub api: Web3SignerApi,
}

/// Commit-Boost's signer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "CommitBoostFields")]
pub struct CommitBoostConfig {
    /// How it is reached.
    pub remote: RemoteConfig,
    /// File with the module's JWT secret.
    pub jwt_secret_file: PathBuf,
    /// The module's id in Commit-Boost's configuration.
    pub module: String,
}

const fn timeout_ms() -> u64 {
    2_000
}

const fn retries() -> u32 {
    1
}

// Flattened by hand: serde's flatten would let unknown keys pass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Web3SignerFields {
    url: SignerUrl,
    #[serde(default)]
    api: Web3SignerApi,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "retries")]
    retries: u32,
    #[serde(default)]
    only: Vec<PublicKeyBytes>,
    #[serde(default)]
    tls: TlsConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitBoostFields {
    url: SignerUrl,
    jwt_secret_file: PathBuf,
    module: String,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    #[serde(default = "retries")]
    retries: u32,
    #[serde(default)]
    only: Vec<PublicKeyBytes>,
    #[serde(default)]
    tls: TlsConfig,
}

impl From<Web3SignerFields> for Web3SignerConfig {
    fn from(fields: Web3SignerFields) -> Self {
        let Web3SignerFields { url, api, timeout_ms, retries, only, tls } = fields;
        Self { remote: RemoteConfig { url, timeout_ms, retries, only, tls }, api }
    }
}

impl From<CommitBoostFields> for CommitBoostConfig {
    fn from(fields: CommitBoostFields) -> Self {
        let CommitBoostFields { url, jwt_secret_file, module, timeout_ms, retries, only, tls } = fields;
        Self { remote: RemoteConfig { url, timeout_ms, retries, only, tls }, jwt_secret_file, module }
    }
}

/// Address of a signer. It is shown without user name, password and query.
#[derive(Clone, PartialEq, Eq)]
pub struct SignerUrl(Url);

impl SignerUrl {
    /// Parses an address.
    ///
    /// # Errors
    /// If it is none of `http` or `https`.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Not the text itself: it may hold a password.
        let mut url = Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("not an address of http or https".to_owned());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }

    pub(crate) fn join(&self, path: &str) -> Url {
        // Paths are made of literals and hex, which always join.
        self.0.join(path).unwrap_or_else(|_| self.0.clone())
    }
}

impl fmt::Display for SignerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.origin().ascii_serialization(), self.0.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for SignerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for SignerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ValidatorConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn all_kinds_are_read() {
        let config = read(r#"keys = { kind = "keystores", dir = "/keys", layout = "auto" }"#).unwrap();
        let expected = KeystoresConfig { dir: "/keys".into(), layout: Layout::Auto, secrets: None };
        assert_eq!(config, ValidatorConfig { keys: KeysConfig::Keystores(expected), record: None });

        let config = read("record = \"/r\"\n[keys]\nkind = \"web3signer\"\nurl = \"https://signer:9000\"\napi = \"eth2\"\ntls = { ca = \"/ca\" }").unwrap();
        let KeysConfig::Web3signer(signer) = &config.keys else { panic!("{config:?}") };
        assert_eq!((signer.api, signer.remote.timeout_ms, signer.remote.tls.ca.is_some()), (Web3SignerApi::Eth2, 2000, true));

        let config =
            read(r#"keys = { kind = "commit-boost", url = "http://127.0.0.1:20000", jwt_secret_file = "/s", module = "Q" }"#)
                .unwrap();
        assert!(matches!(config.keys, KeysConfig::CommitBoost(CommitBoostConfig { module, .. }) if module == "Q"));
    }

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        for text in [
            r#"keys = { kind = "keystores", dir = "/k", layuot = "auto" }"#,
            r#"keys = { kind = "keystores", dir = "/k", layout = "geth" }"#,
            r#"keys = { kind = "keystores" }"#,
            r#"keys = { kind = "ledger" }"#,
            r#"keys = { kind = "web3signer", url = "http://h", module = "Q" }"#,
            r#"keys = { kind = "web3signer", url = "ftp://h" }"#,
            r#"keys = { kind = "web3signer", url = "http://h", tls = { cert = "/c" } }"#,
            r#"keys = { kind = "commit-boost", url = "http://h", module = "Q" }"#,
            "keys = { kind = \"keystores\", dir = \"/k\" }\nrecrod = \"/r\"",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_secret() {
        let url = SignerUrl::parse("https://user:hunter2@signer:9000/base?token=hunter2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://signer:9000/base https://signer:9000/base");
        let config = read(r#"keys = { kind = "web3signer", url = "http://u:hunter2@h" }"#).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!read(r#"keys = { kind = "web3signer", url = "://hunter2" }"#).unwrap_err().message().contains("hunter2"));
    }
}
