//! Several sidecars that close phases with each other's bundles; the test is the network between them, and everyone votes at once.

use std::collections::BTreeSet;

use quintet_agreement::Objection;
use quintet_beacon::BlockInfo;
use quintet_protocol::{Failure, JobState};
use quintet_sidecar::core::{Announced, Refusal};
use quintet_types::{
    InstanceIndex, JobId, Phase, PhaseBundle, PublicKeyBytes, Reason, RetryPolicy, Reward, Root, SignatureBytes, Spec,
    Submission, ValidatorIndex,
};

use crate::{
    fallbacks::{lie, policy},
    provers::{sign, sign_commitments, sign_partials},
    recording::{CULPRIT, recording},
    world::{World, block, commitment, secret, spec},
};

/// Sidecars, in order of their validators.
struct Sidecars {
    worlds: Vec<World>,
    job: JobId,
    selected: Vec<PublicKeyBytes>,
}

impl Sidecars {
    fn new(count: u64) -> Self {
        Self::with(count, &spec())
    }

    fn with(count: u64, spec: &Spec) -> Self {
        let mut worlds: Vec<World> = (0..count).map(|validator| World::joint(spec.clone(), validator)).collect();
        let jobs: Vec<JobId> = worlds.iter_mut().map(World::announce).collect();
        let selected = worlds[0].selected(&jobs[0]);
        Self { job: jobs[0], selected, worlds }
    }

    fn culprit(&self) -> PublicKeyBytes {
        self.selected[CULPRIT]
    }

    /// Everybody gets what the honest provers hand in.
    fn honest(&mut self, make: impl Fn(&World, &JobId, &PublicKeyBytes) -> Submission) {
        let culprit = self.culprit();
        for key in self.selected.iter().filter(|key| **key != culprit) {
            for world in &mut self.worlds {
                assert_eq!(world.submit(make(world, &self.job, key)), Ok(true));
            }
        }
    }

    /// What one of them would close the open phase with.
    fn bundle(&mut self, leader: usize, rank: u16) -> PhaseBundle {
        let job = self.job;
        self.worlds.iter_mut().for_each(|world| world.pass_deadline(&job));
        let world = &self.worlds[leader];
        let live = world.live(&job);
        let (phase, slot) = (live.job().phase().unwrap(), live.job().deadline());
        world.core.bundle_for((job, phase), ValidatorIndex(leader as u64), rank, slot, world.now).unwrap()
    }

    /// What a sidecar thinks of a bundle once it has fetched what it lacks from the leader.
    fn judge(&mut self, voter: usize, bundle: &PhaseBundle) -> Result<(), Objection> {
        for _ in 0..8 {
            let judged = self.worlds[voter].core.objection(bundle, &BTreeSet::new()).unwrap();
            match judged {
                Err(objection) if objection.is_passing() => {}
                judged => return judged,
            }
            for entry in self.worlds[voter].core.missing(bundle) {
                let leader = &self.worlds[bundle.leader.0 as usize];
                let held = leader.live(&self.job).body(bundle.phase, leader.index(&entry.prover), &entry.body_root);
                let submission = held.unwrap().submission.as_ref().clone();
                let _ = self.worlds[voter].take(submission, true);
            }
            self.worlds[voter].core.contest(bundle);
            self.worlds[voter].settle();
        }
        panic!("validator {voter} waits for ever");
    }

    /// The bundle of one of them is certified, and closes the phase everywhere.
    fn close(&mut self, leader: usize) -> PhaseBundle {
        let bundle = self.bundle(leader, 0);
        for voter in 0..self.worlds.len() {
            assert_eq!(self.judge(voter, &bundle), Ok(()), "validator {voter}");
            self.worlds[voter].core.vouch(&bundle);
        }
        for world in &mut self.worlds {
            assert_eq!(world.core.unsettled(&bundle), 0);
            world.core.apply_certified(bundle.clone(), world.now).unwrap();
            world.settle();
        }
        bundle
    }

    /// All have the same ledger, also after a restart; the culprit's lines of it.
    fn agreed(&mut self) -> Vec<(Phase, Reason, Reward)> {
        let worlds = std::mem::take(&mut self.worlds);
        let root = worlds[0].ledger_root();
        for (validator, world) in worlds.into_iter().enumerate() {
            assert_eq!(world.ledger_root(), root, "validator {validator}");
            let world = world.restart();
            assert_eq!(world.ledger_root(), root, "validator {validator} after a restart");
            self.worlds.push(world);
        }
        self.worlds[0].lines(&self.job, &self.culprit())
    }

    fn finalize(&mut self) {
        for key in self.selected.clone() {
            for world in &mut self.worlds {
                world.submit(world.full_proof(&self.job, &key, Phase::T3)).unwrap();
            }
        }
        self.close(3);
        assert!(self.worlds.iter().all(|world| world.state(&self.job) == JobState::Finalized(Phase::T3)));
    }
}

/// The body without its last commitment.
pub(crate) fn shorter(world: &World, submission: &Submission) -> Submission {
    let Submission::Commitments(mut second) = submission.clone() else { unreachable!() };
    let kept = second.body.commitments.len() - 1;
    second.body.commitments = second.body.commitments[..kept].to_vec().try_into().unwrap();
    sign(secret(&second.prover.clone()), world.spec(), Submission::Commitments(second))
}

/// One body each for two of four, and the bundle of either side counts: the ledgers of all say the same of it, and a phase later what it costs.
#[test]
fn a_prover_that_equivocates_stalls_nobody_and_pays_the_same_everywhere() {
    for leader in [0, 2] {
        let mut sidecars = Sidecars::new(4);
        let culprit = sidecars.culprit();
        let first = sidecars.worlds[0].commitments(&sidecars.job, &culprit);
        let second = shorter(&sidecars.worlds[0], &first);
        sidecars.honest(World::commitments);
        for (place, world) in sidecars.worlds.iter_mut().enumerate() {
            let one = if place < 2 { &first } else { &second };
            assert_eq!(world.submit(one.clone()), Ok(true));
        }
        let bundle = sidecars.close(leader);
        assert!(bundle.equivocations.is_empty(), "the leader saw one body only");
        assert_eq!(bundle.accepted.len(), 4);
        let known: Vec<usize> = sidecars.worlds.iter().map(|world| world.core.evidence().count()).collect();
        assert_eq!(known, if leader == 0 { [0, 0, 1, 1] } else { [1, 1, 0, 0] }, "those who had to fetch the other body know");

        sidecars.honest(World::partials);
        for world in &mut sidecars.worlds {
            assert_eq!(world.submit(world.partials(&sidecars.job, &culprit)), Ok(true));
        }
        // Led by one that knows.
        let bundle = sidecars.close(2 - leader + 1);
        assert_eq!(bundle.equivocations.len(), 1);
        assert!(sidecars.worlds.iter().all(|world| world.core.evidence().count() == 1), "now all do");
        sidecars.finalize();

        let missed = (leader == 2).then_some((Phase::T1, Reason::Missed, Reward::from_units(-1)));
        let fined = (Phase::T1, Reason::Equivocation, Reward::from_units(-1000));
        let lines = sidecars.agreed();
        let of_t1: Vec<_> = lines.iter().filter(|line| line.0 == Phase::T1).copied().collect();
        assert_eq!(of_t1, missed.into_iter().chain([fined]).collect::<Vec<_>>());
        assert!(lines.iter().all(|line| line.2 > Reward::ZERO || line.0 == Phase::T1), "{lines:?}");
    }
}

/// The first attempt is over before anyone sees the second body: a bundle of the next one brings it, everybody books it once, for the job that it is about.
#[test]
fn what_comes_out_after_a_jobs_last_bundle_is_fined_by_a_later_jobs() {
    let mut sidecars = Sidecars::with(4, &policy(RetryPolicy::SameSet));
    let (first, culprit) = (sidecars.job, sidecars.culprit());
    let body = sidecars.worlds[0].commitments(&first, &culprit);
    let other = shorter(&sidecars.worlds[0], &body);
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(body.clone()), Ok(true));
    }
    sidecars.honest(World::commitments);
    sidecars.close(0);
    sidecars.honest(World::partials);
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(world.partials(&first, &culprit)), Ok(true));
    }
    // Nobody puts the proofs together.
    for phase in [Phase::T2, Phase::T3, Phase::T4, Phase::T5] {
        assert_eq!(sidecars.worlds[0].state(&first), JobState::Open(phase));
        sidecars.close(0);
    }
    sidecars.worlds.iter_mut().for_each(World::settle);
    let next = first.next_attempt().unwrap();
    sidecars.job = next;
    for world in &sidecars.worlds {
        assert_eq!(world.state(&next), JobState::Open(Phase::T2), "D is whole");
    }
    // Two of them are shown it; the other two hear of it by the bundle.
    for world in &mut sidecars.worlds[..2] {
        for _ in 0..2 {
            assert!(world.submit(other.clone()).is_err(), "it is evidence, and no submission");
        }
        assert_eq!((world.core.evidence().count(), world.live(&first).bodies(Phase::T1).count()), (1, 4));
    }
    sidecars.selected = sidecars.worlds[0].selected(&next);
    let fine = (Phase::T1, Reason::Equivocation, Reward::from_units(-1000));
    let bundle = sidecars.bundle(1, 0);
    assert_eq!((bundle.equivocations.len(), bundle.late_equivocations.len()), (0, 1));
    // Neither a forgery nor what is about a job that is on no branch here gets a vote.
    let mut forged = bundle.clone();
    forged.late_equivocations[0].evidence.signature_2 = SignatureBytes::ZERO;
    let mut elsewhere = bundle.clone();
    elsewhere.late_equivocations[0].job.block_root = Root::repeat_byte(9);
    for voter in 0..4 {
        for wrong in [&forged, &elsewhere] {
            assert!(matches!(sidecars.judge(voter, wrong), Err(Objection::Evidence(prover)) if prover == culprit));
        }
        assert!(!sidecars.worlds[voter].lines(&first, &culprit).contains(&fine));
    }
    sidecars.close(1);
    for world in &sidecars.worlds {
        assert_eq!(world.lines(&first, &culprit).iter().filter(|line| **line == fine).count(), 1);
        assert_eq!(world.core.evidence().count(), 1, "now all have it");
    }
    sidecars.agreed();
    if sidecars.worlds.iter().all(|world| matches!(world.state(&next), JobState::Open(_))) {
        assert!(sidecars.bundle(2, 0).late_equivocations.is_empty(), "it is booked");
    }
}

/// Both bodies are everywhere when the phase ends, one sidecar is restarted, and the second leader is asked: it leaves the culprit out.
#[test]
fn the_second_leader_leaves_out_who_signs_something_else_for_everybody() {
    let mut sidecars = Sidecars::new(4);
    let culprit = sidecars.culprit();
    sidecars.honest(World::commitments);
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(world.commitments(&sidecars.job, &culprit)), Ok(true));
    }
    sidecars.close(0);

    sidecars.honest(World::partials);
    let share = sidecars.worlds[0].share(&sidecars.job, &culprit).partials;
    let bodies: Vec<Submission> = (0..3)
        .map(|less| {
            let some = share[..share.len() - less].to_vec();
            sign_partials(secret(&culprit), sidecars.worlds[0].spec(), &sidecars.job, some)
        })
        .collect();
    let job = sidecars.job;
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(bodies[0].clone()), Ok(true));
        for _ in 0..2 {
            assert!(matches!(world.submit(bodies[1].clone()), Err(Refusal::Duplicate(_))));
        }
        assert!(matches!(world.submit(bodies[2].clone()), Err(Refusal::Duplicate(_))));
        let announced = |body: &Submission| world.core.announced(&job, Phase::T2, &culprit, &body.header().body_root);
        assert_eq!([&bodies[0], &bodies[1], &bodies[2]].map(announced), [Announced::Held, Announced::Held, Announced::Useless]);
    }
    let last = sidecars.worlds.pop().unwrap().restart();
    sidecars.worlds.push(last);
    sidecars.worlds[3].settle();
    assert_eq!(sidecars.worlds[3].live(&job).bodies(Phase::T2).count(), 5, "a restart forgets no body");

    let bundle = sidecars.bundle(1, 0);
    assert_eq!((bundle.accepted.len(), bundle.equivocations.len()), (4, 1));
    let without = sidecars.bundle(1, 1);
    assert_eq!((without.accepted.len(), without.equivocations.len()), (3, 1));
    // Nobody may leave it out without saying why, nor accuse it of what it did not sign.
    let silent = PhaseBundle { equivocations: Default::default(), ..without.clone() };
    let mut forged = bundle.clone();
    forged.equivocations[0].signature_2 = SignatureBytes::ZERO;
    // The third body is asked for, since a bundle lists it.
    let mut other = bundle.clone();
    let place = other.accepted.iter().position(|entry| entry.prover == culprit).unwrap();
    other.accepted[place].body_root = bodies[2].header().body_root;
    for voter in 0..4 {
        assert_eq!(sidecars.judge(voter, &without), Ok(()));
        assert!(matches!(sidecars.judge(voter, &silent), Err(Objection::Omitted { prover, .. }) if prover == culprit));
        assert!(matches!(sidecars.judge(voter, &forged), Err(Objection::Evidence(prover)) if prover == culprit));
        let world = &mut sidecars.worlds[voter];
        assert_eq!(world.core.missing(&other).len(), 1);
        world.core.vouch(&bundle);
        let _ = world.take(bodies[2].clone(), true);
        world.settle();
        assert_eq!(world.core.missing(&other), []);
        assert_eq!(world.live(&job).bodies(Phase::T2).count(), 5, "two of a prover are held");
    }
    sidecars.close(1);
    sidecars.finalize();
    let share = share.len() as u64;
    let expected =
        [(Phase::T2, Reason::Partials, Reward::from_units(400)), (Phase::T2, Reason::Equivocation, Reward::from_units(-1000))];
    let lines = sidecars.agreed();
    assert_eq!(lines.iter().filter(|line| line.0 == Phase::T2).copied().collect::<Vec<_>>(), expected, "{share} of {share}");
}

/// A leader that leaves an honest prover out gets no vote, and the next leader's bundle has it.
#[test]
fn who_censors_a_prover_gets_no_vote() {
    let mut sidecars = Sidecars::new(4);
    let culprit = sidecars.culprit();
    sidecars.honest(World::commitments);
    // It posts to one sidecar only, a while before the deadline; the others are told.
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(world.commitments(&sidecars.job, &culprit)), Ok(true));
    }
    let full = sidecars.bundle(0, 0);
    let kept: Vec<_> = full.accepted.iter().filter(|entry| entry.prover != culprit).copied().collect();
    let censored = PhaseBundle { accepted: kept.try_into().unwrap(), ..full };
    for voter in 1..4 {
        assert!(matches!(sidecars.judge(voter, &censored), Err(Objection::Omitted { prover, .. }) if prover == culprit));
    }
    let bundle = sidecars.close(1);
    assert_eq!(bundle.accepted.len(), 4);
    assert_eq!(sidecars.agreed(), []);
}

/// A leader knows of a claim that another sidecar lacks, and so recomputed what that one believes: the other finds out by itself before it votes, and a
/// third that does not vote at all does so before it closes the phase.
#[test]
fn a_digest_that_contradicts_the_claims_at_hand_is_recomputed_before_the_vote() {
    let mut sidecars = Sidecars::new(3);
    let (job, culprit) = (sidecars.job, sidecars.culprit());
    let owed = sidecars.worlds[0].assignment(&job).to_commit(sidecars.worlds[0].index(&culprit));
    let world = &sidecars.worlds[0];
    let made =
        owed.iter().enumerate().map(|(place, i)| if place == 0 { lie(world, &job, *i) } else { commitment(*i) }).collect();
    let lies = sign_commitments(secret(&culprit), world.spec(), &job, made);
    // Only the liar's body gets to the second in time, and that of the others who committed to the instance after the deadline.
    for place in 0..3 {
        assert_eq!(sidecars.worlds[place].submit(lies.clone()), Ok(true));
    }
    for key in sidecars.selected.clone().iter().filter(|key| **key != culprit) {
        let world = &mut sidecars.worlds[0];
        assert_eq!(world.submit(world.commitments(&job, key)), Ok(true));
    }
    let bundle = sidecars.bundle(0, 0);
    assert_eq!(bundle.digests[owed[0].as_usize()], recording().commitments[owed[0].as_usize()].digest);
    assert_eq!(sidecars.judge(1, &bundle), Ok(()));
    // The third hears of the certificate only; what is listed it has fetched.
    for entry in sidecars.worlds[2].core.missing(&bundle) {
        let leader = &sidecars.worlds[0];
        let held = leader.live(&job).body(Phase::T1, leader.index(&entry.prover), &entry.body_root).unwrap();
        let submission = held.submission.as_ref().clone();
        assert_eq!(sidecars.worlds[2].take(submission, true), Ok(true));
    }
    for world in &mut sidecars.worlds {
        world.settle();
        assert_eq!(world.core.unsettled(&bundle), 0);
        world.core.apply_certified(bundle.clone(), world.now).unwrap();
        assert_eq!(world.live(&job).record.settled.len(), bundle.digests.len(), "partials can be judged");
    }
    let expected =
        [(Phase::T1, Reason::Missed, Reward::from_units(-1)), (Phase::T1, Reason::WrongDigest, Reward::from_units(-500))];
    assert_eq!(sidecars.agreed(), expected);
}

/// Two sidecars after an attempt in which nobody contradicts a lie, so that it gets into D and no full proof comes; and the instance that it is about.
fn a_lie_goes_uncontradicted(spec: &Spec) -> (Sidecars, InstanceIndex) {
    let mut sidecars = Sidecars::with(2, spec);
    let (first, culprit) = (sidecars.job, sidecars.culprit());
    let (seats, world) = ([1, 2], &sidecars.worlds[0]);
    let mut all = (0..recording().commitments.len() as u32).map(InstanceIndex);
    let target = all.find(|instance| {
        let committing = world.assignment(&first).committing_seats(*instance);
        committing.len() == 2 && committing.iter().all(|seat| seats.contains(&u32::from(*seat)))
    });
    let target = target.expect("an instance that only these two commit to");
    let liar = sidecars.selected[1];
    assert_eq!(liar, culprit, "the second seat");
    let owed = world.assignment(&first).to_commit(world.index(&liar));
    let lies = owed.iter().map(|i| if *i == target { lie(world, &first, *i) } else { commitment(*i) }).collect();
    let lies = sign_commitments(secret(&liar), world.spec(), &first, lies);
    for world in &mut sidecars.worlds {
        assert_eq!(world.submit(lies.clone()), Ok(true));
        for seat in [0, 3] {
            let key = sidecars.selected[seat];
            assert_eq!(world.submit(world.commitments(&first, &key)), Ok(true));
        }
    }
    for phase in Phase::ALL {
        for world in &mut sidecars.worlds {
            assert_eq!(world.state(&first), JobState::Open(phase));
            if phase == Phase::T2 {
                for seat in [0, 1, 3] {
                    let key = sidecars.selected[seat];
                    assert_eq!(world.submit(world.partials(&first, &key)), Ok(true));
                }
            }
        }
        let voters = sidecars.worlds.len();
        let bundle = sidecars.bundle(voters - 1, 0);
        for voter in 0..voters {
            assert_eq!(sidecars.judge(voter, &bundle), Ok(()));
            assert_eq!(sidecars.worlds[voter].core.unsettled(&bundle), 0);
            let now = sidecars.worlds[voter].now;
            sidecars.worlds[voter].core.apply_certified(bundle.clone(), now).unwrap();
        }
        if phase == Phase::T5 {
            // One of them ends without a goodbye before it has announced the next attempt.
            let world = sidecars.worlds.remove(0).restart();
            sidecars.worlds.insert(0, world);
        }
        sidecars.worlds.iter_mut().for_each(World::settle);
    }
    (sidecars, target)
}

/// The next attempt leaves it open, each sidecar recomputes it, and the liar pays when that T1 is certified, whatever one of them knew before.
#[test]
fn an_uncontradicted_lie_is_fined_by_the_next_attempts_certificate() {
    let (mut sidecars, target) = a_lie_goes_uncontradicted(&policy(RetryPolicy::SameSet));
    let (first, liar) = (sidecars.job, sidecars.culprit());
    let next = first.next_attempt().unwrap();
    sidecars.job = next;
    assert_eq!(sidecars.worlds[0].state(&next), JobState::Open(Phase::T1), "what is in doubt is open");
    assert_eq!(sidecars.worlds[0].live(&next).job(), sidecars.worlds[1].live(&next).job(), "both go on with the same attempt");
    assert_eq!(sidecars.worlds[0].live(&next).job().digests()[target.as_usize()], None);
    sidecars.selected = sidecars.worlds[0].selected(&next);
    for world in &mut sidecars.worlds {
        for key in &sidecars.selected {
            assert_eq!(world.submit(world.commitments(&next, key)), Ok(true));
        }
    }
    sidecars.close(0);
    assert!(sidecars.worlds.iter().all(|world| world.state(&next) == JobState::Open(Phase::T2)));
    let lines = sidecars.agreed();
    assert!(lines.contains(&(Phase::T1, Reason::WrongDigest, Reward::from_units(-500))), "{lines:?}");
    let of_first = sidecars.worlds[0].lines(&first, &liar);
    assert!(of_first.iter().all(|line| line.1 != Reason::WrongDigest), "nothing is booked twice");
}

/// After the last attempt no certificate says it any more: each sidecar recomputes what is in doubt, and all of them book the same.
#[test]
fn an_uncontradicted_lie_of_the_last_attempt_is_fined_everywhere() {
    let (mut sidecars, target) = a_lie_goes_uncontradicted(&Spec { max_attempts: 1, ..spec() });
    let job = sidecars.job;
    assert!(sidecars.worlds.iter().all(|world| world.state(&job) == JobState::Failed(Failure::NoFullProof)));
    let fine = (Phase::T1, Reason::WrongDigest, Reward::from_units(-500));
    for world in &sidecars.worlds {
        assert_eq!(world.live(&job).job().digests()[target.as_usize()], Some(commitment(target).digest));
    }
    for _ in 0..2 {
        let lines = sidecars.agreed();
        assert_eq!(lines.iter().filter(|line| **line == fine).count(), 1, "{lines:?}");
        sidecars.worlds.iter_mut().for_each(World::settle);
    }
    for key in sidecars.selected.clone().iter().filter(|key| **key != sidecars.culprit()) {
        assert!(sidecars.worlds[0].lines(&job, key).iter().all(|line| line.1 != Reason::WrongDigest));
    }
}

/// A later block of the branch that some of them follow has provers of its own; the retry, whose id names no branch, is drawn as if it were not there.
#[test]
fn sidecars_with_different_heads_draw_the_same_retry() {
    // The set takes four of the eight provers, so that the reserve is one of those whom the other block can have.
    let spec = Spec { hole_fillers: 1, ..spec() };
    let mut sidecars = Sidecars::with(3, &spec);
    let first = sidecars.job;
    for phase in Phase::ALL {
        assert_eq!(sidecars.worlds[0].state(&first), JobState::Open(phase));
        if phase == Phase::T1 || phase == Phase::T2 {
            for (key, world) in sidecars.selected.iter().flat_map(|key| [0, 1, 2].map(|place| (key, place))) {
                let world = &mut sidecars.worlds[world];
                let submission = if phase == Phase::T1 { world.commitments(&first, key) } else { world.partials(&first, key) };
                assert_eq!(world.submit(submission), Ok(true));
            }
        }
        if phase == Phase::T5 {
            let later = BlockInfo {
                slot: first.slot.plus(1),
                block_root: Root::repeat_byte(9),
                parent_root: first.block_root,
                ..block()
            };
            let other = sidecars.worlds[2].head(&later).expect("a job of its own");
            assert!(sidecars.worlds[2].core.job(&other).unwrap().job().selection().is_some());
        }
        // Nobody puts the proofs together.
        sidecars.close(0);
    }
    let next = first.next_attempt().unwrap();
    let jobs: Vec<_> = sidecars.worlds.iter().map(|world| world.live(&next).job().clone()).collect();
    assert_eq!(jobs[0].state(), JobState::Open(Phase::T2));
    assert_eq!(jobs[0].selection().unwrap().reserves.len(), 1);
    assert_eq!((&jobs[1], &jobs[2]), (&jobs[0], &jobs[0]));
}

/// The certificate of T1 comes when T2 is nearly over: nobody votes for a T2 of a moment, and what provers hand in until the next deadline counts.
#[test]
fn provers_of_a_phase_that_opened_late_have_until_the_next_deadline() {
    let mut sidecars = Sidecars::new(2);
    let (job, all) = (sidecars.job, sidecars.selected.clone());
    for key in &all {
        for world in &mut sidecars.worlds {
            assert_eq!(world.submit(world.commitments(&job, key)), Ok(true));
        }
    }
    let bundle = sidecars.bundle(0, 0);
    for voter in 0..2 {
        assert_eq!(sidecars.judge(voter, &bundle), Ok(()));
    }
    let spec = sidecars.worlds[0].spec().clone();
    let phase_ms = spec.phase_slots * spec.slot_duration_ms;
    for world in &mut sidecars.worlds {
        world.pass_to(world.deadline_ms(&job) + phase_ms - 100);
        world.core.apply_certified(bundle.clone(), world.now).unwrap();
        world.settle();
    }
    let first = sidecars.bundle(0, 0);
    assert!(matches!(sidecars.judge(1, &first), Err(Objection::TooShort { .. })));
    for key in &all {
        for world in &mut sidecars.worlds {
            assert_eq!(world.submit(world.partials(&job, key)), Ok(true), "the deadline that is shown is over");
        }
    }
    assert!(sidecars.bundle(0, 0).accepted.is_empty(), "at that deadline they would not count");
    for world in &mut sidecars.worlds {
        world.core.extend_to(&job, first.slot.plus(spec.phase_slots)).unwrap();
    }
    let second = sidecars.bundle(1, 0);
    assert_eq!(second.accepted.len(), all.len());
    assert_eq!(sidecars.judge(0, &second), Ok(()));
    for world in &mut sidecars.worlds {
        world.pass_to(world.deadline_ms(&job) + phase_ms);
        let late = world.partials(&job, &all[0]);
        assert!(matches!(world.submit(late), Ok(false)), "it is here already");
    }
}
