//! The job that joins a split block's sub-blocks: a clock of its own, and who is paid.
//!
//! An AggProof is accepted from the block's T1 on, in the bundles of the sub-blocks' jobs; its own T1 starts when the
//! last sub-block is finalized, T2 to T5 are fall-backs. It has no penalties: the source names none.

use std::collections::BTreeSet;

use quintet_types::{JobId, LedgerEntry, Phase, ProverIndex, Root, Slot, Spec, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::error::ProtocolError;
use crate::rewards::{agg_prover_rewards, agg_validator_rewards};

/// Where the joining stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointState {
    /// Sub-blocks are still open; AggProofs are accepted already.
    Waiting,
    /// All sub-blocks are finalized; this phase of its own is open.
    Open(Phase),
    /// A valid AggProof was included while this phase was open (T1 also for one that came early).
    Finalized(Phase),
    /// A sub-block failed for good, or T5 passed.
    Failed,
}

/// The joining of one block's sub-blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointJob {
    id: JobId,
    aggregators: Vec<ProverIndex>,
    open_sub_blocks: BTreeSet<u16>,
    state: JointState,
    deadline: Slot,
    paid: BTreeSet<ValidatorIndex>,
}

impl JointJob {
    /// The joining of `sub_blocks` sub-blocks of a block by `aggregators`.
    pub fn new(slot: Slot, block_root: Root, sub_blocks: u16, aggregators: Vec<ProverIndex>) -> Self {
        Self {
            id: JobId { sub_block: JobId::AGGREGATION, ..JobId::new(slot, block_root) },
            aggregators,
            open_sub_blocks: (0..sub_blocks).collect(),
            state: JointState::Waiting,
            deadline: slot,
            paid: BTreeSet::new(),
        }
    }

    /// A sub-block was finalized by a bundle at `slot`. The last one starts T1.
    pub fn sub_block_finalized(&mut self, sub_block: u16, slot: Slot, spec: &Spec) {
        self.open_sub_blocks.remove(&sub_block);
        if self.open_sub_blocks.is_empty() && self.state == JointState::Waiting {
            self.state = JointState::Open(Phase::T1);
            self.deadline = slot.plus(spec.phase_slots);
        }
    }

    /// A sub-block's last attempt failed: there is nothing to join.
    pub fn sub_block_failed(&mut self) {
        if !matches!(self.state, JointState::Finalized(_)) {
            self.state = JointState::Failed;
        }
    }

    /// The deadline passed without a valid AggProof: the next phase opens, after T5 it has failed.
    pub fn deadline_passed(&mut self, spec: &Spec) {
        if let JointState::Open(phase) = self.state {
            self.deadline = self.deadline.plus(spec.phase_slots);
            self.state = phase.next().map_or(JointState::Failed, JointState::Open);
        }
    }

    /// A bundle that `leader` closed and that was certified includes at least one valid AggProof by an aggregator. An
    /// AggProof is valid once every sub-block that it names is finalized by the full proof that it names; call this
    /// when that is known, for bundles in the order of their slots.
    ///
    /// The aggregators are paid once, each leader once. No share of this goes to attesters: several bundles, with
    /// different signers, may include the same AggProof, and "per validator" would depend on which is seen first.
    ///
    /// # Errors
    /// If the joining has failed, or sub-blocks are still open.
    pub fn include(&mut self, leader: ValidatorIndex, spec: &Spec) -> Result<Vec<LedgerEntry>, ProtocolError> {
        let (phase, first) = match self.state {
            JointState::Open(phase) => (phase, true),
            JointState::Finalized(phase) => (phase, false),
            JointState::Waiting | JointState::Failed => {
                let state = format!("{:?}", self.state);
                return Err(ProtocolError::WrongState { job: self.id, step: "including an AggProof", state });
            }
        };
        let mut entries = Vec::new();
        if first {
            self.state = JointState::Finalized(phase);
            entries.extend(agg_prover_rewards(self.id, phase, &self.aggregators, spec));
        }
        if self.paid.insert(leader) {
            entries.extend(agg_validator_rewards(self.id, phase, leader, spec));
        }
        Ok(entries)
    }

    /// The job's name; its sub-block is [`JobId::AGGREGATION`].
    pub const fn id(&self) -> &JobId {
        &self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> JointState {
        self.state
    }

    /// The slot at whose start the open phase ends.
    pub const fn deadline(&self) -> Slot {
        self.deadline
    }

    /// Who may submit an AggProof.
    pub fn aggregators(&self) -> &[ProverIndex] {
        &self.aggregators
    }
}

#[cfg(test)]
mod tests {
    use quintet_types::{Account, Reward};

    use super::*;

    fn job(spec: &Spec) -> JointJob {
        let aggregators = (0..spec.provers_per_aggproof).map(ProverIndex).collect();
        JointJob::new(Slot(10), Root::ZERO, 2, aggregators)
    }

    #[test]
    fn its_t1_starts_when_the_last_sub_block_is_finalized() {
        let spec = Spec::default();
        let mut job = job(&spec);
        job.sub_block_finalized(1, Slot(14), &spec);
        assert_eq!(job.state(), JointState::Waiting);
        job.deadline_passed(&spec);
        assert_eq!(job.state(), JointState::Waiting);
        job.sub_block_finalized(0, Slot(15), &spec);
        assert_eq!((job.state(), job.deadline()), (JointState::Open(Phase::T1), Slot(16)));
        for phase in [Phase::T2, Phase::T3, Phase::T4, Phase::T5] {
            job.deadline_passed(&spec);
            assert_eq!(job.state(), JointState::Open(phase));
        }
        job.deadline_passed(&spec);
        assert_eq!(job.state(), JointState::Failed);
    }

    #[test]
    fn aggregators_are_paid_once_and_each_including_validator_once() {
        let spec = Spec::default();
        let mut job = job(&spec);
        job.include(ValidatorIndex(1), &spec).unwrap_err();
        job.sub_block_finalized(0, Slot(14), &spec);
        job.sub_block_finalized(1, Slot(14), &spec);
        let first = job.include(ValidatorIndex(1), &spec).unwrap();
        let provers = first.iter().filter(|entry| matches!(entry.account, Account::Prover(_)));
        assert_eq!(provers.map(|entry| entry.amount).sum::<Reward>(), Reward::from_units(5 * 50));
        let second = job.include(ValidatorIndex(2), &spec).unwrap();
        assert_eq!(second.len(), 1);
        assert_eq!(second[0].amount, Reward::from_units(3));
        assert_eq!(job.include(ValidatorIndex(1), &spec).unwrap(), []);
    }
}
