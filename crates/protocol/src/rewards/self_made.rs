//! A valid full proof in T1 or T2.
//!
//! Source: "REWARD_FULL_PROOF_PROVER for each selected prover. REWARD_FULL_PROOF_VALIDATOR for the validator.
//! REWARD_FULL_PROOF_SENDER extra for the prover submitting it." The prover's reward goes to all selected, whether or
//! not they submitted; the other rules of the phase do not apply ("Otherwise").

use std::collections::BTreeSet;

use quintet_types::{JobId, LedgerEntry, Phase, ProverIndex, Reason, Spec};

use super::sink::{Payees, Sink};
use crate::error::ProtocolError;

/// Entries of a T1 or T2 in which `senders` (at least one) sent valid full proofs.
///
/// # Errors
/// If `phase` is not T1 or T2.
pub fn self_made_rewards(
    job: JobId,
    phase: Phase,
    selected: &[ProverIndex],
    senders: &[ProverIndex],
    payees: Payees<'_>,
    spec: &Spec,
) -> Result<Vec<LedgerEntry>, ProtocolError> {
    let rewards = spec.self_made(phase)?;
    let mut sink = Sink::new(job, phase);
    for &prover in selected {
        sink.prover(prover, Reason::SelfMadeProver, rewards.prover);
    }
    for sender in senders.iter().copied().collect::<BTreeSet<_>>() {
        sink.prover(sender, Reason::SelfMadeSender, rewards.sender);
    }
    sink.validators(payees, Reason::SelfMadeValidator, rewards.validator, spec);
    Ok(sink.entries())
}
