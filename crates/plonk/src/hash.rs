//! The proof system's own hash: everything that a challenge depends on goes through it, so that recursion can replace it in one place.

use std::fmt;

use ff::{FromUniformBytes, PrimeField};
use quintet_air::F;

/// What a hash is used for. Hashes of different domains never agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// `machine_id`.
    Machine,
    /// `program_id`.
    Program,
    /// Digest of an instance's first-phase commitment.
    Digest,
    /// Statement.
    Statement,
    /// Challenge of the distributed proof.
    Challenge,
    /// Challenge of a full proof that one prover makes alone.
    OwnChallenge,
    /// Binding element of a proof.
    Binding,
    /// Blind of a first-phase column.
    Blind,
    /// Blind of a pinned first-phase column.
    PinnedBlind,
    /// Blinds that are drawn after the challenge.
    ProofBlinds,
    /// Id of a partial proof.
    PartialId,
    /// Public values of the aggregation proof.
    Aggregate,
    /// Weights of a batch verification.
    Batch,
}

impl Domain {
    /// The bytes that are hashed first.
    pub fn label(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Program => "program",
            Self::Digest => "digest",
            Self::Statement => "statement",
            Self::Challenge => "challenge",
            Self::OwnChallenge => "own challenge",
            Self::Binding => "binding",
            Self::Blind => "blind",
            Self::PinnedBlind => "pinned blind",
            Self::ProofBlinds => "proof blinds",
            Self::PartialId => "partial id",
            Self::Aggregate => "aggregate",
            Self::Batch => "batch",
        }
    }
}

/// A 32-byte hash value.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A hash over typed values. The sequence of calls is part of what is hashed only through the values' encodings, so callers hash
/// every length that is not fixed by the domain; [`Self::bytes`] does that itself.
pub trait ProofHash: Clone + Sized {
    /// Starts a hash of the domain.
    fn new(domain: Domain) -> Self;

    /// Adds bytes and their number.
    fn bytes(self, value: &[u8]) -> Self;

    /// [`Self::bytes`] for one after the other.
    fn all_bytes<'a>(self, values: impl Iterator<Item = &'a [u8]>) -> Self;

    /// Adds an integer.
    fn uint(self, value: u64) -> Self;

    /// Adds a field element.
    fn field(self, value: F) -> Self;

    /// Adds 32 bytes: a hash value or an encoded point.
    fn word(self, value: &[u8; 32]) -> Self;

    /// The hash as bytes.
    fn digest(self) -> Digest;

    /// The hash as a field element, with a bias below 2⁻²⁵⁰.
    fn element(self) -> F;
}

/// BLAKE2b-512 with personalisation `Quintet-Proof-v1`: bytes are prefixed by their number, integers are 8 bytes little-endian, field
/// elements 32 bytes little-endian.
#[derive(Clone, Debug)]
pub struct Blake2b(blake2b_simd::State);

impl Blake2b {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }
}

impl ProofHash for Blake2b {
    fn new(domain: Domain) -> Self {
        let state = blake2b_simd::Params::new().hash_length(64).personal(b"Quintet-Proof-v1").to_state();
        Self(state).bytes(domain.label().as_bytes())
    }

    fn bytes(self, value: &[u8]) -> Self {
        self.uint(value.len() as u64).raw(value)
    }

    /// In one piece: a state that is handed on with each value costs as much as what is hashed.
    fn all_bytes<'a>(self, values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut all = Vec::new();
        for value in values {
            all.extend((value.len() as u64).to_le_bytes());
            all.extend(value);
        }
        self.raw(&all)
    }

    fn uint(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    fn field(self, value: F) -> Self {
        self.raw(&value.to_repr())
    }

    fn word(self, value: &[u8; 32]) -> Self {
        self.raw(value)
    }

    /// The first 32 of 64 bytes.
    fn digest(self) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(&self.0.finalize().as_bytes()[..32]);
        Digest(digest)
    }

    /// All 64 bytes as a little-endian integer modulo the field.
    fn element(self) -> F {
        F::from_uniform_bytes(self.0.finalize().as_array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_boundaries_between_values_matter() {
        let plain = Blake2b::new(Domain::Digest).bytes(b"ab").bytes(b"c").digest();
        assert_ne!(plain, Blake2b::new(Domain::Digest).bytes(b"a").bytes(b"bc").digest());
        assert_ne!(plain, Blake2b::new(Domain::Batch).bytes(b"ab").bytes(b"c").digest());
        assert_eq!(plain, Blake2b::new(Domain::Digest).all_bytes([&b"ab"[..], b"c"].into_iter()).digest());
    }
}
