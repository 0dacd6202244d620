//! The file of the validators that take part: for networks without a `ValidatorSet` contract, and the same in every sidecar.

use std::path::Path;

use quintet_agreement::{AgreementError, Enrolled, Member};
use quintet_keys::PublicKey;
use quintet_types::{PublicKeyBytes, SigningVariant, ValidatorIndex};
use serde::Deserialize;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnrolledError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not TOML of the expected form.
    #[error("{path}: {source}")]
    Toml {
        /// The file.
        path: String,
        /// The cause.
        source: Box<toml::de::Error>,
    },
    /// A key is no public key.
    #[error("{path}: validator {index}: {pubkey} is no public key")]
    Key {
        /// The file.
        path: String,
        /// The validator.
        index: ValidatorIndex,
        /// What is written there.
        pubkey: PublicKeyBytes,
    },
    /// They cannot vote together.
    #[error("{path}: {source}")]
    Committee {
        /// The file.
        path: String,
        /// What is wrong.
        source: AgreementError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    validator: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    index: u64,
    pubkey: PublicKeyBytes,
    #[serde(default = "full_balance")]
    effective_balance_gwei: u64,
    #[serde(default)]
    signing: SigningVariant,
}

const fn full_balance() -> u64 {
    32_000_000_000
}

/// Reads `[[validator]]` tables: `index`, `pubkey`, and optionally `effective_balance_gwei` (32 ETH) and `signing` (`direct`).
///
/// Who writes the file vouches for the keys: each has to come with a proof of possession, or aggregates prove nothing.
///
/// # Errors
/// See [`EnrolledError`].
pub fn read(path: &Path) -> Result<Enrolled, EnrolledError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| EnrolledError::Io { path: shown.clone(), source })?;
    parse(&text, &shown)
}

fn parse(text: &str, path: &str) -> Result<Enrolled, EnrolledError> {
    let file: File =
        toml::from_str(text).map_err(|source| EnrolledError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let member = |entry: Entry| {
        let index = ValidatorIndex(entry.index);
        let key = PublicKey::try_from(&entry.pubkey).map_err(|_| EnrolledError::Key {
            path: path.to_owned(),
            index,
            pubkey: entry.pubkey,
        })?;
        Ok(Member { index, key, weight: entry.effective_balance_gwei, variant: entry.signing })
    };
    let members = file.validator.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
    Enrolled::new(members).map_err(|source| EnrolledError::Committee { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0x97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";

    #[test]
    fn a_validator_needs_an_index_and_a_key() {
        let enrolled = parse(&format!("[[validator]]\nindex = 7\npubkey = \"{KEY}\"\n"), "v.toml").unwrap();
        let member = enrolled.member(ValidatorIndex(7)).unwrap();
        assert_eq!((member.weight, member.variant), (32_000_000_000, SigningVariant::Direct));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| parse(text, "v.toml").unwrap_err().to_string();
        assert!(error("[[validator]]\nindex = 7\n").starts_with("v.toml: "));
        let no_key = KEY.replace("97f1", "0000");
        assert!(error(&format!("[[validator]]\nindex = 7\npubkey = \"{no_key}\"\n")).contains("validator 7"));
        let twice = format!("[[validator]]\nindex = 7\npubkey = \"{KEY}\"\n").repeat(2);
        assert!(error(&twice).starts_with("v.toml: "), "{}", error(&twice));
        assert!(error("").starts_with("v.toml: "), "nobody is no committee");
    }
}
