//! Provers that cheat, one at a time among three honest ones: the job finalizes all the same, and the culprit's account is asserted to the unit.

use quintet_plonk::Commitment as PlonkCommitment;
use quintet_protocol::JobState;
use quintet_proving::{commitment_from_wire, commitment_to_wire};
use quintet_sidecar::core::Refusal;
use quintet_types::{Commitment, Decode, InstanceIndex, JobId, Phase, PublicKeyBytes, Reason, Reward, Submission};

use crate::{
    provers::{aggregate, sign, sign_commitments, sign_full, sign_partials},
    recording::{CULPRIT, recording},
    world::{World, commitment, recorded_partial, secret, spec},
};

/// A line of the ledger in units of the source's table, times `parts` of `of`.
fn line(phase: Phase, reason: Reason, units: i64, parts: u64, of: u64) -> (Phase, Reason, Reward) {
    (phase, reason, Reward::from_units(units).share(parts, of))
}

/// One job with a culprit on the second seat.
struct Case {
    world: World,
    job: JobId,
    selected: Vec<PublicKeyBytes>,
    /// Number of instances that the culprit has to prove.
    share: u64,
}

impl Case {
    fn new() -> Self {
        let mut world = World::new(spec());
        let job = world.announce();
        let selected = world.selected(&job);
        let share = world.assignment(&job).to_prove(world.index(&selected[CULPRIT])).len() as u64;
        assert!(share >= 2, "the plan is large enough for shares of which a part fails");
        Self { world, job, selected, share }
    }

    fn culprit(&self) -> PublicKeyBytes {
        self.selected[CULPRIT]
    }

    fn honest(&self) -> Vec<PublicKeyBytes> {
        self.selected.iter().filter(|key| **key != self.culprit()).copied().collect()
    }

    /// The honest provers commit, `cheat` acts, T1 ends with a complete D of right digests.
    fn t1(&mut self, cheat: impl FnOnce(&mut Self)) {
        for key in self.honest() {
            assert_eq!(self.world.submit(self.world.commitments(&self.job, &key)), Ok(true));
        }
        cheat(self);
        self.world.pass_deadline(&self.job);
        assert_eq!(self.world.state(&self.job), JobState::Open(Phase::T2));
        let digests = self.world.live(&self.job).job().digests().to_vec();
        let right = recording().commitments.iter().map(|commitment| Some(commitment.digest));
        assert!(digests.into_iter().eq(right), "D is that of the honest provers");
    }

    /// The honest provers prove, `cheat` acts, T2 ends.
    fn t2(&mut self, cheat: impl FnOnce(&mut Self)) {
        for key in self.honest() {
            assert_eq!(self.world.submit(self.world.partials(&self.job, &key)), Ok(true));
        }
        cheat(self);
        self.world.pass_deadline(&self.job);
        assert_eq!(self.world.state(&self.job), JobState::Open(Phase::T3));
    }

    fn right_t1(&mut self) {
        self.t1(|case| assert_eq!(case.world.submit(case.world.commitments(&case.job, &case.culprit())), Ok(true)));
    }

    fn right_t2(&mut self) {
        self.t2(|case| assert_eq!(case.world.submit(case.world.partials(&case.job, &case.culprit())), Ok(true)));
    }

    /// T3 with the recorded full proofs of all honest provers, and what that makes of the culprit's account.
    fn all_aggregate(&mut self) -> Vec<(Phase, Reason, Reward)> {
        for key in self.honest() {
            assert_eq!(self.world.submit(self.world.full_proof(&self.job, &key, Phase::T3)), Ok(true));
        }
        self.finalized();
        vec![
            // All three full proofs reuse the whole share.
            line(Phase::T3, Reason::Reused, 40, self.share, 1),
            line(Phase::T3, Reason::NonParticipation, -1, 1, 1),
        ]
    }

    /// T3 by the prover of the first seat, which proves what the culprit owes: all but the first `valid` instances of its share.
    fn first_fills_in(&mut self, valid: u64) -> Vec<(Phase, Reason, Reward)> {
        let world = &self.world;
        let first = self.selected[0];
        let mut shares: Vec<_> = self.selected.iter().map(|key| world.share(&self.job, key)).collect();
        let missing = shares[CULPRIT].partials.split_off(valid as usize);
        let own: Vec<_> = missing.iter().map(|partial| recorded_partial(&first, partial.instance)).collect();
        let proving = world.proving(&self.job);
        let proof = aggregate(&proving, &recording().commitments, &shares, &first, &own);
        let submission = sign_full(secret(&first), world.spec(), &self.job, Phase::T3, proof);
        assert_eq!(self.world.submit(submission), Ok(true));
        self.finalized();
        let missed = self.share - valid;
        let mut lines =
            vec![line(Phase::T3, Reason::NotReused, -1, missed, 1), line(Phase::T3, Reason::NonParticipation, -1, 1, 1)];
        if valid > 0 {
            lines.insert(0, line(Phase::T3, Reason::Reused, 40, valid, 1));
        }
        lines
    }

    fn finalized(&mut self) {
        self.world.pass_deadline(&self.job);
        assert_eq!(self.world.state(&self.job), JobState::Finalized(Phase::T3));
        // And a restart finds the same ledger.
        let root = self.world.ledger_root();
        let world = std::mem::replace(&mut self.world, World::new(spec()));
        self.world = world.restart();
        assert_eq!(self.world.ledger_root(), root);
    }

    #[track_caller]
    fn pays(&self, expected: &[&[(Phase, Reason, Reward)]]) {
        assert_eq!(self.world.lines(&self.job, &self.culprit()), expected.concat());
        // Nobody else is fined for anything but not having sent a full proof.
        for key in self.honest() {
            let fined = |line: &&(Phase, Reason, Reward)| line.2 < Reward::ZERO && line.1 != Reason::NonParticipation;
            assert_eq!(self.world.lines(&self.job, &key).iter().find(fined), None);
        }
    }

    fn partial_reward(&self, valid: u64) -> Vec<(Phase, Reason, Reward)> {
        let missed = line(Phase::T2, Reason::Missed, -3, self.share - valid, self.share);
        let earned = line(Phase::T2, Reason::Partials, 400, valid, self.share);
        [missed, earned].into_iter().filter(|line| !line.2.is_zero()).collect()
    }
}

/// One process makes the circuits for all cases.
#[test]
fn each_kind_of_cheating_costs_what_the_rules_say_and_the_job_finalizes() {
    silence();
    lateness();
    a_wrong_digest();
    a_proof_for_another_trace();
    a_stolen_proof_under_another_key();
    equivocation();
    garbage();
    a_replay_from_another_job();
    a_false_full_proof();
}

const T1_MISSED: Reason = Reason::Missed;

fn silence() {
    let mut case = Case::new();
    case.t1(|_| {});
    case.t2(|_| {});
    let t3 = case.first_fills_in(0);
    case.pays(&[&[line(Phase::T1, T1_MISSED, -1, 1, 1)], &case.partial_reward(0), &t3]);
}

/// Half a second after the deadline is still in time, a millisecond more is not.
fn lateness() {
    let mut case = Case::new();
    case.right_t1();
    case.t2(|case| {
        let submission = case.world.partials(&case.job, &case.culprit());
        case.world.now = case.world.deadline_ms(&case.job) + case.world.spec().arrival_tolerance_ms + 1;
        assert!(matches!(case.world.submit(submission), Err(Refusal::Late { late_ms: 501, .. })));
    });
    let t3 = case.first_fills_in(0);
    case.pays(&[&case.partial_reward(0), &t3]);
}

/// A well-formed commitment to other columns: the points of the right one in another order.
fn lie(world: &World, job: &JobId, instance: InstanceIndex) -> Commitment {
    let proving = world.proving(job);
    let id = proving.instance(instance).unwrap();
    let right = commitment_from_wire(id, proving.shape().k, &commitment(instance)).unwrap();
    let points = right.points.iter().rev().copied().collect();
    commitment_to_wire(instance, &PlonkCommitment { points, ..right }).unwrap()
}

fn a_wrong_digest() {
    let mut case = Case::new();
    case.t1(|case| {
        let owed = case.world.assignment(&case.job).to_commit(case.world.index(&case.culprit()));
        let mut made: Vec<Commitment> = owed.iter().map(|instance| commitment(*instance)).collect();
        made[0] = lie(&case.world, &case.job, owed[0]);
        let submission = sign_commitments(secret(&case.culprit()), case.world.spec(), &case.job, made);
        assert_eq!(case.world.submit(submission), Ok(true), "that it is wrong shows when the phase ends");
    });
    case.right_t2();
    let t3 = case.all_aggregate();
    let t1 = [line(Phase::T1, T1_MISSED, -1, 1, 1), line(Phase::T1, Reason::WrongDigest, -500, 1, 1)];
    case.pays(&[&t1, &case.partial_reward(case.share), &t3]);
}

/// The proof of another instance of the same AIR where there is one: it verifies there, and here it is not D's.
fn a_proof_for_another_trace() {
    let mut case = Case::new();
    case.right_t1();
    case.t2(|case| {
        let plan = case.world.proving(&case.job).plan().entries.to_vec();
        let mut share = case.world.share(&case.job, &case.culprit()).partials;
        let air = |instance: InstanceIndex| plan[instance.as_usize()].air;
        let last = share.last_mut().unwrap();
        let others = recording().partials.values().filter(|other| other.instance != last.instance);
        let twin = others.clone().find(|other| air(other.instance) == air(last.instance));
        let other = twin.or_else(|| others.clone().next()).unwrap();
        (last.sum, last.proof) = (other.sum, other.proof.clone());
        let submission = sign_partials(secret(&case.culprit()), case.world.spec(), &case.job, share);
        assert_eq!(case.world.submit(submission), Ok(true));
    });
    let valid = case.share - 1;
    let t3 = case.first_fills_in(valid);
    case.pays(&[&case.partial_reward(valid), &t3]);
}

/// Valid proofs of the culprit's share, made by another prover: its key is among their public inputs.
fn a_stolen_proof_under_another_key() {
    let mut case = Case::new();
    case.right_t1();
    case.t2(|case| {
        let share = case.world.share(&case.job, &case.culprit()).partials;
        let stolen = share.iter().map(|partial| recorded_partial(&case.selected[0], partial.instance)).collect();
        let submission = sign_partials(secret(&case.culprit()), case.world.spec(), &case.job, stolen);
        // Under the maker's own signature it is nobody else's either.
        let Submission::PartialProofs(mut foreign) = case.world.partials(&case.job, &case.selected[0]) else { unreachable!() };
        foreign.prover = case.culprit();
        foreign.body = match &submission {
            Submission::PartialProofs(signed) => signed.body.clone(),
            _ => unreachable!(),
        };
        assert!(matches!(case.world.submit(Submission::PartialProofs(foreign)), Err(Refusal::Signature(_))));
        assert_eq!(case.world.submit(submission), Ok(true));
    });
    let t3 = case.first_fills_in(0);
    case.pays(&[&case.partial_reward(0), &t3]);
}

fn equivocation() {
    let mut case = Case::new();
    case.t1(|case| {
        let first = case.world.commitments(&case.job, &case.culprit());
        assert_eq!(case.world.submit(first.clone()), Ok(true));
        let Submission::Commitments(mut second) = first else { unreachable!() };
        let without_last = second.body.commitments.len() - 1;
        second.body.commitments = second.body.commitments[..without_last].to_vec().try_into().unwrap();
        let second = sign(secret(&case.culprit()), case.world.spec(), Submission::Commitments(second));
        for _ in 0..2 {
            assert!(matches!(case.world.submit(second.clone()), Err(Refusal::Duplicate(_))));
        }
        assert_eq!(case.world.core.evidence().count(), 1, "it is recorded once");
        assert!(case.world.core.evidence().all(|evidence| *evidence.prover() == case.culprit() && evidence.is_slashable()));
    });
    case.right_t2();
    let t3 = case.all_aggregate();
    // The first body counts.
    case.pays(&[&[line(Phase::T1, Reason::Equivocation, -1000, 1, 1)], &case.partial_reward(case.share), &t3]);
}

fn garbage() {
    let mut case = Case::new();
    let no_submission: Vec<u8> = (0..2000u32).map(|i| ((i * 7919) >> 3) as u8).collect();
    assert!(Submission::from_ssz_bytes(&no_submission).is_err(), "bytes that are nothing get no further than the decoder");
    case.right_t1();
    case.t2(|case| {
        let mut number = 0u32;
        let submission = case.world.changed_partials(&case.job, &case.culprit(), |partial| {
            partial.proof.iter_mut().for_each(|byte| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (number >> 24) as u8;
            });
        });
        assert_eq!(case.world.submit(submission), Ok(true));
    });
    let t3 = case.first_fills_in(0);
    case.pays(&[&case.partial_reward(0), &t3]);
}

/// A valid partial of the same prover for the same instance, made for the second attempt: another statement, another challenge.
fn a_replay_from_another_job() {
    let mut case = Case::new();
    case.right_t1();
    case.t2(|case| {
        let other = JobId { attempt: 1, ..case.job };
        let mut share = case.world.share(&case.job, &case.culprit()).partials;
        share.retain(|partial| partial.instance != recording().foreign.instance);
        share.push(recording().foreign.clone());
        share.sort_by_key(|partial| partial.instance);
        // As it was signed there, and under this job's name with that signature.
        let there = sign_partials(secret(&case.culprit()), case.world.spec(), &other, share.clone());
        assert!(matches!(case.world.submit(there.clone()), Err(Refusal::UnknownJob(_))));
        let Submission::PartialProofs(mut renamed) = there else { unreachable!() };
        renamed.job = case.job;
        assert!(matches!(case.world.submit(Submission::PartialProofs(renamed)), Err(Refusal::Signature(_))));
        // Signed anew it is taken, and found out.
        let submission = sign_partials(secret(&case.culprit()), case.world.spec(), &case.job, share);
        assert_eq!(case.world.submit(submission), Ok(true));
    });
    // The recording's foreign partial is of the first instance; the first seat proves that one.
    let valid = case.share - 1;
    let world = &case.world;
    let first = case.selected[0];
    let mut shares: Vec<_> = case.selected.iter().map(|key| world.share(&case.job, key)).collect();
    shares[CULPRIT].partials.retain(|partial| partial.instance != recording().foreign.instance);
    let own = [recorded_partial(&first, recording().foreign.instance)];
    let proof = aggregate(&world.proving(&case.job), &recording().commitments, &shares, &first, &own);
    let submission = sign_full(secret(&first), world.spec(), &case.job, Phase::T3, proof);
    assert_eq!(case.world.submit(submission), Ok(true));
    case.finalized();
    let t3 = [
        line(Phase::T3, Reason::Reused, 40, valid, 1),
        line(Phase::T3, Reason::NotReused, -1, 1, 1),
        line(Phase::T3, Reason::NonParticipation, -1, 1, 1),
    ];
    case.pays(&[&case.partial_reward(valid), &t3]);
}

/// An aggregate whose last byte is another one: fined, and its sender's full proofs are refused for an epoch, also after a restart.
fn a_false_full_proof() {
    let mut case = Case::new();
    case.right_t1();
    case.right_t2();
    let mut body = recording().full_proofs[&case.culprit()].clone();
    let last = body.aggregation.len() - 1;
    body.aggregation[last] ^= 1;
    let submission = sign_full(secret(&case.culprit()), case.world.spec(), &case.job, Phase::T3, body);
    assert_eq!(case.world.submit(submission), Ok(true));
    case.world.settle();
    let right = case.world.full_proof(&case.job, &case.culprit(), Phase::T3);
    assert!(matches!(case.world.submit(right.clone()), Err(Refusal::Barred { .. })));
    let world = std::mem::replace(&mut case.world, World::new(spec()));
    case.world = world.restart();
    case.world.settle();
    assert!(matches!(case.world.submit(right), Err(Refusal::Barred { .. })), "a restart forgets no liar");
    let mut t3 = case.all_aggregate();
    t3.push(line(Phase::T3, Reason::FalseFullProof, -50, 1, 1));
    case.pays(&[&case.partial_reward(case.share), &t3]);
}
