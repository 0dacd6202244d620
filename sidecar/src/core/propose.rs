//! The bundle with which this sidecar would close a phase, and what a bundle stands for here.

use quintet_protocol::schedule;
use quintet_types::{BundleEntry, Phase, PhaseBundle, ProverIndex, Root};

use super::{Core, LiveJob, Received, close::is_valid};

impl Core {
    /// What counts in the open phase as this sidecar sees it. All that is here has to be verified.
    pub(super) fn proposal(&self, live: &LiveJob, now_ms: u64) -> Option<PhaseBundle> {
        let phase = live.job().phase()?;
        let deadline = live.job().deadline();
        let mut accepted: Vec<BundleEntry> = self
            .countable(live, phase)
            .iter()
            .map(|(_, received)| BundleEntry { prover: *received.submission.prover(), body_root: received.body_root })
            .collect();
        accepted.sort_by_key(|entry| entry.prover);
        let digests: Vec<Root> = match (&live.settlement, phase) {
            (Some(settlement), Phase::T1) => settlement.digests().into_iter().map(Option::unwrap_or_default).collect(),
            _ => Vec::new(),
        };
        Some(PhaseBundle {
            job: *live.id(),
            phase,
            previous: live.job().last_bundle(),
            attesters: Default::default(),
            leader: self.config.validator,
            rank: 0,
            // Before the deadline only where phases may be closed early.
            slot: deadline.min(self.slot_at(now_ms)),
            plan_root: live.job().plan_root(),
            accepted: accepted.try_into().unwrap_or_default(),
            digests: digests.try_into().unwrap_or_default(),
            agg_proofs: Default::default(),
            equivocations: self.accusations(live, phase).try_into().unwrap_or_default(),
            late_equivocations: self.late_accusations(live).try_into().unwrap_or_default(),
        })
    }

    /// Submissions that came in time and, from T3 on, are among those that a bundle may hold.
    fn countable<'a>(&self, live: &'a LiveJob, phase: Phase) -> Vec<(ProverIndex, &'a Received)> {
        let (deadline, genesis) = (live.job().deadline(), self.config.genesis_ms / 1000);
        let in_time = |received: &Received| schedule::is_in_time(received.arrival_ms, deadline, genesis, &self.config.spec);
        let mut counted: Vec<_> = live.of_phase(phase).filter(|(_, received)| in_time(received)).collect();
        if let Some(assignment) = live.job().assignment().filter(|_| phase.is_aggregation()) {
            let submitters = |valid: bool| {
                let of = move |(_, received): &&(_, &Received)| valid == received.verdict.as_ref().is_some_and(is_valid);
                counted.iter().filter(of).map(|(prover, _)| *prover).collect::<Vec<_>>()
            };
            let admitted = quintet_protocol::reuse::bundled(
                &assignment.seed,
                phase,
                assignment.provers(),
                (submitters(true), submitters(false)),
                &self.config.spec,
            );
            counted.retain(|(prover, _)| admitted.contains(prover));
        }
        counted
    }

    /// What a bundle lists and is not here, or not verified yet.
    pub fn missing(&self, bundle: &PhaseBundle) -> Vec<BundleEntry> {
        let here = |entry: &&BundleEntry| {
            let received = self.jobs.get(&bundle.job).and_then(|live| self.entry(live, bundle.phase, entry));
            received.is_none_or(|(_, received)| received.verdict.is_none())
        };
        bundle.accepted.iter().filter(here).copied().collect()
    }

    /// The submissions that a bundle lists, as far as they are here.
    pub(super) fn counted<'a>(&self, live: &'a LiveJob, bundle: &PhaseBundle) -> Vec<(ProverIndex, &'a Received)> {
        let mut counted: Vec<_> = bundle.accepted.iter().filter_map(|entry| self.entry(live, bundle.phase, entry)).collect();
        counted.sort_by_key(|(prover, _)| *prover);
        counted
    }

    pub(super) fn entry<'a>(
        &self,
        live: &'a LiveJob,
        phase: Phase,
        entry: &BundleEntry,
    ) -> Option<(ProverIndex, &'a Received)> {
        let prover = self.prover_index(&entry.prover)?;
        Some((prover, live.body(phase, prover, &entry.body_root)?))
    }
}
