//! Several bodies that one prover signed for one phase. Where sidecars agree on bundles all of these are held as long as the phase is open: another
//! sidecar may have had another one first, and what its bundle lists must be here to be judged. The certified bundle tells which one counts, and what
//! the evidence costs. What comes out after a job's last bundle is brought by those of later jobs. A sidecar alone holds the first, and books at once.

use quintet_agreement::Objection;
use quintet_api::EventKind;
use quintet_keys::{PublicKey, Signature, SignatureSet, verify_batch};
use quintet_protocol::{checks::may_accuse, rewards::fault_penalties};
use quintet_store::Batch;
use quintet_types::{
    Account, Encode, EquivocationEvidence, JobId, LateEquivocation, LedgerEntry, Phase, PhaseBundle, ProverIndex,
    PublicKeyBytes, Reason, Root, SubmissionHeader, domain::submission_domain_type,
};

use super::{Core, CoreError, Intake, LiveJob, intake::stored, load::to_json};
use crate::db;

impl Core {
    /// Whether this very body is held beside another one of its prover.
    pub(super) fn is_rival(&self, intake: &Intake) -> bool {
        let submission = &*intake.submission;
        let place = self.jobs.get(submission.job()).zip(self.prover_index(submission.prover()));
        place.is_some_and(|(live, prover)| live.body(submission.phase(), prover, &intake.header.body_root).is_some())
    }

    /// Keeps evidence, once for each (job, phase, prover).
    pub(super) fn note_equivocation(&mut self, id: &JobId, evidence: EquivocationEvidence, batch: &mut Batch) {
        let (phase, key) = (evidence.header_1.phase, *evidence.prover());
        let place = (id.root(), phase.number(), key);
        if self.evidence.contains_key(&place) {
            return;
        }
        batch.put(&db::EVIDENCE, &(place.0.0, place.1, place.2.0), &evidence.as_ssz_bytes());
        tracing::warn!(job = %id, %phase, prover = %key, "equivocation: two signed bodies");
        self.events.push(EventKind::Warning { message: format!("{key} signed two bodies for {phase} of job {id}") });
        self.evidence.insert(place, evidence);
    }

    /// Holds a further body, and whatever is in `batch`. Of those that are held already the first stays, and what this sidecar has voted for; so two, and
    /// more only of a prover that more than one leader is in league with.
    pub(super) fn insert_rival(
        &mut self,
        id: &JobId,
        prover: ProverIndex,
        intake: Intake,
        mut batch: Batch,
    ) -> Result<(), CoreError> {
        let (phase, key, body_root) = (intake.submission.phase(), *intake.submission.prover(), intake.header.body_root);
        let place = |body_root: Root| (id.root().0, phase.number(), key.0, body_root.0);
        let Some(live) = self.jobs.get_mut(id) else { return Ok(()) };
        let others = live.rivals.get(&(phase, prover)).into_iter().flatten();
        let useless: Vec<Root> = others.map(|other| other.body_root).filter(|root| !live.vouched.contains(root)).collect();
        for root in &useless {
            batch.remove(&db::RIVALS, &place(*root));
        }
        batch.put(&db::RIVALS, &place(body_root), &stored(intake.arrival_ms, &intake.ssz));
        self.store.commit(batch)?;
        live.drop_rivals((phase, prover), |rival| useless.contains(&rival));
        live.put_rival(prover, intake);
        self.events.push(EventKind::Submission { job: *id, phase, prover: key, body_root, valid: 0 });
        Ok(())
    }

    /// Rivals of a job from the store. They are verified anew.
    pub(super) fn load_rivals(&mut self, id: &JobId) -> Result<(), CoreError> {
        let store = self.store.clone();
        for entry in store.prefix(&db::RIVALS, &id.root().0) {
            let (_, bytes) = entry?;
            let intake = self.read_stored("rivals", &bytes)?;
            let Some(prover) = self.prover_index(intake.submission.prover()) else { continue };
            self.log.observe(intake.header, *intake.submission.signature());
            if let Some(live) = self.jobs.get_mut(id) {
                live.put_rival(prover, intake);
            }
        }
        Ok(())
    }

    /// Evidence for our bundle: of this job, and not booked yet. What has no room waits for the next phase.
    pub(super) fn accusations(&self, live: &LiveJob, phase: Phase) -> Vec<EquivocationEvidence> {
        let (root, lowest) = (live.id().root(), PublicKeyBytes::default());
        let up_to = (root, phase.number() + 1, lowest);
        let known = self.evidence.range((root, 0, lowest)..up_to).map(|(_, evidence)| evidence);
        let new =
            known.filter(|evidence| self.prover_index(evidence.prover()).is_some() && !self.is_fined(live.id(), evidence));
        let room = PhaseBundle::max_equivocations();
        if self.config.joint { new.take(room).cloned().collect() } else { Vec::new() }
    }

    /// Evidence for our bundle about earlier jobs, whose own bundles can bring none any more: of those on the branch of this job, as far as nothing is booked
    /// for it. What has no room waits for the next bundle.
    pub(super) fn late_accusations(&self, live: &LiveJob) -> Vec<LateEquivocation> {
        if !self.config.joint || self.evidence.is_empty() {
            return Vec::new();
        }
        let over = self.jobs.iter().filter(|(id, other)| other.job().state().is_over() && self.is_earlier(live.id(), id));
        let all = over.flat_map(|(id, _)| {
            let lowest = PublicKeyBytes::default();
            let known = self.evidence.range((id.root(), 0, lowest)..(id.root(), u8::MAX, lowest)).map(|(_, evidence)| evidence);
            let new = known.filter(|evidence| self.prover_index(evidence.prover()).is_some() && !self.is_fined(id, evidence));
            new.map(|evidence| LateEquivocation { job: *id, evidence: evidence.clone() })
        });
        all.take(PhaseBundle::max_late_equivocations()).collect()
    }

    /// Whether `job` is one of those here that a bundle of `carrier` may be about: recent, and on its branch.
    fn is_earlier(&self, carrier: &JobId, job: &JobId) -> bool {
        may_accuse(carrier, job, &self.config.spec)
            && self.jobs.contains_key(job)
            && self.chain.ancestry(carrier.block_root).contains(job.slot, &job.block_root)
    }

    fn is_fined(&self, id: &JobId, evidence: &EquivocationEvidence) -> bool {
        let account = self.prover_index(evidence.prover()).map(Account::Prover);
        let is_this = |entry: &LedgerEntry| {
            entry.phase == evidence.header_1.phase && Some(entry.account) == account && entry.reason == Reason::Equivocation
        };
        self.books.ledger.job(id).any(|entry| is_this(&entry))
    }

    /// Whether all provers that a bundle accuses are registered and signed both bodies.
    pub(super) fn judge_evidence(&self, bundle: &PhaseBundle) -> Result<(), Objection> {
        let stranger = bundle.evidence().find(|(_, evidence)| self.prover_index(evidence.prover()).is_none());
        let elsewhere = || bundle.late_equivocations.iter().find(|late| !self.is_earlier(&bundle.job, &late.job));
        if let Some(evidence) = stranger.map(|(_, evidence)| evidence).or_else(|| elsewhere().map(|late| &late.evidence)) {
            return Err(Objection::Evidence(*evidence.prover()));
        }
        let signed = |header: &SubmissionHeader, signature| {
            let root = header.signing_root(submission_domain_type(header.phase), &self.config.spec);
            Some((PublicKey::try_from(&header.prover).ok()?, root, Signature::try_from(signature).ok()?))
        };
        for (_, evidence) in bundle.evidence() {
            let first = signed(&evidence.header_1, &evidence.signature_1);
            let both = first.zip(signed(&evidence.header_2, &evidence.signature_2));
            let holds = both.is_some_and(|(first, second)| {
                let set = |(key, root, signature)| SignatureSet { key, signing_root: root, signature };
                let sets = [&first, &second].map(|(key, root, signature)| set((key, &root.0, signature)));
                verify_batch(&sets).all_valid()
            });
            if !holds {
                return Err(Objection::Evidence(*evidence.prover()));
            }
        }
        Ok(())
    }

    /// What a certified bundle's evidence costs. What was booked before is among it: the ledger takes an entry once, and has to know all jobs that brought it.
    pub(super) fn fines(&self, bundle: &PhaseBundle) -> Vec<LedgerEntry> {
        let of_one = |(job, evidence): (&JobId, &EquivocationEvidence)| {
            let prover = self.prover_index(evidence.prover());
            fault_penalties(*job, evidence.header_1.phase, Reason::Equivocation, prover, &self.config.spec)
        };
        bundle.evidence().flat_map(of_one).collect()
    }

    /// This sidecar has nothing against a bundle, so it does not let go of what it lists.
    pub fn vouch(&mut self, bundle: &PhaseBundle) {
        if let Some(live) = self.jobs.get_mut(&bundle.job).filter(|live| !live.rivals.is_empty()) {
            live.vouched.extend(bundle.accepted.iter().map(|entry| entry.body_root));
        }
    }

    /// A phase is closed: the bodies that its bundle lists take the places of others, which are let go.
    pub(super) fn settle_rivals(&mut self, bundle: &PhaseBundle, batch: &mut Batch) -> Result<(), CoreError> {
        for (job, evidence) in bundle.evidence() {
            self.note_equivocation(job, evidence.clone(), batch);
            if self.jobs.contains_key(job) {
                self.log.observe(evidence.header_1, evidence.signature_1);
                self.log.observe(evidence.header_2, evidence.signature_2);
            }
        }
        let (phase, job) = (bundle.phase, bundle.job.root().0);
        let Some(live) = self.jobs.get(&bundle.job) else { return Ok(()) };
        let places: Vec<_> =
            live.rivals.range((phase, ProverIndex(0))..=(phase, ProverIndex(u64::MAX))).map(|(at, _)| *at).collect();
        for place in places {
            let key = self.prover_key(place.1);
            let Some(live) = self.jobs.get_mut(&bundle.job) else { return Ok(()) };
            let listed = bundle.accepted.iter().find(|entry| entry.prover == key).map(|entry| entry.body_root);
            for rival in live.rivals.remove(&place).unwrap_or_default() {
                batch.remove(&db::RIVALS, &(job, phase.number(), key.0, rival.body_root.0));
                live.bytes = live.bytes.saturating_sub(rival.bytes);
                if Some(rival.body_root) != listed {
                    continue;
                }
                let bytes = stored(rival.arrival_ms, &rival.submission.as_ssz_bytes());
                batch.put_bytes(&db::SUBMISSIONS, &(job, phase.number(), key.0), bytes);
                batch.put(&db::VERDICTS, &(job, phase.number(), key.0), &to_json("verdicts", &rival.verdict)?);
                live.bytes += rival.bytes;
                if let Some(other) = live.received.insert(place, rival) {
                    live.bytes = live.bytes.saturating_sub(other.bytes);
                }
            }
        }
        Ok(())
    }
}

impl LiveJob {
    fn put_rival(&mut self, prover: ProverIndex, intake: Intake) {
        let phase = intake.submission.phase();
        let rival = self.take_in(prover, intake);
        self.rivals.entry((phase, prover)).or_default().push(rival);
    }

    fn drop_rivals(&mut self, place: (Phase, ProverIndex), which: impl Fn(Root) -> bool) {
        let Some(rivals) = self.rivals.get_mut(&place) else { return };
        let dropped: usize = rivals.iter().filter(|rival| which(rival.body_root)).map(|rival| rival.bytes).sum();
        rivals.retain(|rival| !which(rival.body_root));
        self.bytes = self.bytes.saturating_sub(dropped);
    }
}
