//! Taking submissions in: the cheapest checks first, durable before acknowledged.

use std::sync::Arc;

use quintet_api::EventKind;
use quintet_protocol::{Observed, checks, schedule};
use quintet_proving::commitment_from_wire;
use quintet_store::{Batch, Pending};
use quintet_types::{
    Decode as _, Encode, JobId, Phase, ProverIndex, PublicKeyBytes, Reason, Root, Submission, SubmissionHeader,
};

use super::{Core, CoreError, Received};
use crate::db;

/// Why a submission is refused. Each has an HTTP status of its own in the gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown job.
    #[error("there is no job {0}")]
    UnknownJob(JobId),
    /// The job is not in that phase.
    #[error("{0}")]
    NotOpen(String),
    /// Arrived after the deadline.
    #[error("the deadline of {phase} was {late_ms} ms ago")]
    Late {
        /// The phase.
        phase: String,
        /// By how much.
        late_ms: u64,
    },
    /// Not a registered prover.
    #[error("{0} is not a registered prover")]
    UnknownProver(String),
    /// Not among those who may submit in this phase.
    #[error("{0} was not selected for this job")]
    NotSelected(String),
    /// Sent a false full proof before.
    #[error("{prover} sent a full proof that does not verify; its full proofs are refused until slot {until}")]
    Barred {
        /// The prover.
        prover: String,
        /// First slot at which they are taken again.
        until: u64,
    },
    /// The same prover submitted something else before.
    #[error("{0} has submitted another body for this phase; the first one counts")]
    Duplicate(String),
    /// An AggProof, which joins the sub-blocks of a block; no block is split yet.
    #[error("job {0} is of an undivided block: there is nothing that an AggProof could join")]
    Undivided(JobId),
    /// The content is malformed.
    #[error("{0}")]
    Malformed(String),
    /// The signature does not verify.
    #[error("the signature is not valid under {0} for this submission")]
    Signature(String),
    /// The job holds as many bytes as it may.
    #[error("{0} bytes of submissions are held, no more are taken")]
    Full(usize),
}

/// A submission on its way in: decoded, with its root.
#[derive(Clone, Debug)]
pub struct Intake {
    /// What was sent.
    pub submission: Arc<Submission>,
    /// What the signature stands for, with the root of the body.
    pub header: SubmissionHeader,
    /// What the signature has to sign.
    pub signing_root: Root,
    /// Arrival, Unix milliseconds.
    pub arrival_ms: u64,
    /// Its SSZ.
    pub ssz: Vec<u8>,
    /// Fetched because a bundle lists it: when it came here does not matter.
    pub listed: bool,
}

impl Intake {
    /// Prepares a decoded submission; hashes the body, so not under a lock.
    ///
    /// # Errors
    /// If the body has no place in the phase.
    pub fn new(submission: Submission, spec: &quintet_types::Spec, arrival_ms: u64) -> Result<Self, Refusal> {
        let ssz = submission.as_ssz_bytes();
        Self::of_ssz(submission, ssz, spec, arrival_ms)
    }

    /// [`Self::new`] for a submission that was decoded from `ssz`, which saves encoding it again.
    ///
    /// # Errors
    /// If the body has no place in the phase.
    pub fn of_ssz(submission: Submission, ssz: Vec<u8>, spec: &quintet_types::Spec, arrival_ms: u64) -> Result<Self, Refusal> {
        let domain = submission.domain_type().map_err(|error| Refusal::Malformed(error.to_string()))?;
        // The one time that the body is hashed.
        let header = submission.header();
        let signing_root = header.signing_root(domain, spec);
        Ok(Self { header, signing_root, arrival_ms, ssz, listed: false, submission: Arc::new(submission) })
    }
}

/// A submission as it lies in the store: when it arrived, then its SSZ.
pub(super) fn stored(arrival_ms: u64, ssz: &[u8]) -> Vec<u8> {
    [&arrival_ms.to_le_bytes()[..], ssz].concat()
}

impl Core {
    /// A submission from the store; `table` is for the error.
    pub(super) fn read_stored(&self, table: &'static str, bytes: &[u8]) -> Result<Intake, CoreError> {
        let malformed = |reason: String| CoreError::Record { table, reason };
        let (arrival, ssz) = bytes.split_first_chunk::<8>().ok_or_else(|| malformed("shorter than 8 bytes".into()))?;
        let submission = Submission::from_ssz_bytes(ssz).map_err(|error| malformed(format!("{error:?}")))?;
        let intake = Intake::of_ssz(submission, ssz.to_vec(), &self.config.spec, u64::from_le_bytes(*arrival));
        intake.map_err(|refusal| malformed(refusal.to_string()))
    }

    /// Everything that can be said before the signature is looked at. `Ok(true)` if the very same submission is here already.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, intake: &Intake) -> Result<bool, Refusal> {
        let submission = &*intake.submission;
        if self.received_root(submission)? == Some(intake.header.body_root) {
            return Ok(true);
        }
        if self.is_rival(intake) {
            // Its prover is told what it was told before.
            return if intake.listed { Ok(true) } else { Err(Refusal::Duplicate(submission.prover().to_string())) };
        }
        self.check_at(submission, intake.arrival_ms, intake.ssz.len(), intake.listed)?;
        Ok(false)
    }

    /// Root of the body that its prover has submitted for this job and phase before, if there is one.
    ///
    /// # Errors
    /// If there is no such job or prover.
    pub fn received_root(&self, submission: &Submission) -> Result<Option<Root>, Refusal> {
        let (id, key) = (submission.job(), submission.prover());
        let live = self.jobs.get(id).ok_or(Refusal::UnknownJob(*id))?;
        let prover = self.prover_index(key).ok_or_else(|| Refusal::UnknownProver(key.to_string()))?;
        Ok(live.received.get(&(submission.phase(), prover)).map(|there| there.body_root))
    }

    /// What can be said without hashing the body: known job and phase, in time, assigned, well-formed.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check_place(&self, submission: &Submission, arrival_ms: u64, bytes: usize) -> Result<(), Refusal> {
        self.check_at(submission, arrival_ms, bytes, false)
    }

    /// What a bundle lists is taken in whenever it comes, and beside another body of the same prover: others have voted for it, or ask for our vote.
    fn check_at(&self, submission: &Submission, arrival_ms: u64, bytes: usize, listed: bool) -> Result<(), Refusal> {
        let (id, phase, key) = (submission.job(), submission.phase(), submission.prover());
        if let Submission::AggProof(_) = submission {
            return Err(Refusal::Undivided(*id));
        }
        let live = self.jobs.get(id).ok_or(Refusal::UnknownJob(*id))?;
        let shown = key.to_string();
        let prover = self.prover_index(key).ok_or_else(|| Refusal::UnknownProver(shown.clone()))?;
        if self.is_late_evidence(live, phase, prover, key) {
            return Ok(());
        }
        if live.job().phase() != Some(phase) || live.job().is_suspended() {
            let state = if live.job().is_suspended() { "suspended".into() } else { live.job().state().to_string() };
            return Err(Refusal::NotOpen(format!("{phase} of job {id} is not open: it is {state}")));
        }
        let deadline = self.fair_deadline(live);
        let genesis = self.config.genesis_ms / 1000;
        // What others had in time may come here a little later.
        let grace_ms = if self.config.joint { super::GRACE_MS } else { 0 };
        if !listed && !schedule::is_in_time(arrival_ms.saturating_sub(grace_ms), deadline, genesis, &self.config.spec) {
            let late_ms = arrival_ms.saturating_sub(self.slot_start_ms(deadline));
            return Err(Refusal::Late { phase: phase.to_string(), late_ms });
        }
        let selected = live.job().selection().is_some_and(|selection| {
            selection.provers.contains(&prover) || (phase == Phase::T1 && selection.reserves.contains(&prover))
        });
        if !selected && !phase.is_aggregation() {
            return Err(Refusal::NotSelected(shown));
        }
        if phase.is_aggregation()
            && !listed
            && let Some(until) = self.barred.get(&prover).filter(|until| **until > self.chain.head_slot)
        {
            return Err(Refusal::Barred { prover: shown, until: until.0 });
        }
        // In T1 and T2 a second body is evidence once its signature is verified, a third is of no use.
        let decided = || phase.is_aggregation() || self.evidence.contains_key(&(id.root(), phase.number(), *key));
        if !listed && live.received.contains_key(&(phase, prover)) && decided() {
            return Err(Refusal::Duplicate(shown));
        }
        if live.bytes + bytes > self.config.max_job_bytes {
            return Err(Refusal::Full(live.bytes));
        }
        self.check_body(live, prover, submission)
    }

    /// Whether a submission can only be evidence: another body of a prover whose first one is here, for a phase that is over. Later jobs' bundles bring it,
    /// where bundles count; so its signature is looked at, and nothing else.
    fn is_late_evidence(&self, live: &super::LiveJob, phase: Phase, prover: ProverIndex, key: &PublicKeyBytes) -> bool {
        let is_over = live.job().phase().is_none_or(|open| open > phase);
        let is_known = || self.evidence.contains_key(&(live.id().root(), phase.number(), *key));
        self.config.joint && is_over && !phase.is_aggregation() && live.received.contains_key(&(phase, prover)) && !is_known()
    }

    fn check_body(&self, live: &super::LiveJob, prover: ProverIndex, submission: &Submission) -> Result<(), Refusal> {
        let malformed = |error: &dyn std::fmt::Display| Refusal::Malformed(error.to_string());
        let no_plan = || Refusal::NotOpen("the plan of this job is still being made".into());
        let proving = live.proving.as_ref().ok_or_else(no_plan)?;
        match submission {
            Submission::Commitments(signed) => {
                checks::check_commitments(&signed.body, proving.instances()).map_err(|error| malformed(&error))?;
            }
            Submission::PartialProofs(signed) => {
                let assignment = live.job().assignment().ok_or_else(no_plan)?;
                checks::check_partials(&signed.body, prover, assignment).map_err(|error| malformed(&error))?;
            }
            Submission::FullProof(signed) => {
                let known = live.known.iter().map(|(id, (known, _))| (*id, *known)).collect();
                checks::resolve_full_proof(&signed.body, live.id(), prover, &signed.prover, proving.instances(), &known)
                    .map_err(|error| malformed(&error))?;
            }
            // Never gets here; see `check`.
            Submission::AggProof(signed) => return Err(Refusal::Undivided(signed.job)),
        }
        Ok(())
    }

    /// Whether each commitment's digest is that of its points. Costs a hash each, so it comes after the signature.
    fn check_digests(live: &super::LiveJob, submission: &Submission) -> Result<(), Refusal> {
        let (Some(proving), Submission::Commitments(signed)) = (&live.proving, submission) else { return Ok(()) };
        for commitment in &signed.body.commitments {
            let id = proving.instance(commitment.instance).map_err(|error| Refusal::Malformed(error.to_string()))?;
            let checked = commitment_from_wire(id, proving.shape().k, commitment);
            checked.map_err(|error| Refusal::Malformed(error.to_string()))?;
        }
        Ok(())
    }

    /// Takes in a submission whose signature is valid. The caller waits for the answer's flush, without holding a lock, before it acknowledges.
    ///
    /// # Errors
    /// Why it is refused: whatever [`Self::check`] says by now, or an equivocation, which is recorded.
    pub fn accept(&mut self, intake: Intake) -> Result<Result<(bool, Option<Pending>), Refusal>, CoreError> {
        let submission = &*intake.submission;
        let (id, phase, key) = (*submission.job(), submission.phase(), *submission.prover());
        match self.check(&intake) {
            Ok(true) => return Ok(Ok((false, None))),
            Ok(false) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
        let Some(prover) = self.prover_index(&key) else { return Ok(Err(Refusal::UnknownProver(key.to_string()))) };
        if self.jobs.get(&id).is_some_and(|live| self.is_late_evidence(live, phase, prover, &key)) {
            let mut batch = Batch::new();
            if let Observed::Equivocation(evidence) = self.log.observe(intake.header, *submission.signature()) {
                self.note_equivocation(&id, *evidence, &mut batch);
                self.store.commit(batch)?;
            }
            return Ok(Err(Refusal::Duplicate(key.to_string())));
        }
        if let Some(Err(refusal)) = self.jobs.get(&id).map(|live| Self::check_digests(live, submission)) {
            return Ok(Err(refusal));
        }
        let is_second = self.jobs.get(&id).is_some_and(|live| live.received.contains_key(&(phase, prover)));
        let mut batch = Batch::new();
        match self.log.observe(intake.header, *submission.signature()) {
            Observed::New | Observed::Repeated => {}
            Observed::Equivocation(evidence) => {
                self.note_equivocation(&id, *evidence, &mut batch);
                if !self.config.joint {
                    self.record_faults(&id, phase, Reason::Equivocation, [prover], batch)?;
                    return Ok(Err(Refusal::Duplicate(key.to_string())));
                }
            }
            // Of several sidecars one may know of an equivocation, and lack the bodies.
            Observed::KnownEquivocation | Observed::Later if self.config.joint && (intake.listed || !is_second) => {}
            Observed::KnownEquivocation | Observed::Later => return Ok(Err(Refusal::Duplicate(key.to_string()))),
        }
        if is_second {
            self.insert_rival(&id, prover, intake, batch)?;
            return Ok(Err(Refusal::Duplicate(key.to_string())));
        }
        batch.put_bytes(&db::SUBMISSIONS, &(id.root().0, phase.number(), key.0), stored(intake.arrival_ms, &intake.ssz));
        let pending = self.store.submit(batch)?;
        let body_root = intake.header.body_root;
        self.insert(&id, prover, intake);
        self.events.push(EventKind::Submission { job: id, phase, prover: key, body_root, valid: 0 });
        Ok(Ok((true, Some(pending))))
    }

    /// Puts an accepted submission in its place.
    pub(super) fn insert(&mut self, id: &JobId, prover: ProverIndex, intake: Intake) {
        let Some(live) = self.jobs.get_mut(id) else { return };
        let phase = intake.submission.phase();
        let received = live.take_in(prover, intake);
        live.received.insert((phase, prover), received);
    }
}

impl super::LiveJob {
    /// What a submission changes wherever it is put.
    pub(super) fn take_in(&mut self, prover: ProverIndex, intake: Intake) -> Received {
        if let (Submission::Commitments(signed), Some(settlement)) = (&*intake.submission, &mut self.settlement) {
            let claims: Vec<_> = signed.body.commitments.iter().map(|c| (c.instance, c.digest)).collect();
            // The instances were checked to be of the plan.
            let _ = settlement.claim(prover, &claims);
        }
        self.bytes += intake.ssz.len();
        Received {
            body_root: intake.header.body_root,
            arrival_ms: intake.arrival_ms,
            bytes: intake.ssz.len(),
            verdict: None,
            submission: intake.submission,
        }
    }
}
