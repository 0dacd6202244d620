//! T3, T4 and T5.
//!
//! Source: "REWARD_PROVER_REUSING × reused partials. REWARD_PROVER_REUSED × times reused by others.
//! PENALTY_PROVER_NOTREUSED × times not reused by others. If many valid full proofs are submitted, the above rewards
//! are averaged among them. REWARD_PROVER for the submitting prover. REWARD_VALIDATOR × valid full proofs.
//! PENALTY_PROVER for non-participation."
//!
//! With M valid full proofs, of which M' are others' from a prover's view:
//! * its own full proof earns REWARD_PROVER + REUSING · (others' partials in it) / M;
//! * its partials earn REUSED · uses / M' and cost NOTREUSED · (assigned − uses) / M', summed over the M' proofs. What
//!   is not reused is counted over *assigned* instances, so that a partial never made costs as much as one left out;
//!   otherwise silence would beat proving. Own use counts as neither.

use std::collections::BTreeMap;

use quintet_types::{InstanceIndex, JobId, LedgerEntry, Phase, ProverIndex, Reason, Spec};

use super::sink::{Payees, Sink};
use crate::assignment::Assignment;
use crate::error::ProtocolError;

/// A valid full proof, as far as rewards are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullProofParts {
    /// Who submitted it.
    pub submitter: ProverIndex,
    /// Who made the partial of each instance, in plan order.
    pub makers: Vec<ProverIndex>,
}

/// What the proofs of others did with one prover's partials.
#[derive(Debug, Default, Clone, Copy)]
struct Uses {
    /// Uses of any of its partials.
    all: u64,
    /// Uses of partials of instances that it was assigned to.
    assigned: u64,
}

/// Positions of everybody concerned: seats first, then makers and submitters that were not selected.
struct Positions {
    by_prover: BTreeMap<ProverIndex, usize>,
    provers: Vec<ProverIndex>,
}

impl Positions {
    fn of(&mut self, prover: ProverIndex) -> usize {
        *self.by_prover.entry(prover).or_insert_with(|| {
            self.provers.push(prover);
            self.provers.len() - 1
        })
    }
}

/// Entries of a T3, T4 or T5 with these valid full proofs, at most one a submitter (further ones are ignored).
///
/// # Errors
/// If `phase` is not T3, T4 or T5, or a proof does not name one maker for each instance.
pub fn aggregation_rewards(
    job: JobId,
    phase: Phase,
    assignment: &Assignment,
    proofs: &[FullProofParts],
    payees: Payees<'_>,
    spec: &Spec,
) -> Result<Vec<LedgerEntry>, ProtocolError> {
    let rewards = spec.aggregation(phase)?;
    let proofs: BTreeMap<_, _> = proofs.iter().rev().map(|proof| (proof.submitter, &proof.makers)).collect();
    let mut positions = Positions {
        by_prover: assignment.provers().iter().copied().zip(0..).collect(),
        provers: assignment.provers().to_vec(),
    };
    let mut uses = vec![Uses::default(); positions.provers.len()];
    // The maker of each instance in the last proof looked at, with its position and whether it was assigned: proofs
    // reuse mostly the same partials, and this makes looking them up cheap.
    let mut last: Vec<Option<(ProverIndex, usize, bool)>> = vec![None; assignment.num_instances()];
    let total = proofs.len() as u64;
    let mut sink = Sink::new(job, phase);
    for (&submitter, makers) in &proofs {
        if makers.len() != assignment.num_instances() {
            return Err(ProtocolError::WrongLength { expected: assignment.num_instances(), found: makers.len() });
        }
        let mut reused = 0;
        for ((&maker, last), instance) in makers.iter().zip(&mut last).zip(0..) {
            if maker == submitter {
                continue;
            }
            reused += 1;
            let (position, assigned) = match *last {
                Some((same, position, assigned)) if same == maker => (position, assigned),
                _ => {
                    let position = positions.of(maker);
                    let assigned = assignment.must_prove(maker, InstanceIndex(instance));
                    *last = Some((maker, position, assigned));
                    (position, assigned)
                }
            };
            if position >= uses.len() {
                uses.resize(position + 1, Uses::default());
            }
            uses[position].all += 1;
            uses[position].assigned += u64::from(assigned);
        }
        sink.prover(submitter, Reason::FullProof, rewards.prover);
        sink.prover(submitter, Reason::Reusing, rewards.reusing.share(reused, total));
    }
    let loads = assignment.proving_loads();
    for (position, &prover) in positions.provers.iter().enumerate() {
        let Some(uses) = uses.get(position) else { break };
        let own = u64::from(proofs.contains_key(&prover));
        let others = total - own;
        let due = loads.get(position).copied().unwrap_or(0) * others;
        sink.prover(prover, Reason::Reused, rewards.reused.share(uses.all, others));
        sink.prover(prover, Reason::NotReused, rewards.not_reused.share(due - uses.assigned, others));
        if own == 0 && position < loads.len() {
            sink.prover(prover, Reason::NonParticipation, rewards.penalty);
        }
    }
    sink.validators(payees, Reason::IncludedValid, rewards.validator.times(total), spec);
    Ok(sink.entries())
}
