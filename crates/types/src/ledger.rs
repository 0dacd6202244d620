//! Entries of the ledger: who gets how much, for which job and phase, by which rule.

use std::fmt;

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};
use tree_hash_derive::TreeHash;

use crate::{JobId, Phase, ProverIndex, Reward, ValidatorIndex};

/// Whom an entry concerns. SSZ: a union, 0 prover, 1 validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
#[ssz(enum_behaviour = "union")]
#[tree_hash(enum_behaviour = "union")]
#[serde(tag = "kind", content = "index", rename_all = "snake_case")]
pub enum Account {
    /// A staked prover.
    Prover(ProverIndex),
    /// A validator of the beacon chain.
    Validator(ValidatorIndex),
}

/// The rule an entry follows from. With the phase it names the parameter that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[ssz(enum_behaviour = "tag")]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// T1, T2: a valid full proof came; each selected prover (`REWARD_FULL_PROOF_PROVER_*`).
    SelfMadeProver,
    /// T1, T2: each sender of a valid full proof (`REWARD_FULL_PROOF_SENDER_*`).
    SelfMadeSender,
    /// T1, T2: the validators, once a job (`REWARD_FULL_PROOF_VALIDATOR_*`).
    SelfMadeValidator,
    /// T1: valid commitments, T2: valid partials, T3–T5: valid full proofs; the validators.
    IncludedValid,
    /// T1, T2: failed to commit, or to submit valid partials (`PENALTY_T1_PROVER`, `PENALTY_T2_PROVER`).
    Missed,
    /// T2: valid partials submitted (`REWARD_T2_PROVER`).
    Partials,
    /// T3–T5: a valid full proof submitted (`REWARD_PROVER_*`).
    FullProof,
    /// T3–T5: reused partials of others (`REWARD_PROVER_REUSING_*`).
    Reusing,
    /// T3–T5: own partials reused by others (`REWARD_PROVER_REUSED_*`).
    Reused,
    /// T3–T5: assigned partials not reused by others (`PENALTY_PROVER_NOTREUSED_*`).
    NotReused,
    /// T3–T5: selected, and no valid full proof (`PENALTY_PROVER_*`).
    NonParticipation,
    /// Gigagas: each of the aggregators (`REWARD_AGG_PROOF_PROVER`).
    AggProver,
    /// Gigagas: each validator that included an AggProof (`REWARD_AGG_PROOF_VALIDATOR`).
    AggValidator,
    /// A digest that recomputation contradicts (`PENALTY_WRONG_DIGEST`).
    WrongDigest,
    /// A full proof that does not verify (`PENALTY_FALSE_FULL_PROOF`).
    FalseFullProof,
    /// Two bodies signed for one job and phase (`PENALTY_EQUIVOCATION`).
    Equivocation,
}

impl Reason {
    /// All reasons, in SSZ order.
    pub const ALL: [Self; 16] = [
        Self::SelfMadeProver,
        Self::SelfMadeSender,
        Self::SelfMadeValidator,
        Self::IncludedValid,
        Self::Missed,
        Self::Partials,
        Self::FullProof,
        Self::Reusing,
        Self::Reused,
        Self::NotReused,
        Self::NonParticipation,
        Self::AggProver,
        Self::AggValidator,
        Self::WrongDigest,
        Self::FalseFullProof,
        Self::Equivocation,
    ];

    /// Name of the parameter that was applied in `phase`; `None` if the rule does not exist there.
    pub fn parameter(self, phase: Phase) -> Option<String> {
        let solo = matches!(phase, Phase::T1 | Phase::T2);
        let agg = phase.is_aggregation();
        let name = match self {
            Self::SelfMadeProver if solo => format!("REWARD_FULL_PROOF_PROVER_{phase}"),
            Self::SelfMadeSender if solo => format!("REWARD_FULL_PROOF_SENDER_{phase}"),
            Self::SelfMadeValidator if solo => format!("REWARD_FULL_PROOF_VALIDATOR_{phase}"),
            Self::IncludedValid if solo => format!("REWARD_{phase}_VALIDATOR"),
            Self::IncludedValid => format!("REWARD_VALIDATOR_{phase}"),
            Self::Missed if solo => format!("PENALTY_{phase}_PROVER"),
            Self::Partials if phase == Phase::T2 => "REWARD_T2_PROVER".into(),
            Self::FullProof if agg => format!("REWARD_PROVER_{phase}"),
            Self::Reusing if agg => format!("REWARD_PROVER_REUSING_{phase}"),
            Self::Reused if agg => format!("REWARD_PROVER_REUSED_{phase}"),
            Self::NotReused if agg => format!("PENALTY_PROVER_NOTREUSED_{phase}"),
            Self::NonParticipation if agg => format!("PENALTY_PROVER_{phase}"),
            Self::AggProver => "REWARD_AGG_PROOF_PROVER".into(),
            Self::AggValidator => "REWARD_AGG_PROOF_VALIDATOR".into(),
            Self::WrongDigest => "PENALTY_WRONG_DIGEST".into(),
            Self::FalseFullProof => "PENALTY_FALSE_FULL_PROOF".into(),
            Self::Equivocation => "PENALTY_EQUIVOCATION".into(),
            _ => return None,
        };
        Some(name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl TreeHash for Reason {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::Basic
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        (*self as u8).tree_hash_packed_encoding()
    }

    fn tree_hash_packing_factor() -> usize {
        u8::tree_hash_packing_factor()
    }

    fn tree_hash_root(&self) -> Hash256 {
        (*self as u8).tree_hash_root()
    }
}

/// One line of the ledger. (job, phase, account, reason) is unique in a ledger; amounts for the same are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash)]
pub struct LedgerEntry {
    /// The job, and with it the block that must stay for the entry to count.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// Whom it concerns.
    pub account: Account,
    /// By which rule.
    pub reason: Reason,
    /// How much.
    pub amount: Reward,
}
