//! Verification: our own checks around upstream's verifier, which stays as it is.

mod batch;
mod bisect;
mod strategy;

use halo2_proofs::plonk::verify_proof;

use crate::{
    AirKey, PartialProof, Rejection, Round,
    commitment::{check_pins, digest},
    suite::{ELEMENT_BYTES, TranscriptReader},
};
use quintet_air::Publics;
use strategy::{Msm, Unevaluated};

impl Round {
    /// Verifies one partial proof.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify_partial(&self, partial: &PartialProof) -> Result<(), Rejection> {
        if self.open(partial)?.eval() { Ok(()) } else { Err(opening(partial)) }
    }

    /// Everything but the final multi-scalar multiplication, which has to be zero.
    ///
    /// What upstream's verifier leaves open is closed here: the proof is exactly as long as the verifying key says, its first-phase
    /// commitments are those of D and of the program, and the instance column is built from what the verifier knows.
    pub(crate) fn open(&self, partial: &PartialProof) -> Result<Msm<'_>, Rejection> {
        let id = partial.id;
        let (key, expected) = self.entry(id)?;
        if partial.k != self.plan.k {
            return Err(Rejection::Size { expected: self.plan.k, got: partial.k });
        }
        if self.submitter.is_some_and(|submitter| submitter != partial.prover) {
            return Err(Rejection::ForeignPartial(id));
        }
        let (length, got) = (key.layout.proof_bytes(), partial.proof.len());
        if length != got {
            return Err(Rejection::ProofLength { id, expected: length, got });
        }
        let points = partial.proof[..key.layout.phase_one_bytes()].chunks_exact(ELEMENT_BYTES);
        check_pins(key, id, self.program.pins(id), |column| points.clone().nth(column))?;
        let got = digest(id, partial.k, &partial.boundary, points);
        if got != expected {
            return Err(Rejection::Digest { id, expected, got });
        }
        let publics = self.publics(id, &partial.prover, &partial.boundary, partial.sum);
        open_proof(key, &publics, &partial.proof).map_err(|reason| Rejection::Proof { id, reason })
    }
}

/// Runs upstream's verifier up to the final multi-scalar multiplication. The proof has to be used up, and the instance column is
/// exactly the public values that there are.
pub(crate) fn open_proof<'k>(key: &'k AirKey, publics: &Publics, proof: &[u8]) -> Result<Msm<'k>, String> {
    let mut rest = proof;
    let msm = {
        let mut transcript = TranscriptReader::init(&mut rest);
        let instances: &[&[&[quintet_air::F]]] = &[&[&publics.0]];
        verify_proof(key.params.upstream(), &key.vk, Unevaluated::new(&key.params), instances, &mut transcript)
    };
    match (msm, rest.len()) {
        (Ok(msm), 0) => Ok(msm),
        (Ok(_), left) => Err(format!("{left} bytes after the proof")),
        (Err(error), _) => Err(error.to_string()),
    }
}

/// Verifies a proof under public values, whatever these are: how a backend that can go wrong checks what it made.
///
/// # Errors
/// Why it is refused.
pub fn check_proof(key: &AirKey, publics: &Publics, proof: &[u8]) -> Result<(), String> {
    if open_proof(key, publics, proof)?.eval() { Ok(()) } else { Err("opening".into()) }
}

fn opening(partial: &PartialProof) -> Rejection {
    Rejection::Proof { id: partial.id, reason: "opening".into() }
}
