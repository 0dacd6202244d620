//! From a block to proofs and back: what the sidecar and the prover daemon both do with the machine and the proof system.
//!
//! `protocol` knows nothing of proofs and `plonk` nothing of jobs; here they meet. A [`Guest`] is the program that is proven, [`Circuits`] are
//! its keys by size, and a [`ProvingJob`] is one block's execution, planned: it commits, proves, verifies and aggregates in
//! terms of the containers that go over the wire.

mod circuits;
mod convert;
mod error;
mod guest;
mod input;
mod job;

pub use circuits::{Circuits, ParamsSource, SizedCircuits};
pub use convert::{binding_key, commitment_from_wire, commitment_to_wire, element_bytes, partial_from_wire, partial_to_wire};
pub use error::Error;
pub use guest::Guest;
pub use input::payload_input;
pub use job::{CommittedInstance, ProvingJob};
