//! T1 without a valid full proof.
//!
//! Source: "REWARD_T1_VALIDATOR × valid commitments for validators. PENALTY_T1_PROVER for provers who fail to commit."
//! A commitment counts per prover: valid if all its assigned digests are there and are those of D.

use quintet_types::{JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Spec};

use super::sink::{Payees, Sink};

/// Entries of a T1; `valid` says for each of the `selected`, by seat, whether it committed validly.
pub fn commit_rewards(
    job: JobId,
    selected: &[ProverIndex],
    valid: &[bool],
    payees: Payees<'_>,
    spec: &Spec,
) -> Vec<LedgerEntry> {
    let mut sink = Sink::new(job, Phase::T1);
    let mut count = 0;
    for (seat, &prover) in selected.iter().enumerate() {
        if valid.get(seat).copied().unwrap_or(false) {
            count += 1;
        } else {
            sink.prover(prover, Reason::Missed, Reward::from_units(spec.penalty_t1_prover));
        }
    }
    let total = Reward::from_units(spec.reward_t1_validator).times(count);
    sink.validators(payees, Reason::IncludedValid, total, spec);
    sink.entries()
}
