//! The shape of submissions and bundles, before any signature or proof is looked at.

use std::collections::{BTreeMap, BTreeSet};

use quintet_types::{
    BloomHash, Commitments, EquivocationEvidence, FullProof, InstanceIndex, JobId, LateEquivocation, PartialProofs, Phase,
    PhaseBundle, ProverIndex, PublicKeyBytes, Root, Spec,
};

use crate::assignment::Assignment;
use crate::error::ProtocolError;
use crate::job::Job;

/// A partial that full proofs may refer to: it stands in a certified bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPartial {
    /// The instance that it proves.
    pub instance: InstanceIndex,
    /// Who made it.
    pub maker: ProverIndex,
}

/// T1: instances of the plan, rising. Further ones than the assigned are welcome; missing ones are no matter of shape.
///
/// # Errors
/// Names what is wrong.
pub fn check_commitments(body: &Commitments, instances: usize) -> Result<(), ProtocolError> {
    if !body.is_ordered() {
        return Err(ProtocolError::NotOrdered("commitments"));
    }
    match body.commitments.last() {
        Some(last) if last.instance.as_usize() >= instances => {
            Err(ProtocolError::UnknownInstance { instance: last.instance, instances })
        }
        _ => Ok(()),
    }
}

/// T2: assigned instances only, rising. Each partial costs its receivers a verification, so unassigned ones are not
/// welcome.
///
/// # Errors
/// Names what is wrong.
pub fn check_partials(body: &PartialProofs, prover: ProverIndex, assignment: &Assignment) -> Result<(), ProtocolError> {
    if !body.is_ordered() {
        return Err(ProtocolError::NotOrdered("partial proofs"));
    }
    for partial in &body.proofs {
        if !assignment.must_prove(prover, partial.instance) {
            return Err(ProtocolError::NotAssigned { prover, instance: partial.instance });
        }
    }
    Ok(())
}

/// T3–T5: looks up who made each partial of a full proof, in plan order, and checks length, places and BloomHash.
///
/// `known` are the partials of certified bundles by id. The aggregation proof and the own partials' proofs are not
/// looked at.
///
/// # Errors
/// Names what is wrong.
pub fn resolve_full_proof(
    body: &FullProof,
    job: &JobId,
    submitter: ProverIndex,
    submitter_key: &PublicKeyBytes,
    instances: usize,
    known: &BTreeMap<Root, KnownPartial>,
) -> Result<Vec<ProverIndex>, ProtocolError> {
    if body.partials.len() != instances {
        return Err(ProtocolError::WrongLength { expected: instances, found: body.partials.len() });
    }
    if !body.is_ordered() {
        return Err(ProtocolError::NotOrdered("own partial proofs"));
    }
    let own: BTreeMap<Root, InstanceIndex> =
        body.own.iter().map(|partial| (partial.id(job, submitter_key), partial.instance)).collect();
    let mut unused: BTreeSet<_> = own.values().copied().collect();
    let mut makers = Vec::with_capacity(instances);
    let mut reused = Vec::new();
    for (id, place) in body.partials.iter().zip(0..) {
        let place = InstanceIndex(place);
        let (actual, maker) = match (own.get(id), known.get(id)) {
            (Some(&instance), _) => (instance, submitter),
            (None, Some(partial)) => (partial.instance, partial.maker),
            (None, None) => return Err(ProtocolError::UnknownPartial { instance: place, id: *id }),
        };
        if actual != place {
            return Err(ProtocolError::MisplacedPartial { instance: place, id: *id, actual });
        }
        unused.remove(&place);
        if maker != submitter {
            reused.push(id);
        }
        makers.push(maker);
    }
    if let Some(instance) = unused.pop_first() {
        return Err(ProtocolError::UnusedPartial(instance));
    }
    if body.bloom_hash != BloomHash::new(instances, reused) {
        return Err(ProtocolError::WrongBloomHash);
    }
    Ok(makers)
}

/// Whether a bundle of `carrier` may bring evidence about `job`: an earlier block, [`evidence_slots`] back at the most, or an earlier attempt at the same block.
pub fn may_accuse(carrier: &JobId, job: &JobId, spec: &Spec) -> bool {
    let earlier_attempt =
        (job.block_root, job.sub_block) == (carrier.block_root, carrier.sub_block) && job.attempt < carrier.attempt;
    let earlier_block = job.slot < carrier.slot && carrier.slot <= job.slot.plus(evidence_slots(spec));
    if job.slot == carrier.slot { earlier_attempt } else { earlier_block }
}

/// For so long after a block the bundles of later jobs may bring evidence about its jobs: two epochs, in which it is not final as a rule and so kept by all.
pub const fn evidence_slots(spec: &Spec) -> u64 {
    2 * spec.slots_per_epoch
}

/// A bundle: whether it continues the job as this node knows it. Signatures, leader and submissions are not looked at.
///
/// `is_selected` says of a key whether it is that of a selected prover.
///
/// # Errors
/// Names what is wrong.
pub fn check_bundle(
    bundle: &PhaseBundle,
    job: &Job,
    is_selected: impl Fn(&PublicKeyBytes) -> bool,
    spec: &Spec,
) -> Result<(), ProtocolError> {
    let fault = |what| Err(ProtocolError::BadBundle { job: *job.id(), phase: bundle.phase, what });
    if bundle.job != *job.id() {
        return fault("job is another one");
    }
    match job.phase() {
        Some(open) if open == bundle.phase => {}
        Some(open) => return Err(ProtocolError::WrongPhase { job: *job.id(), open, closed: bundle.phase }),
        None => return fault("job has no open phase"),
    }
    if bundle.plan_root != job.plan_root() {
        return fault("plan is not the recomputed one");
    }
    if bundle.previous != job.last_bundle() {
        return fault("predecessor is not the last certified bundle");
    }
    // A certificate for an earlier deadline may come after this node has moved it.
    let moved = (0..=job.uncertified()).any(|times| bundle.slot.plus(times.saturating_mul(spec.phase_slots)) == job.deadline());
    if bundle.slot > job.deadline() || (!moved && !spec.early_close) {
        return fault("slot is not the deadline");
    }
    if !bundle.is_ordered() {
        return fault("submissions do not rise strictly by key");
    }
    let job_root = job.id().root();
    let of_here = |evidence: &EquivocationEvidence| {
        evidence.is_slashable() && evidence.header_1.job_root == job_root && evidence.header_1.phase <= bundle.phase
    };
    if !bundle.equivocations.iter().all(of_here) {
        return fault("evidence is not of two bodies for a phase of this job up to this one");
    }
    let late = |late: &LateEquivocation| {
        late.evidence.is_slashable()
            && late.evidence.header_1.job_root == late.job.root()
            && may_accuse(&bundle.job, &late.job, spec)
    };
    if !bundle.late_equivocations.iter().all(late) {
        return fault("late evidence is not of two bodies for an earlier job that it may be about");
    }
    let instances = if bundle.phase == Phase::T1 { job.digests().len() } else { 0 };
    if bundle.digests.len() != instances {
        return fault("digests are not one for each instance");
    }
    let open = bundle.accepted.iter().filter(|entry| !is_selected(&entry.prover)).count() as u64;
    if bundle.phase.is_aggregation() && open > spec.max_open_full_proofs {
        return fault("full proofs by provers that were not selected are too many");
    }
    if bundle.phase == Phase::T2 && open > 0 {
        return fault("partials are of provers that were not selected");
    }
    Ok(())
}
