//! Gigagas: the proof that joins sub-blocks.
//!
//! Source: "REWARD_AGG_PROOF_PROVER per aggregator prover. REWARD_AGG_PROOF_VALIDATOR per validator including an
//! AggProof."

use quintet_types::{JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Spec, ValidatorIndex};

use super::sink::{Payees, Sink};

/// Each of the aggregators, once, when a valid AggProof has been included in `phase`.
pub fn agg_prover_rewards(job: JobId, phase: Phase, aggregators: &[ProverIndex], spec: &Spec) -> Vec<LedgerEntry> {
    let mut sink = Sink::new(job, phase);
    for &prover in aggregators {
        sink.prover(prover, Reason::AggProver, Reward::from_units(spec.reward_agg_proof_prover));
    }
    sink.entries()
}

/// The leader of a certified bundle that includes a valid AggProof.
pub fn agg_validator_rewards(job: JobId, phase: Phase, leader: ValidatorIndex, spec: &Spec) -> Vec<LedgerEntry> {
    let mut sink = Sink::new(job, phase);
    let payees = Payees { leader, attesters: &[] };
    sink.validators(payees, Reason::AggValidator, Reward::from_units(spec.reward_agg_proof_validator), spec);
    sink.entries()
}
