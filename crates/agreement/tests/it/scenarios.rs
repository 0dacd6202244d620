//! What happens when leaders are silent, censor or equivocate, when networks split, and when processes restart.

use proptest::prelude::*;

use super::sim::{Conduct, DEADLINE_MS, Net, Sim};
use Conduct::{CensoringLeader, Down, EquivocatingAttester, EquivocatingLeader, Honest, SilentLeader};
use quintet_types::ValidatorIndex;

const SEEDS: u64 = 20;
const END: u64 = DEADLINE_MS + 900_000;

/// Runs every seed until all honest validators have decided, all the same. Says when the last one did at the latest, ms
/// after the deadline.
fn all_agree(conducts: &[Conduct], net: Net, prepare: impl Fn(&mut Sim), check: impl Fn(&Sim)) -> u64 {
    let mut latest = 0;
    for seed in 0..SEEDS {
        let mut sim = Sim::new(conducts, net, seed);
        prepare(&mut sim);
        let done = sim.run(END).unwrap_or_else(|| panic!("seed {seed}: not everyone decided"));
        assert_eq!(sim.decided().len(), 1, "seed {seed}: more than one bundle");
        check(&sim);
        latest = latest.max(done - DEADLINE_MS);
    }
    latest
}

fn nothing(_: &mut Sim) {}

#[test]
fn honest_validators_agree_on_the_proposers_bundle_at_once() {
    for count in [1, 2, 4, 7] {
        let latest = all_agree(&vec![Honest; count], Net::default(), nothing, |sim| {
            let root = *sim.decided().first().unwrap();
            assert_eq!((sim.decision_of(&root).leader, sim.accused.len()), (ValidatorIndex(0), 0));
        });
        assert!(latest < 1000, "{count} validators took {latest} ms");
    }
}

#[test]
fn the_next_rank_stands_in_for_a_silent_or_missing_leader() {
    for absent in [SilentLeader, Down] {
        let latest = all_agree(&[absent, Honest, Honest, Honest], Net::default(), nothing, |sim| {
            let root = *sim.decided().first().unwrap();
            assert_eq!(sim.decision_of(&root).leader, ValidatorIndex(1));
        });
        assert!(latest < 4000, "{latest} ms");
    }
}

#[test]
fn who_does_not_know_rank_0_goes_without_it_and_decides_the_same() {
    let unaware = |nodes: &'static [usize]| move |sim: &mut Sim| nodes.iter().for_each(|&node| sim.unaware(node));
    let led_by = |leader| {
        move |sim: &Sim| {
            let root = *sim.decided().first().unwrap();
            assert_eq!((sim.decision_of(&root).leader, sim.accused.len()), (ValidatorIndex(leader), 0));
        }
    };
    // One of four: the others certify at once, and it hears of that.
    assert!(all_agree(&[Honest; 4], Net::default(), unaware(&[3]), led_by(0)) < 1_500);
    // The proposer itself, half of them, everyone: the round passes without a bundle.
    for nodes in [&[0][..], &[2, 3], &[0, 1, 2, 3]] {
        let latest = all_agree(&[Honest; 4], Net::default(), unaware(nodes), led_by(1));
        assert!(latest < 4_000, "{nodes:?}: {latest} ms");
    }
    // Locks of a round whose leader one of them does not know bind it all the same.
    let restarted = |sim: &mut Sim| {
        sim.unaware(3);
        (0..4).for_each(|node| sim.restart(node, DEADLINE_MS + 250 + 40 * node as u64));
    };
    all_agree(&[Honest; 4], Net::default(), restarted, nothing_more);
}

fn nothing_more(_: &Sim) {}

#[test]
fn rank_0_may_become_known_until_it_begins() {
    let heard = |sim: &mut Sim| {
        (0..4).for_each(|node| sim.unaware(node));
        (0..4).for_each(|node| sim.hear_of_first(node, 2, DEADLINE_MS - 400 + 100 * node as u64));
        // A second answer changes nothing.
        sim.hear_of_first(1, 3, DEADLINE_MS - 50);
    };
    let latest = all_agree(&[Honest; 4], Net::default(), heard, |sim| {
        let root = *sim.decided().first().unwrap();
        assert_eq!(sim.decision_of(&root).leader, ValidatorIndex(2));
    });
    assert!(latest < 1_000, "{latest} ms");
}

#[test]
fn a_bundle_that_leaves_a_prover_out_is_not_certified() {
    let latest = all_agree(&[CensoringLeader, Honest, Honest, Honest], Net::default(), nothing, |sim| {
        let root = *sim.decided().first().unwrap();
        assert_ne!(sim.decision_of(&root).leader, ValidatorIndex(0));
    });
    assert!(latest < 4000, "{latest} ms");
}

#[test]
fn equivocating_leaders_and_attesters_are_found_and_do_not_stop_the_others() {
    all_agree(&[EquivocatingLeader, Honest, Honest, Honest], Net::default(), nothing, |_| {});
    // Where everyone has decided before both votes are there, nobody looks any more.
    let found = std::cell::Cell::new(0);
    all_agree(&[Honest, EquivocatingAttester, Honest, Honest], Net::default(), nothing, |sim| {
        assert!(sim.accused.iter().all(|accused| *accused == ValidatorIndex(1)));
        found.set(found.get() + sim.accused.len() as u64);
    });
    assert!(found.get() > SEEDS / 2, "{} of {SEEDS}", found.get());
    all_agree(
        &[EquivocatingLeader, EquivocatingAttester, Honest, Honest, Honest, Honest, Honest],
        Net::default(),
        nothing,
        |_| {},
    );
}

#[test]
fn a_second_of_delay_and_lost_messages_are_outlived() {
    let slow = Net { min_delay: 200, max_delay: 1000, drops: 5, ..Net::default() };
    let latest = all_agree(&[Honest; 4], slow, nothing, |_| {});
    println!("200-1000 ms, 5 % loss: all decided after {latest} ms at the latest");
    all_agree(&[SilentLeader, Honest, Honest, Honest, Honest, Honest, Down], slow, nothing, |_| {});
}

/// Everyone who is left is needed, and waits that began anew with each extension would stay shorter than the delays.
#[test]
fn waits_grow_with_extensions_until_bad_links_are_outlived() {
    let bad = Net { min_delay: 10, max_delay: 1500, drops: 25, ..Net::default() };
    let latest = all_agree(&[Honest, Down, Honest, Honest, Honest, Honest], bad, nothing, |_| {});
    println!("10-1500 ms, 25 % loss, one of six down: all decided after {latest} ms at the latest");
    assert!(latest < 240_000, "{latest} ms");
}

#[test]
fn halves_wait_for_each_other_and_the_phase_is_extended() {
    let split = Net { cut: 2, heals: DEADLINE_MS + 30_000, ..Net::default() };
    all_agree(&[Honest; 4], split, nothing, |sim| assert!(sim.uncertified >= 2));
}

#[test]
fn three_go_on_without_a_fourth_that_catches_up() {
    let split = Net { cut: 1, heals: DEADLINE_MS + 20_000, ..Net::default() };
    all_agree(&[Honest; 4], split, nothing, |sim| {
        let root = *sim.decided().first().unwrap();
        assert_ne!(sim.decision_of(&root).leader, ValidatorIndex(0));
    });
}

#[test]
fn restarts_at_any_moment_contradict_nothing() {
    for offset in [50, 150, 250, 400, 700, 1100] {
        let prepare = |sim: &mut Sim| {
            for node in 0..4 {
                sim.restart(node, DEADLINE_MS + offset + 37 * node as u64);
                sim.restart(node, DEADLINE_MS + 3 * offset);
            }
        };
        all_agree(&[Honest; 4], Net::default(), prepare, |_| {});
        let lossy = Net { drops: 20, ..Net::default() };
        all_agree(&[EquivocatingLeader, Honest, Honest, Honest], lossy, prepare, |_| {});
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever goes wrong: one bundle at most, and one exactly once the network has healed.
    #[test]
    fn never_two_bundles(
        seed: u64,
        count in 4..8usize,
        fault in 0..6usize,
        at in 0..8usize,
        drops in 0..30u64,
        max_delay in 50..1500u64,
        cut in 0..4usize,
        restarts in proptest::collection::vec((0..8usize, 0..15_000u64), 0..6),
    ) {
        let mut conducts = vec![Honest; count];
        conducts[at % count] = [Honest, SilentLeader, CensoringLeader, EquivocatingLeader, EquivocatingAttester, Down][fault];
        let net = Net { min_delay: 10, max_delay, drops, cut, heals: DEADLINE_MS + 15_000 };
        let mut sim = Sim::new(&conducts, net, seed);
        for (node, time) in restarts {
            sim.restart(node % count, DEADLINE_MS + time);
        }
        let done = sim.run(END);
        prop_assert_eq!(sim.decided().len(), 1);
        prop_assert!(done.is_some());
    }
}
