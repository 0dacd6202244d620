//! What people ask of the contracts, as requests that can be sent.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, utils::format_ether};
use alloy_sol_types::SolValue;
use quintet_keys::{BlsError, ProofOfPossession, PublicKey, SecretKey, Signature};
use quintet_types::{EquivocationEvidence, ProverIndex, PublicKeyBytes, SignatureBytes, SubmissionHeader};
use serde::{Deserialize, Serialize};

use crate::{
    AccountKind, Leaf,
    bindings::{ProverRegistry, Settlement, ValidatorSet},
    g1_words, g2_words, prover_possession_binding,
    tx::Request,
    validator_possession_binding,
};

/// Decodes words that this crate made itself.
fn point<T: SolValue + From<<T::SolType as alloy_sol_types::SolType>::RustType>>(words: &[u8]) -> T {
    T::abi_decode(words).expect("points are encoded as the contracts take them")
}

/// Registers a prover with `stake` wei; the sender `owner` becomes its owner.
#[must_use]
pub fn register(registry: Address, chain_id: u64, owner: Address, key: &SecretKey, to: Address, stake: U256) -> Request {
    let public = key.public_key();
    let proof = ProofOfPossession::prove_bound(key, &prover_possession_binding(chain_id, registry, owner));
    let call = ProverRegistry::registerCall {
        pubkey: Bytes::copy_from_slice(&public.to_bytes()),
        key: point(&g1_words(&public)),
        possession: point(&g2_words(proof.signature())),
        withdrawalAddress: to,
    };
    let what = format!("register prover {public} with a stake of {} ETH; rewards and stake go to {to}", format_ether(stake));
    Request::call(registry, &call, what).with_value(stake)
}

/// Adds `amount` wei to a stake.
#[must_use]
pub fn top_up(registry: Address, prover: ProverIndex, amount: U256) -> Request {
    let what = format!("add {} ETH to the stake of prover {prover}", format_ether(amount));
    Request::call(registry, &ProverRegistry::topUpCall { index: prover.0 }, what).with_value(amount)
}

/// Asks for a prover's exit.
#[must_use]
pub fn request_exit(registry: Address, prover: ProverIndex) -> Request {
    let call = ProverRegistry::requestExitCall { index: prover.0 };
    Request::call(registry, &call, format!("let prover {prover} exit, which cannot be taken back"))
}

/// Pays a prover's stake out.
#[must_use]
pub fn withdraw(registry: Address, prover: ProverIndex) -> Request {
    let call = ProverRegistry::withdrawCall { index: prover.0 };
    Request::call(registry, &call, format!("pay out the stake of prover {prover}"))
}

/// Begins a pause.
#[must_use]
pub fn pause(registry: Address, prover: ProverIndex) -> Request {
    let call = ProverRegistry::pauseCall { index: prover.0 };
    Request::call(registry, &call, format!("pause prover {prover}"))
}

/// Ends a pause.
#[must_use]
pub fn resume(registry: Address, prover: ProverIndex) -> Request {
    let call = ProverRegistry::resumeCall { index: prover.0 };
    Request::call(registry, &call, format!("end the pause of prover {prover}"))
}

/// Pays an account what a settlement gives it.
#[must_use]
pub fn claim(settlement: Address, number: u64, leaf: &Leaf, proof: Vec<B256>) -> Request {
    let (kind, name) = match leaf.kind {
        AccountKind::Prover => (0, "prover"),
        AccountKind::Validator => (1, "validator"),
    };
    let call = Settlement::claimCall {
        number,
        leaf: Settlement::Leaf { kind, index: leaf.index, rewards: leaf.rewards, penalties: leaf.penalties },
        proof,
    };
    Request::call(settlement, &call, format!("claim what settlement {number} gives to {name} {}", leaf.index))
}

/// Proves an equivocation.
///
/// # Errors
/// If a signature is no point of the group; whether it verifies is the contract's to say.
pub fn slash_equivocation(registry: Address, evidence: &EquivocationEvidence) -> Result<Request, BlsError> {
    let header = |header: &SubmissionHeader| ProverRegistry::SubmissionHeader {
        jobRoot: header.job_root.0.into(),
        phase: header.phase.number(),
        prover: Bytes::copy_from_slice(&header.prover.0),
        bodyRoot: header.body_root.0.into(),
    };
    let signature = |bytes: &SignatureBytes| Signature::from_bytes(&bytes.0).map(|signature| point(&g2_words(&signature)));
    let call = ProverRegistry::slashEquivocationCall {
        a: header(&evidence.header_1),
        sigA: signature(&evidence.signature_1)?,
        b: header(&evidence.header_2),
        sigB: signature(&evidence.signature_2)?,
    };
    let (prover, phase, job) = (evidence.header_1.prover, evidence.header_1.phase, evidence.header_1.job_root);
    Ok(Request::call(registry, &call, format!("slash prover {prover} for two bodies in {phase} of job {job}")))
}

/// A validator's record with its way to a beacon block root that the execution chain knows: what `--proof` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorProof {
    /// Time of the execution block that knows the root, seconds: the root is that of its parent.
    #[serde(with = "quintet_types::quoted")]
    pub timestamp: u64,
    /// Index of the validator.
    #[serde(with = "quintet_types::quoted")]
    pub index: u64,
    /// Its record.
    pub validator: ValidatorRecord,
    /// The 50 hashes from the record up to the block root.
    pub branch: Vec<B256>,
}

/// A validator as the beacon API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorRecord {
    /// Key.
    pub pubkey: PublicKeyBytes,
    /// Withdrawal credentials.
    pub withdrawal_credentials: B256,
    /// Gwei.
    #[serde(with = "quintet_types::quoted")]
    pub effective_balance: u64,
    /// Whether it was slashed.
    pub slashed: bool,
    /// Epoch.
    #[serde(with = "quintet_types::quoted")]
    pub activation_eligibility_epoch: u64,
    /// Epoch.
    #[serde(with = "quintet_types::quoted")]
    pub activation_epoch: u64,
    /// Epoch.
    #[serde(with = "quintet_types::quoted")]
    pub exit_epoch: u64,
    /// Epoch.
    #[serde(with = "quintet_types::quoted")]
    pub withdrawable_epoch: u64,
}

impl ValidatorProof {
    fn words(&self) -> ValidatorSet::BeaconValidatorProof {
        let record = &self.validator;
        ValidatorSet::BeaconValidatorProof {
            timestamp: self.timestamp,
            index: self.index,
            validator: ValidatorSet::BeaconValidator {
                withdrawalCredentials: record.withdrawal_credentials,
                effectiveBalanceGwei: record.effective_balance,
                slashed: record.slashed,
                activationEligibilityEpoch: record.activation_eligibility_epoch,
                activationEpoch: record.activation_epoch,
                exitEpoch: record.exit_epoch,
                withdrawableEpoch: record.withdrawable_epoch,
            },
            branch: self.branch.clone(),
        }
    }
}

/// Enrols a validator; the sender `owner` becomes its owner, and rewards go to `payout`.
#[must_use]
pub fn enrol(
    validators: Address,
    chain_id: u64,
    owner: Address,
    key: &SecretKey,
    payout: Address,
    proof: &ValidatorProof,
) -> Request {
    let public = key.public_key();
    let possession = ProofOfPossession::prove_bound(key, &validator_possession_binding(chain_id, validators, owner));
    let call = ValidatorSet::enrolCall {
        pubkey: Bytes::copy_from_slice(&public.to_bytes()),
        key: point(&g1_words(&public)),
        possession: point(&g2_words(possession.signature())),
        payout,
        proof: proof.words(),
    };
    let what = format!("enrol validator {} ({public}); rewards go to {payout}", proof.index);
    Request::call(validators, &call, what)
}

/// Asks for a validator's removal from the set.
#[must_use]
pub fn request_leave(validators: Address, index: u64) -> Request {
    let call = ValidatorSet::requestLeaveCall { index };
    Request::call(validators, &call, format!("take validator {index} out of the set"))
}

/// Shows an enrolled validator's record: removes it if it has exited, otherwise takes its balance over.
#[must_use]
pub fn refresh(validators: Address, proof: &ValidatorProof) -> Request {
    let call = ValidatorSet::refreshCall { proof: proof.words() };
    Request::call(validators, &call, format!("show the record of validator {}", proof.index))
}

/// The registry's call for the index of a key.
#[must_use]
pub fn index_of(key: &PublicKey) -> ProverRegistry::proverIndexCall {
    ProverRegistry::proverIndexCall { pubkey: Bytes::copy_from_slice(&key.to_bytes()) }
}

/// An index as the first indexed argument of an event.
#[must_use]
pub fn index_topic(index: u64) -> B256 {
    FixedBytes(U256::from(index).to_be_bytes())
}
