//! The life of a job: `Announced → T1 → T2 → T3 → T4 → T5 → Finalized | Failed`, or `Unserved`.
//!
//! A [`Job`] is one attempt. It is driven by certified bundles ([`Job::close`]), by deadlines that pass without one
//! ([`Job::extend`]) and by reorgs ([`Job::suspend`], [`Job::resume`]); what money follows comes back as ledger entries.

mod close;
mod judged;
mod retry;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quintet_types::{InstanceIndex, JobId, Phase, ProverIndex, Root, Slot, Spec};
use serde::{Deserialize, Serialize};

pub use close::{Closed, Closing};
pub use judged::{JudgedCommitments, JudgedFullProof, JudgedPartials, PhaseContent};
pub use retry::RetryContext;

use crate::assignment::Assignment;
use crate::error::ProtocolError;
use crate::schedule::t1_opens;
use crate::selection::Selection;
use crate::settlement::Claims;

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// T1 closed with holes in D, so there is no challenge.
    IncompleteD,
    /// T5 closed without a valid full proof.
    NoFullProof,
    /// A phase went without a certificate `MAX_UNCERTIFIED` times.
    Uncertified,
    /// There is nothing to prove: the guest failed, or its plan is too large.
    NoPlan,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Provers are drawn; the plan is being worked out.
    Announced,
    /// This phase is open.
    Open(Phase),
    /// A valid full proof was included in this phase.
    Finalized(Phase),
    /// This attempt is over without one.
    Failed(Failure),
    /// Fewer than `MIN_PROVERS` could be drawn: visible, no money.
    Unserved,
}

impl JobState {
    /// Whether nothing more happens to this attempt.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finalized(_) | Self::Failed(_) | Self::Unserved)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Announced => f.write_str("announced"),
            Self::Open(phase) => write!(f, "{phase} is open"),
            Self::Finalized(phase) => write!(f, "finalized in {phase}"),
            Self::Failed(failure) => write!(f, "failed ({failure:?})"),
            Self::Unserved => f.write_str("unserved"),
        }
    }
}

/// One attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    id: JobId,
    state: JobState,
    suspended: bool,
    /// Slot at whose start the open phase ends.
    deadline: Slot,
    /// Slot of the bundle that ended it.
    ended: Option<Slot>,
    uncertified: u64,
    selection: Option<Selection>,
    assignment: Option<Assignment>,
    plan_root: Root,
    /// D: settled digests by instance; before T1 closes, those carried over from an earlier attempt.
    digests: Vec<Option<Root>>,
    /// T1 claims of included submissions, kept to find who is to blame for a digest that turns out wrong.
    claims: BTreeMap<ProverIndex, Claims>,
    /// Claims of earlier attempts that the next settled D will tell about.
    suspected: BTreeMap<ProverIndex, BTreeSet<(InstanceIndex, Root)>>,
    missed_t1: BTreeSet<ProverIndex>,
    missed_t2: BTreeSet<ProverIndex>,
    culprits: BTreeSet<ProverIndex>,
    /// Root of the last certified bundle, which the next one names.
    last_bundle: Root,
}

impl Job {
    /// A first attempt, at the announcement of a block: `selection` is `None` if too few provers could be drawn.
    pub fn new(id: JobId, selection: Option<Selection>, spec: &Spec) -> Self {
        Self::starting(id, selection, t1_opens(id.slot, spec), spec)
    }

    /// An attempt whose first phase opens at the start of `opens`.
    fn starting(id: JobId, selection: Option<Selection>, opens: Slot, spec: &Spec) -> Self {
        Self {
            id,
            state: if selection.is_some() { JobState::Announced } else { JobState::Unserved },
            suspended: false,
            deadline: opens.plus(spec.phase_slots),
            ended: None,
            uncertified: 0,
            selection,
            assignment: None,
            plan_root: Root::ZERO,
            digests: Vec::new(),
            claims: BTreeMap::new(),
            suspected: BTreeMap::new(),
            missed_t1: BTreeSet::new(),
            missed_t2: BTreeSet::new(),
            culprits: BTreeSet::new(),
            last_bundle: Root::ZERO,
        }
    }

    /// The plan is known: instances are assigned and T1 opens (T2 if all of D is carried over).
    ///
    /// # Errors
    /// If the job is not announced, or the plan's size is out of bounds.
    pub fn open(&mut self, plan_root: Root, instances: u64, spec: &Spec) -> Result<&Assignment, ProtocolError> {
        self.expect(self.state == JobState::Announced, "opening")?;
        let Some(selection) = &self.selection else { return Err(self.wrong_state("opening")) };
        let assignment = Assignment::new(selection, instances, spec)?;
        self.digests.resize(assignment.num_instances(), None);
        let complete = self.digests.iter().all(Option::is_some);
        self.state = JobState::Open(if complete { Phase::T2 } else { Phase::T1 });
        self.plan_root = plan_root;
        Ok(self.assignment.insert(assignment))
    }

    /// There is no plan: the guest failed or the plan is too large. Over, no money. The provers are held as if T1 had
    /// ended the job, so that sidecars that find out sooner and later agree on who is free.
    ///
    /// # Errors
    /// If the job is not announced.
    pub fn abandon(&mut self) -> Result<(), ProtocolError> {
        self.expect(self.state == JobState::Announced, "abandoning")?;
        self.state = JobState::Failed(Failure::NoPlan);
        self.ended = Some(self.deadline);
        Ok(())
    }

    /// How often a deadline has moved for want of a certificate.
    pub const fn uncertified(&self) -> u64 {
        self.uncertified
    }

    /// The open phase's deadline passed and no bundle was certified. "A phase without a certificate costs no prover
    /// anything; later deadlines move by one PHASE_SLOTS."
    ///
    /// # Errors
    /// If no phase is open.
    pub fn extend(&mut self, spec: &Spec) -> Result<(), ProtocolError> {
        self.expect(matches!(self.state, JobState::Open(_)), "extending")?;
        self.uncertified += 1;
        if self.uncertified > spec.max_uncertified {
            self.state = JobState::Failed(Failure::Uncertified);
            self.ended = Some(self.deadline);
        } else {
            self.deadline = self.deadline.plus(spec.phase_slots);
        }
        Ok(())
    }

    /// The block left the head: deadlines stop until it comes back.
    pub fn suspend(&mut self) {
        self.suspended = true;
    }

    /// The block is back on the head at slot `now`. Phases whose deadline passed meanwhile were certified by nobody
    /// here, so the deadline moves past `now` in steps of a phase.
    pub fn resume(&mut self, now: Slot, spec: &Spec) {
        self.suspended = false;
        if !self.state.is_over() {
            while self.deadline <= now {
                self.deadline = self.deadline.plus(spec.phase_slots.max(1));
            }
        }
    }

    /// Recomputation showed D's entry for `instance` to be wrong (or fills it): the next attempt uses `digest`.
    /// Returns the provers that had committed to another one, in this attempt or suspected since an earlier one, if they were not known as culprits before.
    ///
    /// # Errors
    /// If there is no such instance.
    pub fn correct(&mut self, instance: InstanceIndex, digest: Root) -> Result<BTreeSet<ProverIndex>, ProtocolError> {
        let instances = self.digests.len();
        let place = self.digests.get_mut(instance.as_usize()).ok_or(ProtocolError::UnknownInstance { instance, instances })?;
        *place = Some(digest);
        let wrong = |(of, claimed): &(InstanceIndex, Root)| *of == instance && *claimed != digest;
        let lied = self.claims.iter().filter(|(_, claims)| claims.iter().any(wrong)).map(|(prover, _)| *prover);
        let suspected = self.suspected.iter().filter(|(_, claims)| claims.iter().any(wrong)).map(|(prover, _)| *prover);
        let found: BTreeSet<_> = lied.chain(suspected).filter(|prover| !self.culprits.contains(prover)).collect();
        self.culprits.extend(&found);
        for claims in self.suspected.values_mut() {
            claims.retain(|(of, _)| *of != instance);
        }
        self.suspected.retain(|_, claims| !claims.is_empty());
        Ok(found)
    }

    /// The instances that claims of earlier attempts are still suspected for.
    pub fn suspected_instances(&self) -> BTreeSet<InstanceIndex> {
        self.suspected.values().flatten().map(|(instance, _)| *instance).collect()
    }

    /// These entries of D may be wrong, and nobody has recomputed them: the next attempt does not keep them.
    pub fn doubt(&mut self, instances: impl IntoIterator<Item = InstanceIndex>) {
        for instance in instances {
            if let Some(place) = self.digests.get_mut(instance.as_usize()) {
                *place = None;
            }
        }
    }

    /// As [`Self::doubt`], and whoever has committed to these is fined when a T1 of a later attempt settles another digest.
    ///
    /// This is how several sidecars correct D: each with its own recomputation in hand they vote for the next bundle of a
    /// T1, and only what that says costs anybody anything.
    pub fn suspect(&mut self, instances: &BTreeSet<InstanceIndex>) {
        for (prover, claims) in &self.claims {
            let of_these = claims.iter().filter(|(instance, _)| instances.contains(instance)).copied();
            self.suspected.entry(*prover).or_default().extend(of_these);
        }
        self.suspected.retain(|_, claims| !claims.is_empty());
        self.doubt(instances.iter().copied());
    }

    /// The job's name.
    pub const fn id(&self) -> &JobId {
        &self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> JobState {
        self.state
    }

    /// The open phase, if one is.
    pub const fn phase(&self) -> Option<Phase> {
        match self.state {
            JobState::Open(phase) => Some(phase),
            _ => None,
        }
    }

    /// Who owes a submission in the open phase: all selected provers, in T2 those with a share. Where `EARLY_CLOSE` is
    /// set, the leader may close the phase once all of these are in.
    pub fn due(&self) -> BTreeSet<ProverIndex> {
        let (Some(phase), Some(assignment)) = (self.phase(), &self.assignment) else { return BTreeSet::new() };
        let loads = assignment.proving_loads();
        let owes = |seat: usize| phase != Phase::T2 || loads[seat] > 0;
        assignment.provers().iter().enumerate().filter(|(seat, _)| owes(*seat)).map(|(_, prover)| *prover).collect()
    }

    /// Whether its block is off the head.
    pub const fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// The slot at whose start the open (or first) phase ends.
    pub const fn deadline(&self) -> Slot {
        self.deadline
    }

    /// The slot of the bundle that ended it.
    pub const fn ended(&self) -> Option<Slot> {
        self.ended
    }

    /// The provers drawn; `None` if unserved.
    pub const fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// The assignment, once the plan is known.
    pub const fn assignment(&self) -> Option<&Assignment> {
        self.assignment.as_ref()
    }

    /// Root of the plan; zero before it is known.
    pub const fn plan_root(&self) -> Root {
        self.plan_root
    }

    /// D as far as it is settled: complete from T2 on.
    pub fn digests(&self) -> &[Option<Root>] {
        &self.digests
    }

    /// Provers that committed to wrong digests in this attempt or an earlier one.
    pub const fn culprits(&self) -> &BTreeSet<ProverIndex> {
        &self.culprits
    }

    /// Root of the last certified bundle, which the next one must name; zero before the first.
    pub const fn last_bundle(&self) -> Root {
        self.last_bundle
    }

    fn wrong_state(&self, step: &'static str) -> ProtocolError {
        ProtocolError::WrongState { job: self.id, step, state: self.state.to_string() }
    }

    fn expect(&self, holds: bool, step: &'static str) -> Result<(), ProtocolError> {
        if holds { Ok(()) } else { Err(self.wrong_state(step)) }
    }
}
