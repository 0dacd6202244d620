//! `[staking]`: the contracts, who is asked about them, and what settlements are signed and sent with.

use std::path::PathBuf;

use alloy_primitives::Address;
use quintet_staking::{Contracts, tx::KeySource};
use serde::{Deserialize, Serialize};

/// `[staking]`. Without addresses there is none of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Staking {
    pub rpc_urls: Vec<String>,
    pub chain_id: u64,
    pub registry: Option<Address>,
    pub validator_set: Option<Address>,
    pub settlement: Option<Address>,
    pub deployed_at: u64,
    pub keystores: Option<PathBuf>,
    pub keystore_passwords: Option<PathBuf>,
    pub peers: Vec<String>,
    pub sender_key: Option<PathBuf>,
    pub sender_password: Option<PathBuf>,
    pub max_fee_gwei: u64,
    pub dry_run: bool,
}

impl Default for Staking {
    fn default() -> Self {
        Self {
            rpc_urls: Vec::new(),
            chain_id: 0,
            registry: None,
            validator_set: None,
            settlement: None,
            deployed_at: 0,
            keystores: None,
            keystore_passwords: None,
            peers: Vec::new(),
            sender_key: None,
            sender_password: None,
            max_fee_gwei: 200,
            dry_run: false,
        }
    }
}

impl Staking {
    /// Whether anything of it is configured.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// The contracts, if they are configured.
    pub const fn contracts(&self) -> Option<Contracts> {
        match (self.registry, self.validator_set, self.settlement) {
            (Some(registry), Some(validators), Some(settlement)) => Some(Contracts { registry, validators, settlement }),
            _ => None,
        }
    }

    /// Where the key of the account is that posts settlements; a keystore is told by its password.
    pub fn sender(&self) -> Option<KeySource> {
        let file = self.sender_key.clone()?;
        Some(match self.sender_password.clone() {
            Some(password_file) => KeySource::Keystore { file, password_file },
            None => KeySource::File(file),
        })
    }

    /// What can be said before anything is opened.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.is_set() {
            return Ok(());
        }
        let missing = [
            ("staking.registry", self.registry.is_none()),
            ("staking.validator_set", self.validator_set.is_none()),
            ("staking.settlement", self.settlement.is_none()),
            ("staking.rpc_urls", self.rpc_urls.is_empty()),
        ];
        for (key, is_missing) in missing {
            if is_missing {
                return Err((key, "not set: the contracts need all three addresses and an execution node".into()));
            }
        }
        match (&self.keystores, &self.keystore_passwords) {
            (Some(_), None) => return Err(("staking.keystore_passwords", "not set, but staking.keystores is".into())),
            (None, Some(_)) => return Err(("staking.keystores", "not set, but staking.keystore_passwords is".into())),
            _ => {}
        }
        if self.sender_password.is_some() && self.sender_key.is_none() {
            return Err(("staking.sender_key", "not set, but staking.sender_password is".into()));
        }
        if self.sender_key.is_some() && self.max_fee_gwei == 0 {
            return Err(("staking.max_fee_gwei", "must be at least 1".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
impl Staking {
    /// One with every key set.
    pub(super) fn example() -> Self {
        Self {
            rpc_urls: vec!["http://127.0.0.1:8545".into()],
            chain_id: 1,
            registry: Some(Address::repeat_byte(1)),
            validator_set: Some(Address::repeat_byte(2)),
            settlement: Some(Address::repeat_byte(3)),
            deployed_at: 7,
            keystores: Some("keys".into()),
            keystore_passwords: Some("secrets".into()),
            peers: vec!["http://127.0.0.1:5062".into()],
            sender_key: Some("key".into()),
            sender_password: Some("password".into()),
            max_fee_gwei: 1,
            dry_run: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_by_its_key() {
        assert_eq!(Staking::default().check(), Ok(()));
        assert_eq!(Staking::example().check(), Ok(()));
        let wrong = |change: &dyn Fn(&mut Staking)| {
            let mut staking = Staking::example();
            change(&mut staking);
            staking.check().unwrap_err().0
        };
        assert_eq!(wrong(&|s| s.settlement = None), "staking.settlement");
        assert_eq!(wrong(&|s| s.rpc_urls.clear()), "staking.rpc_urls");
        assert_eq!(wrong(&|s| s.keystores = None), "staking.keystores");
        assert_eq!(wrong(&|s| s.keystore_passwords = None), "staking.keystore_passwords");
        assert_eq!(wrong(&|s| s.sender_key = None), "staking.sender_key");
        assert_eq!(wrong(&|s| s.max_fee_gwei = 0), "staking.max_fee_gwei");
    }

    #[test]
    fn a_keystore_is_told_by_its_password() {
        let mut staking = Staking::example();
        assert!(matches!(staking.sender(), Some(KeySource::Keystore { .. })));
        staking.sender_password = None;
        assert!(matches!(staking.sender(), Some(KeySource::File(_))));
    }
}
