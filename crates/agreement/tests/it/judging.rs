//! What a validator objects to, and what not.

use std::collections::{BTreeMap, BTreeSet};

use quintet_agreement::judge::{Check, Received, Submissions};
use quintet_agreement::{LocalView, Objection, judge_proposal};
use quintet_types::*;

use super::sim::{bundle, setup};

const DEADLINE: u64 = 100_000;

/// A phase with provers 1, 2, 3, whose submissions arrived in time.
struct Seen {
    submissions: Submissions,
    none: Submissions,
    signers: BTreeSet<ValidatorIndex>,
    open: BTreeMap<PublicKeyBytes, u64>,
}

fn received(body: u8, arrived_ms: u64, check: Check) -> Received {
    Received { body_root: Root::repeat_byte(body), arrived_ms, check }
}

fn entry(prover: u8) -> BundleEntry {
    BundleEntry { prover: PublicKeyBytes::repeat_byte(prover), body_root: Root::repeat_byte(prover) }
}

impl Seen {
    fn new() -> Self {
        let one = |prover| (PublicKeyBytes::repeat_byte(prover), vec![received(prover, DEADLINE - 5000, Check::Valid)]);
        let signers = [1, 2, 3].map(ValidatorIndex).into();
        Self { submissions: [1, 2, 3].map(one).into(), none: BTreeMap::new(), signers, open: BTreeMap::new() }
    }

    fn set(&mut self, prover: u8, all: Vec<Received>) {
        self.submissions.insert(PublicKeyBytes::repeat_byte(prover), all);
    }

    fn judge(&self, listed: &[u8], change: impl Fn(&mut PhaseBundle)) -> Result<(), Objection> {
        self.judge_with(listed, &[], change)
    }

    fn judge_with(&self, listed: &[u8], digests: &[Option<Root>], change: impl Fn(&mut PhaseBundle)) -> Result<(), Objection> {
        let mut bundle = bundle(&setup(4, None), 0, 0, Slot(10), 1);
        bundle.accepted = listed.iter().map(|&prover| entry(prover)).collect::<Vec<_>>().try_into().unwrap();
        bundle.attesters = vec![ValidatorIndex(1)].try_into().unwrap();
        change(&mut bundle);
        let view = LocalView {
            submissions: &self.submissions,
            agg_proofs: &self.none,
            deadline_ms: DEADLINE,
            tolerance_ms: 500,
            grace_ms: 2000,
            opened_ms: DEADLINE - 12_000,
            min_open_ms: 10_000,
            previous: Root::repeat_byte(1),
            previous_signers: &self.signers,
            plan_root: Root::repeat_byte(1),
            digests,
            open_ranks: &self.open,
            max_open: 1,
        };
        judge_proposal(&bundle, &view)
    }
}

fn same(_: &mut PhaseBundle) {}

#[test]
fn a_bundle_of_all_that_came_is_fine() {
    assert_eq!(Seen::new().judge(&[1, 2, 3], same), Ok(()));
}

#[test]
fn what_came_well_before_the_deadline_must_be_there_and_what_came_late_need_not() {
    let mut seen = Seen::new();
    assert!(matches!(seen.judge(&[1, 3], same), Err(Objection::Omitted { early_ms: 5000, .. })));
    for (arrived, missed) in [(DEADLINE - 2000, true), (DEADLINE - 1999, false), (DEADLINE + 400, false)] {
        seen.set(2, vec![received(2, arrived, Check::Valid)]);
        assert_eq!(seen.judge(&[1, 3], same).is_err(), missed, "{arrived}");
        assert_eq!(seen.judge(&[1, 2, 3], same), Ok(()));
    }
    seen.set(2, vec![received(2, DEADLINE + 2501, Check::Valid)]);
    assert_eq!(seen.judge(&[1, 3], same), Ok(()));
    assert!(matches!(seen.judge(&[1, 2, 3], same), Err(Objection::Late { late_ms: 2501, .. })));
}

#[test]
fn of_a_prover_that_equivocates_any_submission_will_do() {
    let mut seen = Seen::new();
    let early = DEADLINE - 6000;
    for check in [Check::Valid, Check::Invalid] {
        seen.set(2, vec![received(9, early, check), received(2, early, Check::Valid)]);
        assert_eq!(seen.judge(&[1, 2, 3], same), Ok(()));
        assert!(matches!(seen.judge(&[1, 3], same), Err(Objection::Omitted { .. })));
    }
}

#[test]
fn who_is_shown_to_equivocate_in_this_phase_may_be_left_out() {
    let seen = Seen::new();
    let evidence = |phase| {
        let header = |body| SubmissionHeader {
            job_root: Root::ZERO,
            phase,
            prover: PublicKeyBytes::repeat_byte(2),
            body_root: Root::repeat_byte(body),
        };
        EquivocationEvidence {
            header_1: header(1),
            signature_1: SignatureBytes::ZERO,
            header_2: header(2),
            signature_2: SignatureBytes::ZERO,
        }
    };
    let showing = |phase| move |b: &mut PhaseBundle| b.equivocations = vec![evidence(phase)].try_into().unwrap();
    let of_this = bundle(&setup(4, None), 0, 0, Slot(10), 1).phase;
    assert_eq!(seen.judge(&[1, 3], showing(of_this)), Ok(()));
    assert_eq!(seen.judge(&[1, 2, 3], showing(of_this)), Ok(()));
    let other = Phase::ALL.into_iter().find(|phase| *phase != of_this).unwrap();
    assert!(matches!(seen.judge(&[1, 3], showing(other)), Err(Objection::Omitted { .. })));
}

/// A claim that is still to be fetched may show that it is this node that has a wrong digest.
#[test]
fn digests_are_judged_once_all_that_is_listed_is_here() {
    let seen = Seen::new();
    let known = [Some(Root::repeat_byte(7))];
    let of_t1 = |b: &mut PhaseBundle| {
        b.phase = Phase::T1;
        b.digests = vec![Root::repeat_byte(8)].try_into().unwrap();
    };
    assert_eq!(seen.judge_with(&[1, 2, 3], &known, of_t1), Err(Objection::Digest(0)));
    assert!(matches!(seen.judge_with(&[1, 2, 3, 4], &known, of_t1), Err(Objection::Missing { .. })));
    assert_eq!(seen.judge_with(&[1, 2, 3], &[None], of_t1), Err(Objection::UnknownDigest(0)));
}

#[test]
fn false_ones_are_objected_to_for_good_and_unknown_ones_for_now() {
    let mut seen = Seen::new();
    seen.set(2, vec![received(2, DEADLINE - 9000, Check::Invalid)]);
    assert_eq!(seen.judge(&[1, 3], same), Ok(()));
    let objection = seen.judge(&[1, 2, 3], same).unwrap_err();
    assert!(matches!(objection, Objection::Invalid { .. }) && !objection.is_passing());
    // A false one is found even if another is still unknown.
    let objection = seen.judge(&[1, 2, 3, 4], same).unwrap_err();
    assert!(matches!(objection, Objection::Invalid { .. }));
    seen.set(2, vec![received(2, DEADLINE - 9000, Check::Pending)]);
    let objection = seen.judge(&[1, 2, 3], same).unwrap_err();
    assert!(matches!(objection, Objection::Pending { .. }) && objection.is_passing());
    assert_eq!(seen.judge(&[1, 3], same), Ok(()), "what is not verified may be left out");
    assert!(seen.judge(&[1, 3, 4], same).unwrap_err().is_passing());
}

#[test]
fn the_chain_the_plan_and_the_signers_of_the_last_certificate_must_be_right() {
    let seen = Seen::new();
    let all = [1, 2, 3];
    assert!(matches!(seen.judge(&all, |b| b.previous = Root::ZERO), Err(Objection::Previous { .. })));
    assert!(matches!(seen.judge(&all, |b| b.plan_root = Root::ZERO), Err(Objection::Plan { .. })));
    let stranger = |b: &mut PhaseBundle| b.attesters = vec![ValidatorIndex(7)].try_into().unwrap();
    assert_eq!(seen.judge(&all, stranger), Err(Objection::Attester(ValidatorIndex(7))));
    let digests = |b: &mut PhaseBundle| b.digests = vec![Root::ZERO].try_into().unwrap();
    assert_eq!(seen.judge(&all, digests), Err(Objection::DigestCount { expected: 0, found: 1 }));
}

#[test]
fn provers_that_were_not_selected_are_listed_by_rank_while_there_is_room() {
    let mut seen = Seen::new();
    for (prover, rank) in [(4, 1), (5, 0)] {
        seen.set(prover, vec![received(prover, DEADLINE - 5000, Check::Valid)]);
        seen.open.insert(PublicKeyBytes::repeat_byte(prover), rank);
    }
    assert_eq!(seen.judge(&[1, 2, 3, 5], same), Ok(()));
    assert!(matches!(seen.judge(&[1, 2, 3, 4], same), Err(Objection::Omitted { .. })), "rank 0 is left out");
    assert!(matches!(seen.judge(&[1, 2, 3], same), Err(Objection::Omitted { .. })), "there is room");
    assert!(matches!(seen.judge(&[1, 2, 3, 4, 5], same), Err(Objection::TooManyOpen { found: 2, limit: 1 })));
}
