//! Validators with interop keys: public knowledge, good for tests and nothing else.

use alloy_primitives::{B256, U256, uint};
use quintet_beacon::ssz::{Limit, SszType, from_json, root};
use quintet_keys::SecretKey;
use quintet_types::{Domain, Epoch, PublicKeyBytes, Root, SignatureBytes, Slot, ValidatorIndex, compute_signing_root};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::DevnetError;

/// Order of the BLS12-381 scalar field.
const GROUP_ORDER: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
const BALANCE_GWEI: u64 = 32_000_000_000;
const FAR_FUTURE_EPOCH: u64 = u64::MAX;
const VALIDATOR_REGISTRY_LIMIT: u64 = 1 << 40;

/// The validator set; it never changes.
#[derive(Debug)]
pub(crate) struct Validators {
    secrets: Vec<SecretKey>,
    keys: Vec<PublicKeyBytes>,
    seed: u64,
}

impl Validators {
    /// Validators 0 to `count` with their interop keys.
    pub(crate) fn interop(count: u64, seed: u64) -> Result<Self, DevnetError> {
        let secrets = (0..count).map(interop_key).collect::<Result<Vec<_>, _>>()?;
        let keys = secrets.iter().map(|secret| secret.public_key().to_bytes().into()).collect();
        Ok(Self { secrets, keys, seed })
    }

    pub(crate) const fn count(&self) -> u64 {
        self.secrets.len() as u64
    }

    pub(crate) fn key(&self, index: ValidatorIndex) -> Option<&PublicKeyBytes> {
        self.keys.get(index.as_usize())
    }

    pub(crate) fn index_of(&self, key: &PublicKeyBytes) -> Option<ValidatorIndex> {
        self.keys.iter().position(|other| other == key).map(|index| ValidatorIndex(index as u64))
    }

    /// Who proposes at `slot`: drawn from the seed, the same on every branch.
    pub(crate) fn proposer(&self, slot: Slot) -> ValidatorIndex {
        let digest = Sha256::new()
            .chain_update(b"quintet devnet proposer")
            .chain_update(self.seed.to_le_bytes())
            .chain_update(slot.0.to_le_bytes())
            .finalize();
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        ValidatorIndex(u64::from_le_bytes(word) % self.count())
    }

    /// The proposer's reveal for an epoch.
    pub(crate) fn reveal(&self, proposer: ValidatorIndex, epoch: Epoch, domain: Domain) -> SignatureBytes {
        let mut object = B256::ZERO;
        object[..8].copy_from_slice(&epoch.0.to_le_bytes());
        self.sign(proposer, object, domain)
    }

    /// A validator's signature over an object with `object_root`.
    pub(crate) fn sign(&self, validator: ValidatorIndex, object_root: Root, domain: Domain) -> SignatureBytes {
        let message = compute_signing_root(object_root, domain);
        self.secrets[validator.as_usize()].sign(&message.0).to_bytes().into()
    }

    /// The entry of a validator as the Beacon API shows it.
    pub(crate) fn entry(&self, index: ValidatorIndex) -> Option<Value> {
        let validator = self.validator(self.key(index)?);
        Some(json!({
            "index": index, "balance": BALANCE_GWEI.to_string(), "status": "active_ongoing", "validator": validator,
        }))
    }

    fn validator(&self, key: &PublicKeyBytes) -> Value {
        // BLS withdrawal credentials: 0x00 and the hash of the key without its first byte.
        let mut credentials = B256::from_slice(&Sha256::digest(key));
        credentials[0] = 0;
        json!({
            "pubkey": key, "withdrawal_credentials": credentials, "effective_balance": BALANCE_GWEI.to_string(),
            "slashed": false, "activation_eligibility_epoch": "0", "activation_epoch": "0",
            "exit_epoch": FAR_FUTURE_EPOCH.to_string(), "withdrawable_epoch": FAR_FUTURE_EPOCH.to_string(),
        })
    }

    /// `hash_tree_root` of the validator list, which tells this network from others.
    pub(crate) fn root(&self) -> Result<Root, DevnetError> {
        let validator = SszType::container(
            "Validator",
            vec![
                ("pubkey", SszType::Bytes(48)),
                ("withdrawal_credentials", SszType::Bytes(32)),
                ("effective_balance", SszType::Uint(8)),
                ("slashed", SszType::Bool),
                ("activation_eligibility_epoch", SszType::Uint(8)),
                ("activation_epoch", SszType::Uint(8)),
                ("exit_epoch", SszType::Uint(8)),
                ("withdrawable_epoch", SszType::Uint(8)),
            ],
        );
        let list = SszType::list(validator, Limit::Max(VALIDATOR_REGISTRY_LIMIT));
        let values = self.keys.iter().map(|key| self.validator(key)).collect();
        Ok(root(&list, &from_json(&list, &Value::Array(values))?)?)
    }
}

/// The interop key: the hash of the index as a little-endian number, modulo the group order (eth2.0-pm, mocked start).
/// The key that everybody knows for this index.
///
/// # Errors
/// For an index whose hash is no key, of which none is known.
pub fn interop_key(index: u64) -> Result<SecretKey, DevnetError> {
    let mut padded = [0; 32];
    padded[..8].copy_from_slice(&index.to_le_bytes());
    let scalar = U256::from_le_bytes::<32>(Sha256::digest(padded).into()) % GROUP_ORDER;
    Ok(SecretKey::from_bytes(&scalar.to_be_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::fixed_bytes;

    #[test]
    fn keys_are_those_of_the_interop_standard() {
        let validators = Validators::interop(3, 0).unwrap();
        let expected = [
            fixed_bytes!("a99a76ed7796f7be22d5b7e85deeb7c5677e88e511e0b337618f8c4eb61349b4bf2d153f649f7b53359fe8b94a38e44c"),
            fixed_bytes!("b89bebc699769726a318c8e9971bd3171297c61aea4a6578a7a4f94b547dcba5bac16a89108b6b6a1fe3695d1a874a0b"),
            fixed_bytes!("a3a32b0f8b4ddb83f1a0a853d81dd725dfe577d4f4c3db8ece52ce2b026eca84815c1a7e8e92a4de3d755733bf7e4a9b"),
        ];
        assert_eq!(validators.keys, expected);
    }
}
