//! Source, "Overview" and "Prover Selection and Assignment": a test for each sentence.

use std::collections::{BTreeMap, BTreeSet};

use quintet_protocol::{Assignment, BusyBook, CandidateTable, History, Ledger, Selection, num_provers, select};
use quintet_types::{Account, Epoch, JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Root, Slot, Spec, ValidatorIndex};

use crate::support::{MIX, MUCH_GAS, candidates, job_id, nobody, open_job, records};

/// "Provers: A new role, separate from validators".
#[test]
fn source_provers_are_a_role_of_their_own() {
    let mut ledger = Ledger::default();
    let accounts = [Account::Prover(ProverIndex(5)), Account::Validator(ValidatorIndex(5))];
    for (account, amount) in accounts.into_iter().zip([3, 4]) {
        let entry = LedgerEntry { job: job_id(), phase: Phase::T1, account, reason: Reason::Missed, amount: Reward(amount) };
        ledger.record(&[entry]).unwrap();
    }
    assert_eq!(accounts.map(|account| ledger.provisional(&account).0), [3, 4]);
}

/// "Provers are required to stake separately from Ethereum validators."
#[test]
fn source_only_staked_provers_are_selected() {
    let spec = Spec::default();
    let mut records = records(40);
    for record in records.iter_mut().skip(10) {
        record.stake_gwei = spec.min_prover_stake_gwei - 1;
    }
    let table = CandidateTable::new(&records, &BTreeMap::new(), Epoch(3), &spec);
    let selection = select(&job_id(), &MIX, MUCH_GAS, &table, &nobody(), &spec).unwrap();
    assert_eq!(selection.provers.len(), 5, "half of the ten with a stake");
    assert!(selection.provers.iter().all(|prover| prover.0 < 10));
}

/// "The system is designed to ensure timely, redundant, and verifiable proof generation through an incentivized
/// multi-phase protocol (T1–T5)."
#[test]
fn source_there_are_five_phases_with_deadlines_redundancy_and_incentives() {
    let spec = Spec::default();
    let job = open_job(10, 20, &spec);
    assert_eq!(job.deadline(), Slot(102), "timely: T1 ends at the start of S + T1_DELAY_SLOTS + PHASE_SLOTS");
    assert_eq!(job.assignment().unwrap().proving_seats(quintet_types::InstanceIndex(0)).len(), 3, "redundant");
    for phase in Phase::ALL {
        let paid = Reason::ALL.into_iter().filter_map(|reason| reason.parameter(phase)).count();
        assert!(paid > 0, "incentivized: {phase}");
    }
}

/// "For each new block, a deterministically random subset of provers is selected using a mechanism such as RANDAO."
#[test]
fn source_a_deterministically_random_subset_is_selected_by_randao() {
    let spec = Spec { provers_per_proof: 20, ..Spec::default() };
    let table = candidates(1000);
    let draw = |mix: u8, slot: u64| {
        let id = JobId::new(Slot(slot), Root::ZERO);
        let selection = select(&id, &Root::repeat_byte(mix), MUCH_GAS, &table, &nobody(), &spec).unwrap();
        selection.provers.into_iter().collect::<BTreeSet<_>>()
    };
    assert_eq!(draw(1, 5), draw(1, 5));
    assert!(draw(1, 5).intersection(&draw(2, 5)).count() < 5, "another mix, another subset");
    assert!(draw(1, 5).intersection(&draw(1, 6)).count() < 5, "another block, another subset");
    let mut times = vec![0; 1000];
    for slot in 0..500 {
        for prover in draw(3, slot) {
            times[prover.as_usize()] += 1;
        }
    }
    // 10,000 draws of 1,000 newcomers: 10 each on average, standard deviation about 3.1.
    assert!(times.iter().all(|&n| n < 30) && times.iter().filter(|&&n| n == 0).count() < 5);
}

/// "The number of selected provers depends on the block's gas usage".
#[test]
fn source_the_number_of_provers_depends_on_gas() {
    let spec = Spec::default();
    let of = |gas| num_provers(gas, 10_000, &spec);
    assert_eq!([0, 1, 360_000, 360_001, 540_000, 1_800_000, 36_000_000, 60_000_000].map(of), [2, 2, 2, 3, 3, 10, 200, 200]);
    let off = Spec { gas_per_prover: 0, ..spec };
    assert_eq!(num_provers(1, 10_000, &off), 200, "0 turns it off");
}

/// "num_provers_selected = Min(PROVERS_PER_PROOF, availableProvers / 2)".
#[test]
fn source_num_provers_selected_is_min_of_provers_per_proof_and_half_the_available() {
    let spec = Spec::default();
    for (available, expected) in [(10_000, 200), (400, 200), (399, 199), (398, 199), (100, 50), (5, 2), (4, 2), (3, 0)] {
        assert_eq!(num_provers(MUCH_GAS, available, &spec), expected, "{available} available");
    }
    let table = candidates(100);
    let busy: BTreeSet<_> = (0..40).map(ProverIndex).collect();
    let selection = select(&job_id(), &MIX, MUCH_GAS, &table, &busy, &spec).unwrap();
    assert_eq!(selection.provers.len(), 30, "the busy are not available");
}

/// "Each selected prover is randomly assigned a set of partial proofs (sub-tasks) to generate, distributed with a
/// redundancy factor".
#[test]
fn source_partial_proofs_are_assigned_randomly_with_redundancy() {
    let spec = Spec::default();
    let job = open_job(20, 50, &spec);
    let assignment = job.assignment().unwrap();
    let times: u64 = assignment.proving_loads().iter().sum();
    assert_eq!(times, 50 * spec.redundancy_factor);
    let selection = job.selection().unwrap().clone();
    let other = Selection { seed: Root::repeat_byte(9), ..selection };
    assert_ne!(&Assignment::new(&other, 50, &spec).unwrap(), assignment, "another seed, another assignment");
}

/// "num_airs_assigned = (num_of_partial_proofs / num_provers_selected) * redundancy_factor".
#[test]
fn source_num_airs_assigned_is_the_quotient_times_the_redundancy_factor() {
    for (provers, partials, redundancy) in [(20, 40, 3), (20, 50, 3), (7, 10, 2), (200, 400, 3), (10, 3, 3)] {
        let spec = Spec { redundancy_factor: redundancy, ..Spec::default() };
        let job = open_job(provers, partials, &spec);
        let exact_floor = partials * redundancy / provers;
        for load in job.assignment().unwrap().proving_loads() {
            assert!(load == exact_floor || (load == exact_floor + 1 && partials * redundancy % provers != 0));
        }
    }
}

/// "The assigned partial_proofs of each selected prover are determined random-deterministically after the count & plan
/// phase."
#[test]
fn source_the_assignment_is_determined_after_count_and_plan() {
    let spec = Spec::default();
    let spec_ = Spec { provers_per_proof: 10, ..spec.clone() };
    let selection = select(&job_id(), &MIX, MUCH_GAS, &candidates(40), &nobody(), &spec_);
    let mut job = quintet_protocol::Job::new(job_id(), selection.clone(), &spec);
    assert!(job.assignment().is_none(), "not before the plan is known");
    job.open(Root::ZERO, 30, &spec).unwrap();
    let selection = selection.unwrap();
    assert_eq!(job.assignment(), Some(&Assignment::new(&selection, 30, &spec).unwrap()), "deterministic");
    let of_31 = Assignment::new(&selection, 31, &spec).unwrap();
    assert_ne!(job.assignment().unwrap().seed, of_31.seed, "the number of instances enters the seed");
}

/// "Provers with a strong history of valid submissions may have an increased (but bounded) probability of being
/// selected in future rounds."
#[test]
fn source_a_strong_history_raises_the_probability_within_bounds() {
    let spec = Spec { provers_per_proof: 20, ..Spec::default() };
    let strong = (0..1000).fold(History::default(), |history, _| history.after(1, 1, spec.history_shift));
    let histories: BTreeMap<_, _> = (0..500).map(|prover| (ProverIndex(prover), strong)).collect();
    let table = CandidateTable::new(&records(1000), &histories, Epoch(3), &spec);
    let (mut of_strong, mut of_newcomers) = (0u32, 0u32);
    for slot in 0..1000 {
        let id = JobId::new(Slot(slot), Root::ZERO);
        for prover in select(&id, &MIX, MUCH_GAS, &table, &nobody(), &spec).unwrap().provers {
            if prover.0 < 500 { of_strong += 1 } else { of_newcomers += 1 }
        }
    }
    // Weights just below 2 and of 1: 13,333 and 6,667 of 20,000 expected; without replacement slightly closer.
    let ratio = f64::from(of_strong) / f64::from(of_newcomers);
    assert!((1.85..2.1).contains(&ratio), "{of_strong} : {of_newcomers}");
}

/// "A prover may only be assigned to one proof at a time."
#[test]
fn source_a_prover_is_assigned_to_one_proof_at_a_time() {
    let spec = Spec { provers_per_proof: 20, ..Spec::default() };
    let table = candidates(200);
    let mut book = BusyBook::default();
    let mut running: Vec<(u64, Vec<ProverIndex>)> = Vec::new();
    for slot in 1..60 {
        let id = JobId::new(Slot(slot), Root::repeat_byte(slot as u8));
        let busy = book.busy_at(Slot(slot), &spec, |_, _| true);
        let provers = select(&id, &MIX, MUCH_GAS, &table, &busy, &spec).unwrap().provers;
        running.retain(|(end, _)| *end > slot);
        for (_, others) in &running {
            assert!(provers.iter().all(|prover| !others.contains(prover)));
        }
        // Each job ends with T3.
        let end = slot + spec.t1_delay_slots + 3 * spec.phase_slots;
        book.select(id, provers.clone());
        book.end(&id, Slot(end));
        running.push((end, provers));
    }
}
