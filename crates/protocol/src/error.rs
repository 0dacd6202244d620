//! What the protocol refuses.

use quintet_types::{InstanceIndex, JobId, Phase, ProverIndex, Root};

/// Errors of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A step does not fit the job's state.
    #[error("{job}: {step} is not possible while {state}")]
    WrongState {
        /// The job.
        job: JobId,
        /// What was tried.
        step: &'static str,
        /// The state it is in.
        state: String,
    },
    /// A bundle closes another phase than the open one.
    #[error("{job}: the open phase is {open}, the bundle closes {closed}")]
    WrongPhase {
        /// The job.
        job: JobId,
        /// The phase that is open.
        open: Phase,
        /// The phase of the bundle.
        closed: Phase,
    },
    /// The plan has no instances, or more than the network allows.
    #[error("a plan of {instances} instances, 1 to {max} allowed")]
    BadPlanSize {
        /// Number of instances.
        instances: u64,
        /// Most that are allowed.
        max: u64,
    },
    /// A submission names an instance that the plan does not have.
    #[error("instance {instance} of a plan of {instances}")]
    UnknownInstance {
        /// The instance.
        instance: InstanceIndex,
        /// How many there are.
        instances: usize,
    },
    /// A list that must rise strictly does not.
    #[error("{0} must rise strictly by instance")]
    NotOrdered(&'static str),
    /// A partial for an instance that its sender is not assigned to.
    #[error("prover {prover} is not assigned to instance {instance}")]
    NotAssigned {
        /// The prover.
        prover: ProverIndex,
        /// The instance.
        instance: InstanceIndex,
    },
    /// A full proof does not list one partial for each entry of the plan.
    #[error("{found} partials for {expected} instances")]
    WrongLength {
        /// Entries of the plan.
        expected: usize,
        /// Ids listed.
        found: usize,
    },
    /// A full proof refers to a partial that no certified bundle holds and that does not come with it.
    #[error("instance {instance}: partial {id} is unknown")]
    UnknownPartial {
        /// The place in the plan.
        instance: InstanceIndex,
        /// The id.
        id: Root,
    },
    /// A full proof has a partial at the place of another instance.
    #[error("instance {instance}: partial {id} is one of instance {actual}")]
    MisplacedPartial {
        /// The place in the plan.
        instance: InstanceIndex,
        /// The id.
        id: Root,
        /// The instance that it proves.
        actual: InstanceIndex,
    },
    /// A full proof comes with a partial that it does not use.
    #[error("the own partial of instance {0} is not used")]
    UnusedPartial(InstanceIndex),
    /// The BloomHash is not the recomputed one.
    #[error("the BloomHash is not that of the reused partials")]
    WrongBloomHash,
    /// A bundle does not fit the job that it is for.
    #[error("{job} {phase}: a bundle's {what}")]
    BadBundle {
        /// The job.
        job: JobId,
        /// The phase that it closes.
        phase: Phase,
        /// What is wrong.
        what: &'static str,
    },
    /// A ledger entry contradicts one that is there.
    #[error("{job} {phase}: an entry for the same account and reason is there with another amount")]
    Conflict {
        /// The job.
        job: JobId,
        /// The phase.
        phase: Phase,
    },
    /// A ledger entry for a job whose account is closed.
    #[error("{0} is settled; nothing can be added")]
    Settled(JobId),
    /// A parameter view was asked for a phase that has none.
    #[error(transparent)]
    Types(#[from] quintet_types::TypesError),
}
