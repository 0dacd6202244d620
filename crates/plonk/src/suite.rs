//! The proof system's curve, transcript and hash, named once: a change for recursion starts here.

use halo2_proofs::{
    pasta::EqAffine,
    transcript::{Blake2bRead, Blake2bWrite, Challenge255},
};

/// A commitment: a point of Vesta, whose scalar field is [`quintet_air::F`].
pub type Point = EqAffine;

/// An upstream verifying key.
pub type VerifyingKey = halo2_proofs::plonk::VerifyingKey<Point>;

/// A challenge as the transcript encodes it.
pub(crate) type Encoded = Challenge255<Point>;

/// The verifier's transcript.
pub(crate) type TranscriptReader<R> = Blake2bRead<R, Point, Encoded>;

/// The prover's transcript.
pub(crate) type TranscriptWriter<W> = Blake2bWrite<W, Point, Encoded>;

/// The hash of digests, statements and challenges.
pub(crate) type Hash = crate::hash::Blake2b;

/// Length of an encoded point or scalar.
pub(crate) const ELEMENT_BYTES: usize = 32;
