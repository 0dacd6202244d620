//! The core's part in agreeing with other validators' sidecars: what it would propose, what it thinks of proposals, and closing by certificate.

use std::collections::{BTreeMap, BTreeSet};

use quintet_agreement::{LocalView, Objection, judge, judge_proposal};
use quintet_protocol::Settlement;
use quintet_types::{JobId, Phase, PhaseBundle, PublicKeyBytes, Root, Slot, Spec, ValidatorIndex};

use super::{Core, CoreError, LiveJob};
use crate::registry::BlockAt;

/// How long before a deadline a submission must have been here for its omission to be a fault, and how long after the tolerance it may still come.
pub const GRACE_MS: u64 = 2_000;

/// A phase that waits for its bundle.
#[derive(Clone, Copy, Debug)]
pub struct OpenPhase {
    /// The job.
    pub job: JobId,
    /// The phase.
    pub phase: Phase,
    /// The deadline that it began with; the present one may be later.
    pub due: Slot,
    /// What leaders are drawn by.
    pub seed: Root,
    /// Where the job's block stands: who takes part depends on it.
    pub at: BlockAt,
}

/// What is to be done about a submission that a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// It is here.
    Held,
    /// It may be of use.
    Wanted,
    /// It is of no use here now.
    Useless,
}

impl Core {
    /// Phases that are open and planned.
    pub fn open_phases(&self) -> Vec<OpenPhase> {
        let open = |(id, live): (&JobId, &LiveJob)| {
            let (phase, line) = (live.job().phase()?, live.record.phases.last()?);
            let is_open = !live.job().is_suspended() && live.proving.is_some() && line.phase == phase;
            let seed = live.job().selection()?.seed;
            let at = BlockAt { slot: id.slot, tip: live.record.tip };
            is_open.then_some(OpenPhase { job: *id, phase, due: line.due, seed, at })
        };
        self.jobs.iter().filter_map(open).collect()
    }

    /// What to do about an announced submission; its signature was not looked at.
    pub fn announced(&self, id: &JobId, phase: Phase, prover: &PublicKeyBytes, body_root: &Root) -> Announced {
        let key = *prover;
        let (Some(live), Some(prover)) = (self.jobs.get(id), self.prover_index(prover)) else { return Announced::Useless };
        let Some(selection) = live.job().selection() else { return Announced::Useless };
        let drawn = selection.provers.contains(&prover) || (phase == Phase::T1 && selection.reserves.contains(&prover));
        if live.body(phase, prover, body_root).is_some() {
            return Announced::Held;
        }
        match live.received.get(&(phase, prover)) {
            // A second body in T1 or T2 is evidence, a third is no news.
            Some(_) if phase.is_aggregation() || self.evidence.contains_key(&(id.root(), phase.number(), key)) => {
                Announced::Useless
            }
            _ if live.job().phase() == Some(phase) && (drawn || phase.is_aggregation()) => Announced::Wanted,
            _ => Announced::Useless,
        }
    }

    /// The bundle that this sidecar proposes for the open phase, once all that came is verified.
    pub fn bundle_for(
        &self,
        place: (JobId, Phase),
        leader: ValidatorIndex,
        rank: u16,
        slot: Slot,
        now_ms: u64,
    ) -> Option<PhaseBundle> {
        let live = self.jobs.get(&place.0).filter(|live| live.ready && live.job().phase() == Some(place.1))?;
        if live.job().deadline() != slot {
            return None;
        }
        let mut bundle = PhaseBundle { leader, rank, slot, ..self.proposal(live, now_ms)? };
        if rank > 0 {
            // The first leader's bundle found no majority. Of a prover that signs something else for everybody nobody may hold what this one lists.
            let kept: Vec<_> =
                bundle.accepted.iter().filter(|entry| !bundle.shows_equivocation_of(&entry.prover)).copied().collect();
            bundle.accepted = kept.try_into().unwrap_or_default();
        }
        Some(bundle)
    }

    /// Whether this sidecar has anything against a proposed bundle of an open phase. `None` if it cannot say yet.
    pub fn objection(&self, bundle: &PhaseBundle, signers: &BTreeSet<ValidatorIndex>) -> Option<Result<(), Objection>> {
        let live = self.jobs.get(&bundle.job).filter(|live| live.job().phase() == Some(bundle.phase))?;
        let line = live.record.phases.last()?;
        let spec = &self.config.spec;
        let deadline_ms = self.slot_start_ms(bundle.slot);
        let mut submissions = judge::Submissions::new();
        for (_, received) in live.bodies(bundle.phase) {
            let check = if received.verdict.is_some() { judge::Check::Valid } else { judge::Check::Pending };
            let one = judge::Received { body_root: received.body_root, arrived_ms: received.arrival_ms, check };
            submissions.entry(*received.submission.prover()).or_default().push(one);
        }
        let mut digests = known_digests(live, bundle.phase);
        for instance in self.contestable(live, bundle) {
            // This sidecar knows what others claimed, and the leader something else: it will find out itself.
            digests[instance.as_usize()] = None;
        }
        let selected = live.job().selection().map(|selection| &selection.provers[..]).unwrap_or_default();
        let mut open: Vec<PublicKeyBytes> = submissions.keys().copied().collect();
        open.retain(|key| self.prover_index(key).is_some_and(|prover| !selected.contains(&prover)));
        let open_ranks: BTreeMap<_, _> = open.into_iter().map(|key| (key, 0)).collect();
        let aggregation = bundle.phase.is_aggregation();
        let view = LocalView {
            submissions: &submissions,
            agg_proofs: &BTreeMap::new(),
            deadline_ms,
            tolerance_ms: spec.arrival_tolerance_ms,
            grace_ms: GRACE_MS,
            opened_ms: line.starts_ms,
            min_open_ms: self.min_open_ms(),
            previous: live.job().last_bundle(),
            previous_signers: signers,
            plan_root: live.job().plan_root(),
            digests: &digests,
            open_ranks: if aggregation { &open_ranks } else { &BTreeMap::new() },
            max_open: spec.max_open_full_proofs as usize,
        };
        Some(judge_proposal(bundle, &view).and_then(|()| self.judge_evidence(bundle)))
    }

    /// How long a phase has to have been open before it is closed: half of what it is meant to last.
    fn min_open_ms(&self) -> u64 {
        self.config.spec.phase_slots * self.config.spec.slot_duration_ms / 2
    }

    /// Until when provers may submit to the open phase. Among several that is the first deadline at which it will have been open for long enough: where the
    /// certificate of the phase before came late, nobody votes for a bundle at the deadline that is shown, and what comes after it counts at the next one.
    pub(super) fn fair_deadline(&self, live: &LiveJob) -> Slot {
        let mut deadline = live.job().deadline();
        let Some(line) = live.record.phases.last().filter(|line| self.config.joint && live.job().phase() == Some(line.phase))
        else {
            return deadline;
        };
        while self.slot_start_ms(deadline) < line.starts_ms.saturating_add(self.min_open_ms()) {
            deadline = deadline.plus(self.config.spec.phase_slots.max(1));
        }
        deadline
    }

    /// Nobody certified a bundle in time: the deadline of the open phase moves to `slot`. However often that happens, a later certificate counts.
    ///
    /// # Errors
    /// If the store fails.
    pub fn extend_to(&mut self, id: &JobId, slot: Slot) -> Result<(), CoreError> {
        let spec = Spec { max_uncertified: u64::MAX, ..self.config.spec.as_ref().clone() };
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        if live.job().deadline() >= slot {
            return Ok(());
        }
        while live.record.job.deadline() < slot {
            live.record.job.extend(&spec)?;
        }
        live.ready = false;
        self.deadline_moved(id);
        tracing::warn!(job = %id, %slot, "phase without a certificate: its deadline moves");
        self.save(id)?;
        self.tell_state(id);
        Ok(())
    }

    /// Closes a phase with a certified bundle, all of which is here and verified.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_certified(&mut self, bundle: PhaseBundle, now_ms: u64) -> Result<(), CoreError> {
        self.extend_to(&bundle.job, bundle.slot)?;
        self.apply(bundle, now_ms)
    }
}

/// The digests of D that this node knows to be right, by instance; none outside T1.
fn known_digests(live: &LiveJob, phase: Phase) -> Vec<Option<Root>> {
    let Some(settlement) = live.settlement.as_ref().filter(|_| phase == Phase::T1) else { return Vec::new() };
    settled(settlement)
}

fn settled(settlement: &Settlement) -> Vec<Option<Root>> {
    let disputed: BTreeSet<usize> = settlement.disputes().iter().map(|dispute| dispute.instance.as_usize()).collect();
    let digests = settlement.digests().into_iter().enumerate();
    digests.map(|(instance, digest)| digest.filter(|_| !disputed.contains(&instance))).collect()
}
