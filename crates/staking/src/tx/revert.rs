//! What a contract says when it refuses, as sentences.

use alloy_primitives::{Bytes, U256, utils::format_ether};
use alloy_sol_types::{Revert as StringRevert, SolError as _, SolInterface as _};

use crate::bindings::{
    ProverRegistry::ProverRegistryErrors as Registry, Settlement::SettlementErrors as Payments,
    ValidatorSet::ValidatorSetErrors as Validators,
};

/// A refusal: the sentence, and the data that it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    sentence: String,
    /// What the contract returned; empty if the node only gave words.
    pub data: Bytes,
}

impl std::fmt::Display for Revert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Revert {
    /// Reads what a contract returned.
    #[must_use]
    pub fn decode(data: &Bytes) -> Self {
        let sentence = registry(data).or_else(|| payments(data)).or_else(|| validators(data)).or_else(|| standard(data));
        let sentence = sentence.unwrap_or_else(|| match data.len() {
            0 => "the contract refused without a reason; is it the right address?".to_owned(),
            _ => format!("the contract refused with {data}"),
        });
        Self { sentence, data: data.clone() }
    }

    /// A refusal of which only the node's words are known.
    #[must_use]
    pub fn from_message(message: String) -> Self {
        Self { sentence: message, data: Bytes::new() }
    }
}

fn standard(data: &[u8]) -> Option<String> {
    if let Ok(revert) = StringRevert::abi_decode(data) {
        return Some(format!("the contract refused: {}", revert.reason));
    }
    let panic = alloy_sol_types::Panic::abi_decode(data).ok()?;
    Some(format!("the contract ran into an error of its own: {panic}"))
}

fn registry(data: &[u8]) -> Option<String> {
    Some(match Registry::abi_decode(data).ok()? {
        Registry::AlreadySlashed(e) => {
            format!("prover {} was slashed for job {} in phase {} already", e.index, e.jobRoot, e.phase)
        }
        Registry::AlreadyWithdrawn(e) => format!("the stake of prover {} was paid out already", e.index),
        Registry::BeforeGenesis(e) => {
            format!("the block's time {} is before the beacon chain's genesis at {}", e.timestamp, e.genesisTime)
        }
        Registry::Exiting(e) => format!("prover {} is leaving: it cannot be drawn from epoch {} on", e.index, e.exitEpoch),
        Registry::HeadersUnrelated(e) => format!(
            "the two headers are not of one job, phase and prover: job {}, phase {}, prover {} and job {}, phase {}, prover {}",
            e.a.jobRoot, e.a.phase, e.a.prover, e.b.jobRoot, e.b.phase, e.b.prover
        ),
        Registry::InvalidClock(e) => {
            format!("slots of {} s and epochs of {} slots make no clock", e.secondsPerSlot, e.slotsPerEpoch)
        }
        Registry::InvalidConfig(e) => invalid_config(&e.parameter, e.value),
        Registry::KeyLength(e) => format!("a key has 48 bytes, this one {}", e.length),
        Registry::KeyMismatch(e) => format!("the key {} is not the point, whose key is {}", e.pubkey, e.compressed),
        Registry::KeyTaken(e) => format!("the key belongs to prover {} already", e.index),
        Registry::NotOwner(e) => format!("prover or validator {} belongs to {}, not to {}", e.index, e.owner, e.caller),
        Registry::NotPaused(e) => format!("prover {} has no pause that could end", e.index),
        Registry::NotSettlement(e) => format!("only the settlement contract may do this, not {}", e.caller),
        Registry::NotWithdrawable(e) if e.withdrawableEpoch == u64::MAX => {
            format!("prover {} has not asked for its exit; the stake can be withdrawn some time after that", e.index)
        }
        Registry::NotWithdrawable(e) => format!(
            "the stake of prover {} can be withdrawn from epoch {} on; now is epoch {}",
            e.index, e.withdrawableEpoch, e.currentEpoch
        ),
        Registry::PauseNotOver(e) if e.until == u64::MAX => format!("prover {} is in a pause already", e.index),
        Registry::PauseNotOver(e) => format!("the latest pause of prover {} lasts until epoch {}", e.index, e.until),
        Registry::PaymentRefused(e) => format!("{} does not accept {} ETH", e.to, format_ether(e.amount)),
        Registry::PhaseNotSlashable(e) => {
            format!("two bodies in phase {} are no offence; phases 1 and 2 are", e.phase)
        }
        Registry::PossessionNotProven(e) => {
            format!("the proof of possession is not one by key {} for this chain, contract and owner {}", e.pubkey, e.owner)
        }
        Registry::PrecompileFailed(e) => {
            format!("precompile {} failed: the chain may lack the rules of Prague, or a point is invalid", e.precompile)
        }
        Registry::ReentrancyGuardReentrantCall(_) => "the contract was called from within itself".to_owned(),
        Registry::SameBody(e) => format!("both headers have the body {}; that is no equivocation", e.bodyRoot),
        Registry::SignatureInvalid(e) => format!(
            "header {} is not signed by prover {}, who would have signed {}",
            e.which + U256::from(1),
            e.index,
            e.signingRoot
        ),
        Registry::StakeTooSmall(e) => {
            format!("a stake of {} ETH is below the minimum of {} ETH", format_ether(e.sent), format_ether(e.minimum))
        }
        Registry::UnknownKey(e) => format!("no prover has the key {}", e.pubkey),
        Registry::UnknownProver(e) => format!("there is no prover {}", e.index),
        Registry::ZeroAddress(e) => format!("{} is the zero address, which cannot be paid to", e.parameter),
    })
}

fn payments(data: &[u8]) -> Option<String> {
    let account = |kind: u8, index: u64| format!("{} {index}", if kind == 0 { "prover" } else { "validator" });
    Some(match Payments::abi_decode(data).ok()? {
        Payments::CumulativeFell(e) => format!(
            "the cumulative amount of {} fell from {} to {}; what was paid stays",
            account(e.kind, e.index),
            e.known,
            e.got
        ),
        Payments::ForeignRegistry(e) => format!("the registry was made for the settlement contract {}", e.itsSettlement),
        Payments::InvalidConfig(e) => invalid_config(&e.parameter, e.value),
        Payments::NetworksDiffer(e) => {
            format!("registry and validator set are of different beacon chains ({} and {})", e.registry, e.validators)
        }
        Payments::NothingDue(e) => format!("there is nothing to pay to or to take from {}", account(e.kind, e.index)),
        Payments::OlderSettlement(e) => {
            format!("settlement {} is older than {}, which was used for this account already", e.number, e.used)
        }
        Payments::PaymentRefused(e) => format!("{} does not accept {} ETH", e.to, format_ether(e.amount)),
        Payments::PoolTooSmall(e) => format!(
            "the pool lacks {} ETH for the settlements up to {}; it can be claimed once somebody has funded it",
            format_ether(e.missing),
            e.number
        ),
        Payments::ReentrancyGuardReentrantCall(_) => "the contract was called from within itself".to_owned(),
        Payments::TotalExceeded(e) => format!(
            "the leaves of settlement {} add up to {} wei, more than its signed total of {} wei",
            e.number, e.needed, e.total
        ),
        Payments::TotalFell(e) => format!("a total fell from {} to {}", e.previous, e.got),
        Payments::UnknownSettlement(e) => format!("settlement {} was not posted", e.number),
        Payments::WrongEndEpoch(e) => format!(
            "a settlement cannot end at epoch {}: the last one ended at {}, now is epoch {}, and it must lie on the interval",
            e.got, e.previous, e.currentEpoch
        ),
        Payments::WrongNumber(e) => format!("the next settlement is {}, not {}", e.expected, e.got),
        Payments::WrongProof(e) => format!("leaf {} is not under the root of settlement {}", e.leaf, e.number),
    })
}

fn validators(data: &[u8]) -> Option<String> {
    Some(match Validators::abi_decode(data).ok()? {
        Validators::AbsentNotAscending(e) => format!("absent validators must ascend; {} follows {}", e.next, e.previous),
        Validators::AlreadyEnrolled(e) => format!("validator {} is enrolled already", e.index),
        Validators::BeforeGenesis(e) => {
            format!("the block's time {} is before the beacon chain's genesis at {}", e.timestamp, e.genesisTime)
        }
        Validators::BranchLength(e) => format!("a proof has 50 hashes, this one {}", e.length),
        Validators::InvalidClock(e) => {
            format!("slots of {} s and epochs of {} slots make no clock", e.secondsPerSlot, e.slotsPerEpoch)
        }
        Validators::InvalidConfig(e) => invalid_config(&e.parameter, e.value),
        Validators::KeyLength(e) => format!("a key has 48 bytes, this one {}", e.length),
        Validators::KeyMismatch(e) => format!("the key {} is not the point, whose key is {}", e.pubkey, e.compressed),
        Validators::NotActive(e) if e.slashed => format!("validator {} was slashed on the beacon chain", e.index),
        Validators::NotActive(e) if e.effectiveBalanceGwei == 0 => format!("validator {} has no effective balance", e.index),
        Validators::NotActive(e) => format!(
            "validator {} is not active in epoch {}: it joined in epoch {} and leaves in epoch {}",
            e.index, e.currentEpoch, e.activationEpoch, e.exitEpoch
        ),
        Validators::NotMember(e) => format!("validator {} is not enrolled", e.index),
        Validators::NotOwner(e) => format!("validator {} belongs to {}, not to {}", e.index, e.owner, e.caller),
        Validators::PointRefused(e) => format!(
            "one of two points is not on the curve: x = {:032x}{:064x} and x = {:032x}{:064x}",
            e.a.xHi, e.a.xLo, e.b.xHi, e.b.xLo
        ),
        Validators::PossessionNotProven(e) => {
            format!("the proof of possession is not one by key {} for this chain, contract and owner {}", e.pubkey, e.owner)
        }
        Validators::PrecompileFailed(e) => {
            format!("precompile {} failed: the chain may lack the rules of Prague, or a point is invalid", e.precompile)
        }
        Validators::ProofNotNewer(e) => format!("the proof is of time {}, one of time {} is known", e.timestamp, e.known),
        Validators::ProofTooOld(e) => format!("the proof is of time {}, the oldest taken is {}", e.timestamp, e.oldest),
        Validators::QuorumTooSmall(e) => {
            format!("validators with {} of {} gwei signed; two thirds are needed", e.signed, e.total)
        }
        Validators::SetTooSmall(e) => {
            format!("the validator set has {} members of {} and {} gwei of {}", e.members, e.minMembers, e.weight, e.minWeight)
        }
        Validators::SignatureInvalid(e) => {
            format!("the aggregate signature over {} is not one by all validators but {:?}", e.signingRoot, e.absent)
        }
        Validators::UnknownBeaconRoot(e) => {
            format!("the chain keeps no beacon root for time {}: no block had it, or it is over a day old", e.timestamp)
        }
        Validators::ValidatorIndexTooLarge(e) => format!("no validator has the index {}", e.index),
        Validators::WrongBeaconRoot(e) => {
            format!("the proof leads to beacon root {}, the chain has {}", e.computed, e.expected)
        }
        Validators::ZeroAddress(e) => format!("{} is the zero address, which cannot be paid to", e.parameter),
    })
}

fn invalid_config(parameter: &str, value: U256) -> String {
    format!("{value} makes no sense for the parameter {parameter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::{ProverRegistry, Settlement, ValidatorSet};

    fn said(error: Vec<u8>) -> String {
        Revert::decode(&error.into()).to_string()
    }

    #[test]
    fn refusals_of_all_three_contracts_are_sentences_with_their_values() {
        let ether = U256::from(10).pow(U256::from(18));
        let small = ProverRegistry::StakeTooSmall { sent: ether / U256::from(2), minimum: ether };
        assert_eq!(
            said(small.abi_encode()),
            "a stake of 0.500000000000000000 ETH is below the minimum of 1.000000000000000000 ETH"
        );
        let early = ProverRegistry::NotWithdrawable { index: 3, withdrawableEpoch: 20, currentEpoch: 9 };
        assert_eq!(said(early.abi_encode()), "the stake of prover 3 can be withdrawn from epoch 20 on; now is epoch 9");
        let pool = Settlement::PoolTooSmall { number: 2, missing: ether };
        assert!(said(pool.abi_encode()).starts_with("the pool lacks 1.0"));
        let unsigned = ValidatorSet::SignatureInvalid { signingRoot: [7; 32].into(), absent: vec![3, 5] };
        assert!(said(unsigned.abi_encode()).ends_with("0707 is not one by all validators but [3, 5]"));
        let zero = ProverRegistry::ZeroAddress { parameter: "to".to_owned() };
        assert_eq!(said(zero.abi_encode()), "to is the zero address, which cannot be paid to");
        let quorum = ValidatorSet::QuorumTooSmall { signed: U256::from(1), total: U256::from(3) };
        assert_eq!(said(quorum.abi_encode()), "validators with 1 of 3 gwei signed; two thirds are needed");
    }

    #[test]
    fn strings_panics_and_foreign_data_are_told_apart() {
        assert_eq!(said(StringRevert::from("no").abi_encode()), "the contract refused: no");
        let panic = alloy_sol_types::Panic::from(alloy_sol_types::PanicKind::UnderOverflow);
        assert!(said(panic.abi_encode()).starts_with("the contract ran into an error of its own"));
        assert_eq!(said(vec![1, 2, 3, 4]), "the contract refused with 0x01020304");
        assert!(said(vec![]).contains("right address"));
    }
}
