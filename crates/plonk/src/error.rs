//! What can go wrong: setting up and proving ([`Error`]), and why something from outside is refused ([`Rejection`], [`DecodeError`]).

use std::{io, path::PathBuf};

use crate::{Digest, InstanceId};

/// Error of set-up or proving.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A description that halo2 cannot express or that would not be sound.
    #[error("AIR {air} cannot become a circuit: {reason}")]
    Spec {
        /// Name of the AIR.
        air: &'static str,
        /// Why.
        reason: String,
    },
    /// Upstream failed.
    #[error("{doing}: {source}")]
    Upstream {
        /// What was being done.
        doing: &'static str,
        /// Upstream's error.
        source: halo2_proofs::plonk::Error,
    },
    /// The machine has no such AIR.
    #[error("the machine has no AIR {0}")]
    UnknownAir(u16),
    /// The program has no such pinned instance.
    #[error("the program pins no instance {0}")]
    NotPinned(InstanceId),
    /// The trace's pinned columns are not those of the program.
    #[error("instance {0} does not hold the program's pinned columns")]
    WrongPins(InstanceId),
    /// A trace that is not of the AIR's shape.
    #[error(
        "trace of instance {id} has {columns} columns of at most {rows} rows; expected {expected_columns} of {expected_rows}"
    )]
    TraceShape {
        /// The instance.
        id: InstanceId,
        /// Its columns.
        columns: usize,
        /// Rows of its longest column.
        rows: usize,
        /// Columns of the AIR.
        expected_columns: usize,
        /// Trace rows of the AIR.
        expected_rows: usize,
    },
    /// The commitment is not the one that the round was made with.
    #[error("instance {id} commits to {got}, but the round holds {expected}")]
    NotCommitted {
        /// The instance.
        id: InstanceId,
        /// Digest in the round.
        expected: Digest,
        /// Digest of the commitment.
        got: Digest,
    },
    /// Upstream drew randomness in another order than the schedule has it.
    #[error("upstream drew {drawn} scalars, the schedule has {scheduled}")]
    Schedule {
        /// Number of scalars drawn.
        drawn: usize,
        /// Number of scalars in the schedule.
        scheduled: usize,
    },
    /// A proof of another length than the verifying key says.
    #[error("AIR {air} gave a proof of {got} bytes, expected {expected}")]
    ProofLength {
        /// Name of the AIR.
        air: &'static str,
        /// Computed from the verifying key.
        expected: usize,
        /// What the backend gave.
        got: usize,
    },
    /// What was made does not verify: the trace breaks a constraint, or the bus does not balance.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A witness whose columns are not those of the AIR, or whose challenge columns are not constant.
    #[error("witness of AIR {air}: {reason}")]
    Witness {
        /// Name of the AIR.
        air: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// Something cannot be written to a transcript: a commitment is the identity.
    #[error("writing the transcript: {0}")]
    Transcript(#[source] io::Error),
    /// The source of traces failed.
    #[error("trace of instance {id}: {source}")]
    Trace {
        /// The instance.
        id: InstanceId,
        /// What the source said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hardware of a backend failed.
    #[error("hardware: {0}")]
    Hardware(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The parameters' cache could not be used.
    #[error("{doing} {}: {source}", path.display())]
    Cache {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Why a statement, plan or proof is refused. Soundness rests on these checks and on upstream's verifier, and on nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The statement is about another machine.
    #[error("statement is about machine {got}, this is {expected}")]
    Machine {
        /// This verifier's `machine_id`.
        expected: Digest,
        /// The statement's.
        got: Digest,
    },
    /// The statement is about another program.
    #[error("statement is about program {got}, expected {expected}")]
    Program {
        /// This verifier's `program_id`.
        expected: Digest,
        /// The statement's.
        got: Digest,
    },
    /// The statement is of another version of the protocol.
    #[error("statement of protocol version {0}, expected {expected}", expected = crate::PROTOCOL_VERSION)]
    Version(u32),
    /// A program that failed is not proven.
    #[error("exit code {0}")]
    ExitCode(u64),
    /// Keys, program or plan are of different sizes.
    #[error("k = {got}, expected {expected}")]
    Size {
        /// The verifier's k.
        expected: u32,
        /// What came.
        got: u32,
    },
    /// The plan has no instance or too many.
    #[error("plan of {0} instances, expected 1 to {max}", max = crate::PlanShape::MAX_INSTANCES)]
    PlanLength(usize),
    /// The plan names an AIR that the machine does not have.
    #[error("the machine has no AIR {0}")]
    UnknownAir(u16),
    /// Entries are not in strictly increasing order of (AIR, index): one is doubled or out of place.
    #[error("instance {0} is doubled or out of order in the plan")]
    PlanOrder(InstanceId),
    /// An instance is missing below this one.
    #[error("instance {0} is in the plan, one before it is not")]
    PlanGap(InstanceId),
    /// A pinned instance that the program does not have.
    #[error("the program has no instance {0}")]
    PlanRange(InstanceId),
    /// Not every pinned instance that has to be present is.
    #[error("AIR {air} has {got} instances in the plan, the program needs {expected}")]
    PlanIncomplete {
        /// The AIR.
        air: u16,
        /// How many there have to be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// There is not one digest per plan entry.
    #[error("{got} digests for {expected} instances")]
    Digests {
        /// Instances in the plan.
        expected: usize,
        /// Digests that came.
        got: usize,
    },
    /// A partial for an instance that is not in the plan.
    #[error("instance {0} is not in the plan")]
    NotInPlan(InstanceId),
    /// The proof is not exactly as long as the verifying key says.
    #[error("proof of instance {id} has {got} bytes, expected {expected}")]
    ProofLength {
        /// The instance.
        id: InstanceId,
        /// Computed from the verifying key.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// The proof commits to another first phase than the one that the challenge came from.
    #[error("proof of instance {id} has digest {got}, D has {expected}")]
    Digest {
        /// The instance.
        id: InstanceId,
        /// Digest in D.
        expected: Digest,
        /// Digest of the proof's first points.
        got: Digest,
    },
    /// A pinned column is not the program's.
    #[error("column {column} of instance {id} is not the program's")]
    Pin {
        /// The instance.
        id: InstanceId,
        /// Advice column.
        column: usize,
    },
    /// A number of points other than that of the AIR's first phase.
    #[error("commitment of instance {id} has {got} points, expected {expected}")]
    Points {
        /// The instance.
        id: InstanceId,
        /// First-phase columns of the AIR.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// In a self-made full proof, a partial is somebody else's.
    #[error("instance {0} was not proven by the submitter of the full proof")]
    ForeignPartial(InstanceId),
    /// Upstream's verifier refuses the proof.
    #[error("proof of instance {id} is invalid: {reason}")]
    Proof {
        /// The instance.
        id: InstanceId,
        /// Upstream's reason; "opening" if the final multi-scalar multiplication is not zero.
        reason: String,
    },
    /// The partials are not those of the plan, in its order.
    #[error("partial {place} is of instance {got}, the plan has {expected}")]
    Order {
        /// Place in the list.
        place: usize,
        /// Instance in the plan.
        expected: InstanceId,
        /// Instance of the partial.
        got: InstanceId,
    },
    /// The list of partials is shorter or longer than the plan.
    #[error("{got} partials for {expected} instances")]
    Count {
        /// Instances in the plan.
        expected: usize,
        /// Partials that came.
        got: usize,
    },
    /// A self-made full proof where a distributed one is expected, or the other way round.
    #[error("full proof is of kind {got:?}, expected {expected:?}")]
    Kind {
        /// Kind of the round.
        expected: crate::FullProofKind,
        /// Kind of the proof.
        got: crate::FullProofKind,
    },
    /// The sums of the instances and the public terms do not add up to 0.
    #[error("the bus does not balance: the trace as a whole is not an execution with these outputs")]
    Bus,
    /// The aggregation proof does not fit.
    #[error("aggregation proof is invalid: {0}")]
    Aggregation(String),
}

/// Why bytes are not an encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends too early.
    #[error("input ends inside {0}")]
    Short(&'static str),
    /// The input goes on after its end.
    #[error("{0} bytes after the end")]
    Trailing(usize),
    /// A length above its limit.
    #[error("{what} of {got}, at most {limit} are allowed")]
    Limit {
        /// What is too long.
        what: &'static str,
        /// Its limit.
        limit: usize,
        /// Its length.
        got: usize,
    },
    /// Not the encoding's magic bytes or not its version.
    #[error("not {what}, or of another version")]
    Version {
        /// What was expected.
        what: &'static str,
    },
    /// A field element that is not below the modulus.
    #[error("{0} is not a canonical field element")]
    Scalar(&'static str),
    /// A value that is none of those that exist.
    #[error("{what} cannot be {got}")]
    Value {
        /// What.
        what: &'static str,
        /// The value.
        got: u64,
    },
}
