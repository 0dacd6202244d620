//! Properties of the ledger over whole jobs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quintet_protocol::{Job, JudgedFullProof, Ledger, PhaseContent, Settlement};
use quintet_types::{Account, InstanceIndex, JobId, LedgerEntry, ProverIndex, Reason, Reward, Root, Slot, Spec};

use crate::support::*;

/// What each of ten provers does.
#[derive(Debug, Clone, Copy)]
struct Behaviour {
    commits: bool,
    wrong_digest: bool,
    proves: bool,
    aggregates: bool,
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    (any::<bool>(), proptest::bool::weighted(0.1), any::<bool>(), any::<bool>())
        .prop_map(|(commits, wrong_digest, proves, aggregates)| Behaviour { commits, wrong_digest, proves, aggregates })
}

/// Runs one job whose submissions arrive in the order of `order`, and returns what was recorded in which ledger calls.
fn run(behaviours: &[Behaviour], order: &[usize]) -> Ledger {
    let spec = Spec::default();
    let mut job = open_job(10, 20, &spec);
    let all = selected(&job);
    let assignment = job.assignment().unwrap().clone();
    let mut ledger = Ledger::default();
    let mut settlement = Settlement::new(20, &[]);
    let (mut t1, mut t2, mut t3) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let everybody = all.iter().copied().collect();
    for (&place, behaviour) in order.iter().map(|place| (place, behaviours[*place])) {
        let prover = all[place];
        if behaviour.commits {
            let mut submission = commitments(&assignment, &[prover]).remove(&prover).unwrap();
            if behaviour.wrong_digest {
                submission.claims[0].1 = Root::ZERO;
            }
            settlement.claim(prover, &submission.claims).unwrap();
            t1.insert(prover, submission);
        }
        if behaviour.proves {
            t2.extend(partials(&assignment, &[prover]));
        }
        if behaviour.aggregates {
            t3.insert(prover, JudgedFullProof::Valid(makers(&assignment, &everybody).unwrap()));
        }
    }
    // Disputes are recomputed and holes filled in whatever order they are found.
    let open = settlement.disputes().into_iter().map(|dispute| dispute.instance).chain(settlement.holes());
    let open: Vec<InstanceIndex> =
        if order[0].is_multiple_of(2) { open.collect() } else { open.collect::<Vec<_>>().into_iter().rev().collect() };
    for instance in open {
        settlement.resolve(instance, digest(instance)).unwrap();
    }
    let contents = [
        PhaseContent::Commitments { submissions: t1, digests: settlement.digests() },
        PhaseContent::Partials(t2),
        PhaseContent::FullProofs(t3),
    ];
    for content in contents {
        let entries = close(&mut job, content, &spec).entries;
        ledger.record(&entries).unwrap();
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_ledger_does_not_depend_on_the_order_of_arrival(
        behaviours in proptest::collection::vec(behaviour(), 10),
        order in Just((0..10).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let in_order: Vec<usize> = (0..10).collect();
        let (a, b) = (run(&behaviours, &in_order), run(&behaviours, &order));
        prop_assert_eq!(a.root(), b.root());
        prop_assert_eq!(a, b);
    }

    #[test]
    fn recording_jobs_in_any_order_gives_one_root(
        order in Just((0..8u64).collect::<Vec<_>>()).prop_shuffle(), final_slot in 0u64..9,
    ) {
        let entries = |slot: u64| LedgerEntry {
            job: JobId::new(Slot(slot), Root::repeat_byte(slot as u8)),
            phase: quintet_types::Phase::T1,
            account: Account::Prover(ProverIndex(slot % 3)),
            reason: Reason::Missed,
            amount: Reward(slot as i64 - 3),
        };
        let mut shuffled = Ledger::default();
        let mut sorted = Ledger::default();
        for slot in 0..8 {
            sorted.record(&[entries(slot)]).unwrap();
        }
        for &slot in &order {
            shuffled.record(&[entries(slot)]).unwrap();
        }
        let on_chain = |slot: Slot, _: &Root| slot.0.is_multiple_of(2);
        sorted.finalize(Slot(final_slot), on_chain);
        shuffled.finalize(Slot(final_slot), on_chain);
        shuffled.settle(Slot(final_slot));
        prop_assert_eq!(sorted.root(), shuffled.root());
        prop_assert_eq!(sorted.finalized_root(), shuffled.finalized_root());
        prop_assert_eq!(sorted.totals(), shuffled.totals());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Two blocks compete for each slot, each with a job in which provers did whatever they did; `canonical` says which one stays.
    #[test]
    fn orphaned_jobs_leave_nothing_and_canonical_ones_everything(
        behaviours in proptest::collection::vec(behaviour(), 10),
        canonical in proptest::collection::vec(any::<bool>(), 6),
        final_slot in 0u64..6,
    ) {
        let in_order: Vec<usize> = (0..10).collect();
        let of_one: Vec<LedgerEntry> = run(&behaviours, &in_order).entries().collect();
        let root = |slot: u64, second: bool| Root::repeat_byte(2 * slot as u8 + u8::from(second));
        let mut ledger = Ledger::default();
        for slot in 0..6 {
            for second in [false, true] {
                let job = JobId::new(Slot(slot), root(slot, second));
                let entries: Vec<_> = of_one.iter().map(|entry| LedgerEntry { job, ..*entry }).collect();
                ledger.record(&entries).unwrap();
            }
        }
        let is_canonical = |slot: Slot, block: &Root| *block == root(slot.0, canonical[slot.0 as usize]);
        ledger.finalize(Slot(final_slot), is_canonical);
        let orphaned = |entry: &LedgerEntry| entry.job.slot.0 <= final_slot && !is_canonical(entry.job.slot, &entry.job.block_root);
        prop_assert!(!ledger.entries().any(|entry| orphaned(&entry)));
        let left = (final_slot + 1) + 2 * (5 - final_slot);
        prop_assert_eq!(ledger.entries().count() as u64, left * of_one.len() as u64);
        for (account, totals) in ledger.totals() {
            let once: i128 = of_one.iter().filter(|entry| entry.account == account).map(|entry| i128::from(entry.amount.0)).sum();
            prop_assert_eq!(totals.balance().0, once * i128::from(final_slot + 1));
        }
    }
}

#[test]
fn nobody_is_rewarded_for_a_job_of_an_orphaned_block() {
    let spec = Spec::default();
    let mut ledger = Ledger::default();
    let mut job: Job = open_job(10, 20, &spec);
    let all = selected(&job);
    ledger.record(&close_t1(&mut job, &all, &spec).entries).unwrap();
    job.suspend();
    // Certified by those who still saw it as the head, then orphaned for good.
    ledger.record(&close_t2(&mut job, &all, &spec).entries).unwrap();
    ledger.record(&close_full(&mut job, &all, &spec).entries).unwrap();
    assert!(ledger.entries().next().is_some());
    ledger.finalize(SLOT.plus(64), |_, root| *root != job.id().block_root);
    assert_eq!(ledger.entries().next(), None);
    assert!(all.iter().all(|prover| ledger.balance(&Account::Prover(*prover)).0 == 0));
}
