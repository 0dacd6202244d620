//! Source, "Extension for Multiple Sub-blocks (Gigagas)": a test for each sentence.

use std::collections::BTreeSet;

use quintet_protocol::gigagas::{num_sub_blocks, provers_per_sub_block, select_block};
use quintet_protocol::{Job, JointJob, JointState};
use quintet_types::{Account, JobId, Phase, ProverIndex, Reason, Root, Spec, ValidatorIndex};

use crate::support::{MIX, SLOT, candidates, nobody, sum, units};

fn spec() -> Spec {
    Spec { sub_block_gas: 100, max_sub_blocks: 4, gas_per_prover: 0, provers_per_proof: 10, ..Spec::default() }
}

/// "The number of sub-blocks is limited by system caps and prover availability."
#[test]
fn source_sub_blocks_are_limited_by_caps_and_availability() {
    let spec = spec();
    for (gas, available, expected) in
        [(0, 1000, 1), (100, 1000, 1), (101, 1000, 2), (400, 1000, 4), (10_000, 1000, 4), (400, 11, 2), (400, 3, 1)]
    {
        assert_eq!(num_sub_blocks(gas, available, &spec), expected, "gas {gas}, {available} available");
    }
}

/// "One prover set is assigned per sub-block."
#[test]
fn source_one_prover_set_is_assigned_per_sub_block() {
    let spec = spec();
    for available in [8, 40, 41, 100, 1000] {
        let block = select_block(SLOT, &MIX, 400, &candidates(available), &nobody(), &spec).unwrap();
        let sub_blocks = num_sub_blocks(400, available, &spec);
        assert_eq!(block.sub_blocks.len() as u64, sub_blocks);
        let n = (available / (2 * sub_blocks)).min(10);
        assert_eq!(provers_per_sub_block(400, available, sub_blocks, &spec), n);
        assert!(block.sub_blocks.iter().all(|set| set.provers.len() as u64 == n), "available is computed once");
        let everybody: Vec<_> = block.sub_blocks.iter().flat_map(|set| &set.provers).chain(&block.aggregators).collect();
        assert_eq!(everybody.iter().collect::<BTreeSet<_>>().len(), everybody.len(), "one proof at a time");
        let selected: BTreeSet<_> = everybody.into_iter().collect();
        assert!(block.sub_blocks.iter().flat_map(|set| &set.reserves).all(|reserve| !selected.contains(reserve)));
    }
}

/// "The protocol above applies independently per sub-block."
#[test]
fn source_the_protocol_applies_independently_per_sub_block() {
    let spec = spec();
    let block = select_block(SLOT, &MIX, 200, &candidates(100), &nobody(), &spec).unwrap();
    let mut jobs: Vec<_> = (0..)
        .zip(block.sub_blocks)
        .map(|(sub_block, set)| {
            let id = JobId { sub_block, ..JobId::new(SLOT, Root::ZERO) };
            let mut job = Job::new(id, Some(set), &spec);
            job.open(Root::ZERO, 12, &spec).unwrap();
            job
        })
        .collect();
    assert_ne!(jobs[0].assignment().unwrap().seed, jobs[1].assignment().unwrap().seed);
    let all = crate::support::selected(&jobs[0]);
    let closed = crate::support::close_t1(&mut jobs[0], &all, &spec);
    assert!(closed.entries.iter().all(|entry| entry.job == *jobs[0].id()));
    assert_eq!((jobs[0].phase(), jobs[1].phase()), (Some(Phase::T2), Some(Phase::T1)));
}

/// "A group of PROVERS_PER_AGGPROOF provers is also selected to aggregate sub-blocks into a full block."
#[test]
fn source_a_group_of_provers_per_aggproof_is_selected() {
    let spec = spec();
    let aggregators =
        |gas, available| select_block(SLOT, &MIX, gas, &candidates(available), &nobody(), &spec).unwrap().aggregators.len();
    assert_eq!(aggregators(400, 100), 5);
    assert_eq!(aggregators(100, 100), 0, "an undivided block needs none");
    assert_eq!(aggregators(400, 8), 4, "from the remainder, which is at least half");
}

fn joint(spec: &Spec) -> JointJob {
    let aggregators = (0..spec.provers_per_aggproof).map(ProverIndex).collect();
    let mut joint = JointJob::new(SLOT, Root::ZERO, 2, aggregators);
    for sub_block in 0..2 {
        joint.sub_block_finalized(sub_block, SLOT.plus(4), spec);
    }
    joint
}

/// "In T1: Selected provers may submit an AggProof for the block."
#[test]
fn source_an_agg_proof_may_be_submitted_in_t1() {
    let spec = spec();
    let mut joint = joint(&spec);
    assert_eq!(joint.state(), JointState::Open(Phase::T1));
    joint.include(ValidatorIndex(7), &spec).unwrap();
    assert_eq!(joint.state(), JointState::Finalized(Phase::T1));
}

/// "REWARD_AGG_PROOF_PROVER per aggregator prover."
#[test]
fn source_each_aggregator_is_rewarded() {
    let spec = spec();
    let entries = joint(&spec).include(ValidatorIndex(7), &spec).unwrap();
    for prover in (0..5).map(ProverIndex) {
        assert_eq!(sum(&entries, Account::Prover(prover), Reason::AggProver), units(50));
    }
    assert_eq!(entries.iter().filter(|entry| entry.reason == Reason::AggProver).count(), 5);
}

/// "REWARD_AGG_PROOF_VALIDATOR per validator including an AggProof."
#[test]
fn source_each_validator_that_includes_an_agg_proof_is_rewarded() {
    let spec = spec();
    let mut joint = joint(&spec);
    for leader in [7, 8].map(ValidatorIndex) {
        let entries = joint.include(leader, &spec).unwrap();
        assert_eq!(sum(&entries, Account::Validator(leader), Reason::AggValidator), units(3));
    }
}

/// One way to draw: a block that is not split has the provers and reserves that `select` gives.
#[test]
fn an_undivided_block_is_drawn_as_by_select() {
    let spec = spec();
    for available in [4, 9, 40, 300] {
        let table = candidates(available);
        let busy = [ProverIndex(1)].into();
        let block = select_block(SLOT, &MIX, 100, &table, &busy, &spec);
        let id = JobId::new(SLOT, Root::ZERO);
        let selection = quintet_protocol::select(&id, &MIX, 100, &table, &busy, &spec);
        assert_eq!(block.map(|block| block.sub_blocks), selection.map(|selection| vec![selection]));
    }
}

/// Which leader's bundle is looked at first changes no entry.
#[test]
fn inclusion_of_agg_proofs_does_not_depend_on_order() {
    let spec = spec();
    let entries = |leaders: [u64; 3]| {
        let mut joint = joint(&spec);
        let all = leaders.map(|leader| joint.include(ValidatorIndex(leader), &spec).unwrap()).concat();
        all.into_iter().collect::<BTreeSet<_>>()
    };
    assert_eq!(entries([7, 8, 7]), entries([8, 7, 8]));
}

#[test]
fn a_failed_sub_block_leaves_nothing_to_join() {
    let spec = spec();
    let mut joint = JointJob::new(SLOT, Root::ZERO, 2, vec![ProverIndex(1)]);
    joint.sub_block_failed();
    assert_eq!(joint.state(), JointState::Failed);
    joint.include(ValidatorIndex(7), &spec).unwrap_err();
}
