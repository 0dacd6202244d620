//! AIRs as halo2 circuits: commit (T1), prove (T2), aggregate (T3), verify.
//!
//! A [`MachineKeys`] holds the verifying keys of a machine at one size, a [`ProgramKey`] the pinned commitments of a program. A [`Prover`]
//! commits to instances; the digests of all of them and the [`Statement`] make a [`Round`], whose [`Challenge`] the second phase is built on. In a round,
//! instances are proven ([`Prover::prove`]), partial proofs verified ([`Round::verify_partials`]) and put together to a [`FullProof`]. docs/proofs.md
//! has the formulas and the byte layouts.
//!
//! This crate knows nothing of slots, stakes or submissions: jobs and keys are bytes to it.

mod aggregation;
mod backend;
mod blinds;
mod circuit;
mod codec;
mod commitment;
mod error;
mod full;
mod hash;
mod id;
mod key;
mod layout;
mod machine;
mod native;
mod params;
mod partial;
mod plan;
mod program;
mod prover;
mod round;
mod schedule;
mod statement;
mod suite;
mod upstream;
mod verify;

pub use aggregation::AggregateEntry;
pub use backend::{Backend, BackendKind, PhaseOne, Resident, UnknownBackend, Witness};
pub use blinds::{BlindSeed, ProofBlinds, pinned_blind};
pub use codec::{Encode, Input};
pub use commitment::{Boundary, Commitment, PointBytes, boundary_values};
pub use error::{DecodeError, Error, Rejection};
pub use full::{FullProof, FullProofKind, ProofFile, TraceSource, verify_full};
pub use hash::{Blake2b, Digest, Domain, ProofHash};
pub use id::{InstanceId, ProverKey, binding};
pub use key::{AirKey, AirKind};
pub use layout::ProofLayout;
pub use machine::{MachineAir, MachineKeys};
pub use native::{Native, engine};
pub use params::{OnProgress, Params, ParamsCache, ParamsProgress, ParamsStage, generate as generate_params};
pub use partial::PartialProof;
pub use plan::PlanShape;
pub use program::{PinnedInstance, ProgramKey, ProgramLayout};
pub use prover::{Committed, Prover};
pub use round::Round;
pub use statement::{Challenge, PROTOCOL_VERSION, Statement, challenge, own_challenge, tag};
pub use suite::{Point, VerifyingKey};
pub use upstream::Upstream;
