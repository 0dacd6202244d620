//! A job in a few lines: candidates, right digests, honest submissions.

use std::collections::{BTreeMap, BTreeSet};

use quintet_protocol::rewards::Payees;
use quintet_protocol::{
    Assignment, CandidateTable, Closed, Closing, Job, JudgedCommitments, JudgedFullProof, JudgedPartials, PhaseContent,
    ProverRecord, select,
};
use quintet_types::{
    Account, Epoch, InstanceIndex, JobId, LedgerEntry, Phase, ProverIndex, PublicKeyBytes, Reason, Reward, Root, Slot, Spec,
    ValidatorIndex,
};

pub(crate) const MIX: Root = Root::repeat_byte(0x42);
pub(crate) const SLOT: Slot = Slot(100);
pub(crate) const LEADER: ValidatorIndex = ValidatorIndex(1);
/// More gas than any number of provers here is limited by.
pub(crate) const MUCH_GAS: u64 = 60_000_000;

pub(crate) type Submissions<T> = BTreeMap<ProverIndex, T>;

pub(crate) fn records(count: u64) -> Vec<ProverRecord> {
    (0..count)
        .map(|index| ProverRecord {
            index: ProverIndex(index),
            pubkey: PublicKeyBytes::left_padding_from(&index.to_be_bytes()),
            stake_gwei: u64::MAX,
            activation: Epoch(0),
            exit: None,
            pauses: Vec::new(),
        })
        .collect()
}

pub(crate) fn candidates(count: u64) -> CandidateTable {
    CandidateTable::new(&records(count), &BTreeMap::new(), Epoch(3), &Spec::default())
}

pub(crate) fn nobody() -> BTreeSet<ProverIndex> {
    BTreeSet::new()
}

pub(crate) fn job_id() -> JobId {
    JobId::new(SLOT, Root::repeat_byte(0xb1))
}

/// A job with `provers` selected provers (of twice as many) and `instances` instances, T1 open.
pub(crate) fn open_job(provers: u64, instances: u64, spec: &Spec) -> Job {
    let spec_ = Spec { provers_per_proof: provers, ..spec.clone() };
    let selection = select(&job_id(), &MIX, MUCH_GAS, &candidates(4 * provers), &nobody(), &spec_);
    let mut job = Job::new(job_id(), selection, spec);
    job.open(Root::repeat_byte(0xaa), instances, spec).unwrap();
    job
}

pub(crate) fn selected(job: &Job) -> Vec<ProverIndex> {
    job.assignment().unwrap().provers().to_vec()
}

/// The digest that all honest provers of an instance publish.
pub(crate) fn digest(instance: InstanceIndex) -> Root {
    Root::left_padding_from(&(u64::from(instance.0) + 1).to_be_bytes())
}

pub(crate) fn all_digests(assignment: &Assignment) -> Vec<Option<Root>> {
    (0..assignment.num_instances() as u32).map(|i| Some(digest(InstanceIndex(i)))).collect()
}

pub(crate) fn commitments(assignment: &Assignment, provers: &[ProverIndex]) -> Submissions<JudgedCommitments> {
    let of = |prover| {
        let claims = assignment.to_commit(prover).into_iter().map(|i| (i, digest(i))).collect();
        JudgedCommitments { claims, full_proof: None }
    };
    provers.iter().map(|&prover| (prover, of(prover))).collect()
}

pub(crate) fn partials(assignment: &Assignment, provers: &[ProverIndex]) -> Submissions<JudgedPartials> {
    let of = |prover| JudgedPartials { valid: assignment.to_prove(prover), full_proof: None };
    provers.iter().map(|&prover| (prover, of(prover))).collect()
}

/// Makers of a full proof out of the valid partials of `provers`, by preference; `None` where an instance has none.
pub(crate) fn makers(assignment: &Assignment, provers: &BTreeSet<ProverIndex>) -> Option<Vec<ProverIndex>> {
    (0..assignment.num_instances() as u32)
        .map(InstanceIndex)
        .map(|instance| {
            let seats = assignment.proving_seats(instance).iter();
            let offers = seats.map(|&seat| assignment.provers()[seat as usize]).filter(|p| provers.contains(p));
            quintet_protocol::reuse::preferred(&assignment.seed, instance, offers)
        })
        .collect()
}

pub(crate) fn payees() -> Payees<'static> {
    Payees { leader: LEADER, attesters: &[] }
}

pub(crate) fn close(job: &mut Job, content: PhaseContent, spec: &Spec) -> Closed {
    let phase = job.phase().unwrap();
    let slot = job.deadline();
    let bundle_root = Root::repeat_byte(phase.number());
    job.close(&Closing { phase, slot, bundle_root, payees: payees(), content }, spec).unwrap()
}

/// Closes T1 with right commitments of `provers`, and a complete D.
pub(crate) fn close_t1(job: &mut Job, provers: &[ProverIndex], spec: &Spec) -> Closed {
    let assignment = job.assignment().unwrap().clone();
    let submissions = commitments(&assignment, provers);
    close(job, PhaseContent::Commitments { submissions, digests: all_digests(&assignment) }, spec)
}

/// Closes T2 with all assigned partials of `provers`.
pub(crate) fn close_t2(job: &mut Job, provers: &[ProverIndex], spec: &Spec) -> Closed {
    let submissions = partials(job.assignment().unwrap(), provers);
    close(job, PhaseContent::Partials(submissions), spec)
}

/// Closes T3, T4 or T5 with the same full proof by each of `submitters`, made of everybody's partials.
pub(crate) fn close_full(job: &mut Job, submitters: &[ProverIndex], spec: &Spec) -> Closed {
    let everybody = selected(job).into_iter().collect();
    let makers = makers(job.assignment().unwrap(), &everybody).unwrap();
    let proofs = submitters.iter().map(|&p| (p, JudgedFullProof::Valid(makers.clone()))).collect();
    close(job, PhaseContent::FullProofs(proofs), spec)
}

/// Brings a job to T3, everybody honest so far.
pub(crate) fn job_in_t3(provers: u64, instances: u64, spec: &Spec) -> Job {
    let mut job = open_job(provers, instances, spec);
    let all = selected(&job);
    close_t1(&mut job, &all, spec);
    close_t2(&mut job, &all, spec);
    assert_eq!(job.phase(), Some(Phase::T3));
    job
}

/// Sum of the entries for an account and reason.
pub(crate) fn sum(entries: &[LedgerEntry], account: Account, reason: Reason) -> Reward {
    entries.iter().filter(|e| e.account == account && e.reason == reason).map(|e| e.amount).sum()
}

pub(crate) fn of_prover(entries: &[LedgerEntry], prover: ProverIndex, reason: Reason) -> Reward {
    sum(entries, Account::Prover(prover), reason)
}

pub(crate) fn of_leader(entries: &[LedgerEntry], reason: Reason) -> Reward {
    sum(entries, Account::Validator(LEADER), reason)
}

/// Sum of all of a prover's entries.
pub(crate) fn total(entries: &[LedgerEntry], prover: ProverIndex) -> Reward {
    entries.iter().filter(|e| e.account == Account::Prover(prover)).map(|e| e.amount).sum()
}

pub(crate) fn units(units: i64) -> Reward {
    Reward::from_units(units)
}
