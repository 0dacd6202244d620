//! One round of proving: a statement, a plan and one digest per instance, and the challenge that follows from them. Everything after T1
//! happens in a round.

use std::sync::Arc;

use quintet_air::{Publics, public};

use crate::{
    AirKey, Challenge, Digest, InstanceId, MachineKeys, PlanShape, ProgramKey, ProverKey, Rejection, Statement,
    commitment::Boundary, id::binding, statement,
};

/// What proofs of a round are made and held against.
#[derive(Clone, Debug)]
pub struct Round {
    pub(crate) keys: Arc<MachineKeys>,
    pub(crate) program: Arc<ProgramKey>,
    pub(crate) statement: Statement,
    pub(crate) plan: PlanShape,
    pub(crate) digests: Vec<Digest>,
    pub(crate) challenge: Challenge,
    pub(crate) submitter: Option<ProverKey>,
}

impl Round {
    /// The round of the distributed proof: its challenge is H(statement, D).
    ///
    /// # Errors
    /// If the statement is about something else than `keys` and `program`, if the plan breaks a rule of [`PlanShape::check`], or if there is not
    /// exactly one digest per plan entry.
    pub fn new(
        keys: Arc<MachineKeys>,
        program: Arc<ProgramKey>,
        statement: Statement,
        plan: PlanShape,
        digests: Vec<Digest>,
    ) -> Result<Self, Rejection> {
        let challenge = statement::challenge(&statement, &digests);
        Self { keys, program, statement, plan, digests, challenge, submitter: None }.checked()
    }

    /// The round of a full proof that one prover makes alone: its own D, and a challenge of another domain with its key in it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn own(
        keys: Arc<MachineKeys>,
        program: Arc<ProgramKey>,
        statement: Statement,
        plan: PlanShape,
        digests: Vec<Digest>,
        submitter: ProverKey,
    ) -> Result<Self, Rejection> {
        let challenge = statement::own_challenge(&statement, &digests, &submitter);
        Self { keys, program, statement, plan, digests, challenge, submitter: Some(submitter) }.checked()
    }

    fn checked(self) -> Result<Self, Rejection> {
        self.statement.check(self.keys.id(), self.program.id())?;
        self.plan.check(&self.keys, &self.program)?;
        let (expected, got) = (self.plan.instances.len(), self.digests.len());
        if expected != got {
            return Err(Rejection::Digests { expected, got });
        }
        Ok(self)
    }

    /// What is proven.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The instances.
    pub fn plan(&self) -> &PlanShape {
        &self.plan
    }

    /// D: one digest per plan entry, in plan order.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// α and β.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// In a self-made full proof: whose it is.
    pub fn submitter(&self) -> Option<&ProverKey> {
        self.submitter.as_ref()
    }

    /// Keys of the machine.
    pub fn keys(&self) -> &Arc<MachineKeys> {
        &self.keys
    }

    /// Pins of the program.
    pub fn program(&self) -> &Arc<ProgramKey> {
        &self.program
    }

    /// Key and digest of an instance of the plan.
    pub(crate) fn entry(&self, id: InstanceId) -> Result<(&Arc<AirKey>, Digest), Rejection> {
        let place = self.plan.place(id).ok_or(Rejection::NotInPlan(id))?;
        let key = self.keys.air(id.air).ok_or(Rejection::UnknownAir(id.air))?;
        let digest = self.digests.get(place).ok_or(Rejection::NotInPlan(id))?;
        Ok((key, *digest))
    }

    /// The instance column of a proof: the only values that the verifier does not know itself are boundary values, which the digest fixes, and S.
    pub(crate) fn publics(&self, id: InstanceId, prover: &ProverKey, boundary: &Boundary, sum: quintet_air::F) -> Publics {
        let mut values = [quintet_air::F::zero(); public::COUNT];
        values[public::ALPHA] = self.challenge.alpha;
        values[public::BETA] = self.challenge.beta;
        values[public::AIR] = u64::from(id.air).into();
        values[public::INDEX] = u64::from(id.index).into();
        values[public::BOUNDARY..public::BOUNDARY + public::BOUNDARIES].copy_from_slice(boundary);
        values[public::SUM] = sum;
        values[public::BINDING] = binding(prover, &self.statement.job_root, id);
        Publics(values)
    }
}
