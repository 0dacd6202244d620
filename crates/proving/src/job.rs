//! One block's execution, planned: commits to its instances and proves them.

use std::{ops::RangeInclusive, sync::Arc};

use quintet_machine::{AirId, Execution, Options, PlanIds, Planned, airs, choose_k};
use quintet_payload::input_root;
use quintet_plonk::{BlindSeed, Committed, Digest, InstanceId, PlanShape, Prover, Round, Statement};
use quintet_types::{Commitment, InstanceIndex, JobId, Plan, PublicKeyBytes, Root};

use crate::{
    Circuits, Error, SizedCircuits,
    convert::{binding_key, commitment_to_wire},
};

/// A block's execution with its plan and the keys it is proven under.
#[derive(Debug)]
pub struct ProvingJob {
    id: JobId,
    planned: Planned,
    plan_root: Root,
    shape: PlanShape,
    circuits: SizedCircuits,
    backend: Arc<dyn quintet_plonk::Backend>,
}

/// An instance between T1 and T2.
#[derive(Clone, Debug)]
pub struct CommittedInstance {
    /// Place in the plan.
    pub instance: InstanceIndex,
    committed: Committed,
}

impl CommittedInstance {
    /// The digest that goes into D.
    pub fn digest(&self) -> Root {
        self.committed.digest.0.into()
    }

    /// T2: proves the instance in a round.
    ///
    /// # Errors
    /// If D has another digest for it, or the backend fails.
    pub fn prove(&self, prover: &Prover, round: &Round) -> Result<quintet_plonk::PartialProof, Error> {
        Ok(prover.prove(round, &self.committed)?)
    }

    /// What is submitted in T1.
    ///
    /// # Errors
    /// If it is longer than the container allows.
    pub fn to_wire(&self) -> Result<Commitment, Error> {
        commitment_to_wire(self.instance, &self.committed.commitment)
    }
}

impl ProvingJob {
    /// Executes the guest on `input` and plans the proof with the smallest k of `range` whose full proof fits `max_bytes`.
    ///
    /// # Errors
    /// If the guest traps or refuses the input, or if no k fits.
    pub fn new(
        circuits: &Circuits,
        id: JobId,
        input: Arc<[u8]>,
        range: RangeInclusive<u32>,
        max_bytes: u64,
    ) -> Result<Self, Error> {
        let root = input_root(&input);
        let execution = Execution::run(Arc::clone(&circuits.guest().program), input, &Options::default())?;
        if execution.exit_code() != 0 {
            return Err(Error::Exit(execution.exit_code()));
        }
        let k = choose_k(&execution, range, max_bytes, Circuits::partial_bytes)?;
        let sized = circuits.at(k)?;
        let ids = PlanIds { program_id: sized.program_id(), machine_id: sized.machine_id(), input_root: root };
        let planned = Planned::new(execution, k, ids)?;
        let instances = planned.plan().entries.iter().map(|entry| InstanceId { air: entry.air, index: entry.index });
        let shape = PlanShape { k, instances: instances.collect() };
        let plan_root = planned.plan().root();
        Ok(Self { id, planned, plan_root, shape, circuits: sized, backend: Arc::clone(circuits.backend()) })
    }

    /// The job.
    pub const fn id(&self) -> &JobId {
        &self.id
    }

    /// The same execution for another attempt of the same job.
    #[must_use]
    pub fn with_attempt(self, attempt: u8) -> Self {
        Self { id: JobId { attempt, ..self.id }, ..self }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.planned.plan()
    }

    /// Root of the plan.
    pub const fn plan_root(&self) -> Root {
        self.plan_root
    }

    /// The plan as the proof system has it.
    pub const fn shape(&self) -> &PlanShape {
        &self.shape
    }

    /// The keys that the job is proven under.
    pub const fn circuits(&self) -> &SizedCircuits {
        &self.circuits
    }

    /// Number of instances.
    pub fn instances(&self) -> usize {
        self.shape.instances.len()
    }

    /// AIR and index of an instance.
    ///
    /// # Errors
    /// If the plan has no such instance.
    pub fn instance(&self, instance: InstanceIndex) -> Result<InstanceId, Error> {
        let found = self.shape.instances.get(instance.as_usize()).copied();
        found.ok_or(Error::NoInstance(instance, self.instances()))
    }

    /// What is proven.
    pub fn statement(&self) -> Statement {
        let plan = self.plan();
        Statement {
            version: quintet_plonk::PROTOCOL_VERSION,
            machine_id: self.circuits.keys.id(),
            program_id: self.circuits.program.id(),
            job_root: self.id.root().0,
            plan_root: self.plan_root.0,
            input_root: plan.input_root.0,
            outputs: plan.outputs.to_vec(),
            exit_code: plan.exit_code,
        }
    }

    /// The round that D opens: the challenge of T2.
    ///
    /// # Errors
    /// If D does not have one digest for each instance.
    pub fn round(&self, digests: &[Root]) -> Result<Round, Error> {
        let digests = digests.iter().map(|root| Digest(root.0)).collect();
        let (keys, program) = (Arc::clone(&self.circuits.keys), Arc::clone(&self.circuits.program));
        Ok(Round::new(keys, program, self.statement(), self.shape.clone(), digests)?)
    }

    /// One who commits and proves under `key`.
    pub fn prover(&self, key: &PublicKeyBytes) -> Prover {
        let seed = BlindSeed {
            block_root: self.id.block_root.0,
            sub_block: u64::from(self.id.sub_block),
            plan_root: self.plan_root.0,
        };
        let (keys, program) = (Arc::clone(&self.circuits.keys), Arc::clone(&self.circuits.program));
        Prover::new(keys, program, Arc::clone(&self.backend), seed, binding_key(key))
    }

    /// The trace of an instance, executed again from the nearest checkpoint.
    ///
    /// # Errors
    /// If the plan has no such instance.
    pub fn trace(&self, instance: InstanceIndex) -> Result<quintet_air::Trace, Error> {
        let id = self.instance(instance)?;
        let no_instance = |_| Error::NoInstance(instance, self.instances());
        let air = AirId::try_from(id.air).map_err(no_instance)?;
        let events = self.planned.instance_events(air, id.index)?;
        Ok(airs::trace(self.planned.execution().program(), air, id.index, self.shape.k, &events)?)
    }

    /// T1: commits to one instance. The commitment does not depend on the prover.
    ///
    /// # Errors
    /// If the plan has no such instance, or the backend fails.
    pub fn commit(&self, prover: &Prover, instance: InstanceIndex) -> Result<CommittedInstance, Error> {
        let committed = prover.commit(self.instance(instance)?, self.trace(instance)?)?;
        Ok(CommittedInstance { instance, committed })
    }
}
