//! The validators that take part: from the `ValidatorSet` contract, or from a file that is the same in every sidecar.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_agreement::{AgreementError, Enrolled, Member};
use quintet_keys::PublicKey;
use quintet_staking::MemberView;
use quintet_types::{Epoch, PublicKeyBytes, SigningVariant, ValidatorIndex};
use serde::Deserialize;

use crate::{
    core::Core,
    registry::{BlockAt, NotKnown},
};

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

/// Where the validators that take part come from. Clones give the same.
#[derive(Debug, Clone)]
pub enum Enrolment {
    /// They are the same for all jobs.
    Fixed(Enrolled),
    /// They are those of the `ValidatorSet` contract, as of the same moment on the same branch as a job's provers.
    Contract(Arc<LatestSet>),
}

/// The last answer from the contract: keys take a while to be read, and most jobs have the same validators as the one before.
#[derive(Debug, Default)]
pub struct LatestSet(Mutex<Option<(MemberView, Epoch, Enrolled)>>);

/// Why it is not known who takes part in a job.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// The contract's state is not known.
    #[error(transparent)]
    NotKnown(#[from] NotKnown),
    /// Provers come from a file, so there is no contract.
    #[error("there is no validator set: staking is not configured")]
    NoContract,
    /// The contract holds a key that is none, which its proofs of possession rule out.
    #[error("validator {index} is enrolled with {pubkey}, which is no public key")]
    Key {
        /// The validator.
        index: ValidatorIndex,
        /// What is enrolled.
        pubkey: PublicKeyBytes,
    },
    /// They cannot vote together; nobody at all cannot either.
    #[error("the validator set of epoch {epoch}: {source}")]
    Committee {
        /// The job's epoch.
        epoch: Epoch,
        /// What is wrong.
        source: AgreementError,
    },
}

impl From<Enrolled> for Enrolment {
    fn from(enrolled: Enrolled) -> Self {
        Self::Fixed(enrolled)
    }
}

impl Enrolment {
    /// Those of the contract.
    pub fn contract() -> Self {
        Self::Contract(Arc::default())
    }

    /// Those that [`Self::of`] said last; `None` before the first job.
    pub fn latest(&self) -> Option<Enrolled> {
        match self {
            Self::Fixed(enrolled) => Some(enrolled.clone()),
            Self::Contract(latest) => latest.lock().as_ref().map(|(_, _, enrolled)| enrolled.clone()),
        }
    }

    /// Who takes part in the job of a block. The contract's validators weigh what their effective balance is, and sign directly: it knows of no other variant.
    ///
    /// # Errors
    /// See [`NotEnrolled`].
    pub fn of(&self, core: &Core, at: &BlockAt) -> Result<Enrolled, NotEnrolled> {
        let latest = match self {
            Self::Fixed(enrolled) => return Ok(enrolled.clone()),
            Self::Contract(latest) => latest,
        };
        let members = core.members_for(at).ok_or(NotEnrolled::NoContract)??;
        let epoch = at.slot.epoch(core.config.spec.slots_per_epoch);
        latest.enrolled(&members, epoch)
    }
}

impl LatestSet {
    fn lock(&self) -> MutexGuard<'_, Option<(MemberView, Epoch, Enrolled)>> {
        // Nothing under the lock panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The validators that count in `epoch`.
    fn enrolled(&self, members: &MemberView, epoch: Epoch) -> Result<Enrolled, NotEnrolled> {
        let mut latest = self.lock();
        if let Some((of, at, enrolled)) = &*latest
            && (of, *at) == (members, epoch)
        {
            return Ok(enrolled.clone());
        }
        let member = |(index, member): (ValidatorIndex, &quintet_staking::Member)| {
            let pubkey = member.pubkey;
            let key = PublicKey::try_from(&pubkey).map_err(|_| NotEnrolled::Key { index, pubkey })?;
            Ok(Member { index, key, weight: member.weight_gwei, variant: SigningVariant::Direct })
        };
        let counting = members.counting_in(epoch).map(member).collect::<Result<Vec<_>, NotEnrolled>>()?;
        let enrolled = Enrolled::new(counting).map_err(|source| NotEnrolled::Committee { epoch, source })?;
        *latest = Some((members.clone(), epoch, enrolled.clone()));
        Ok(enrolled)
    }
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
