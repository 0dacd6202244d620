//! T2 without a valid full proof.
//!
//! Source: "REWARD_T2_PROVER for provers submitting valid partial proofs. PENALTY_T2_PROVER for failed submissions.
//! REWARD_T2_VALIDATOR × valid partials for validators." With v of a assigned instances valid: reward R·v/a, penalty
//! P·(a − v)/a, and v/a of a valid submission for the validators. An empty share owes and earns nothing.

use quintet_types::{JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Spec};

use super::sink::{Payees, Sink};

/// What one selected prover was assigned in T2, and what of it was valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The prover.
    pub prover: ProverIndex,
    /// Assigned instances.
    pub assigned: u64,
    /// Assigned instances with a valid partial.
    pub valid: u64,
}

/// Entries of a T2.
pub fn partial_rewards(job: JobId, shares: &[Share], payees: Payees<'_>, spec: &Spec) -> Vec<LedgerEntry> {
    let (reward, penalty) = (Reward::from_units(spec.reward_t2_prover), Reward::from_units(spec.penalty_t2_prover));
    let of_validators = Reward::from_units(spec.reward_t2_validator);
    let mut sink = Sink::new(job, Phase::T2);
    let mut total = Reward::ZERO;
    for share in shares {
        let valid = share.valid.min(share.assigned);
        sink.prover(share.prover, Reason::Partials, reward.share(valid, share.assigned));
        sink.prover(share.prover, Reason::Missed, penalty.share(share.assigned - valid, share.assigned));
        total += of_validators.share(valid, share.assigned);
    }
    sink.validators(payees, Reason::IncludedValid, total, spec);
    sink.entries()
}
