//! Committing (T1) and proving (T2) of single instances.

use std::sync::Arc;

use quintet_air::{F, Trace, phase_two};

use crate::{
    Backend, BlindSeed, Commitment, Digest, Error, InstanceId, MachineKeys, PartialProof, ProgramKey, ProofBlinds, ProverKey,
    Rejection, Round, Witness,
    backend::Resident,
    commitment::{boundary_values, check_pins, column_length, encode_points},
};

/// One who commits to instances and proves them.
#[derive(Clone, Debug)]
pub struct Prover {
    keys: Arc<MachineKeys>,
    program: Arc<ProgramKey>,
    backend: Arc<dyn Backend>,
    seed: BlindSeed,
    key: ProverKey,
    checks: bool,
}

/// An instance between its commitment and its proof.
#[derive(Clone)]
pub struct Committed {
    /// What was committed to.
    pub commitment: Commitment,
    /// Its digest: what is published in T1.
    pub digest: Digest,
    trace: Trace,
    blinds: Vec<F>,
    resident: Option<Resident>,
}

impl std::fmt::Debug for Committed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committed").field("id", &self.commitment.id).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Prover {
    /// A prover of one job: `seed` names it for the blinds, `key` is what proofs are bound to.
    pub fn new(
        keys: Arc<MachineKeys>,
        program: Arc<ProgramKey>,
        backend: Arc<dyn Backend>,
        seed: BlindSeed,
        key: ProverKey,
    ) -> Self {
        Self { keys, program, backend, seed, key, checks: false }
    }

    /// The same prover, which verifies each partial proof that it has made if `checks`: hardware errs, and a wrong proof costs more than an absent one.
    /// It takes a multi-scalar multiplication of the table's size a proof.
    #[must_use]
    pub fn checking(self, checks: bool) -> Self {
        Self { checks, ..self }
    }

    /// What proofs are bound to.
    pub fn key(&self) -> &ProverKey {
        &self.key
    }

    /// Who does the arithmetic.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Keys of the machine.
    pub fn keys(&self) -> &Arc<MachineKeys> {
        &self.keys
    }

    /// Pins of the program.
    pub fn program(&self) -> &Arc<ProgramKey> {
        &self.program
    }

    /// T1: commits to the first-phase columns of an instance.
    ///
    /// # Errors
    /// If the trace is not of the AIR's shape, if its pinned columns are not the program's, or if the backend fails.
    pub fn commit(&self, id: InstanceId, trace: Trace) -> Result<Committed, Error> {
        let key = self.keys.require(id.air)?;
        if !self.program.has(key.kind, id) {
            return Err(Error::NotPinned(id));
        }
        let rows = trace.columns.iter().map(column_length).max().unwrap_or(0);
        if trace.columns.len() != key.spec.phase_one || rows > key.spec.height() {
            return Err(Error::TraceShape {
                id,
                columns: trace.columns.len(),
                rows,
                expected_columns: key.spec.phase_one,
                expected_rows: key.spec.height(),
            });
        }
        let blinds = self.seed.phase_one(&key.spec, id.index);
        let first = self.backend.commit_phase_one(key, &trace, &blinds)?;
        let commitment = Commitment {
            id,
            k: self.keys.k(),
            boundary: boundary_values(&key.spec, &trace),
            points: encode_points(&first.points),
        };
        let point = |column: usize| commitment.points.get(column).map(|point| &point[..]);
        check_pins(key, id, self.program.pins(id), point).map_err(|_| Error::WrongPins(id))?;
        let digest = commitment.digest();
        Ok(Committed { commitment, digest, trace, blinds, resident: first.resident })
    }

    /// T2: proves an instance under the round's challenge, bound to this prover.
    ///
    /// # Errors
    /// If the instance is not committed in the round as it is here, or if the backend fails. That the trace satisfies its constraints is checked by a
    /// prover that is [`Self::checking`], otherwise by [`Round::verify_partial`] alone.
    pub fn prove(&self, round: &Round, committed: &Committed) -> Result<PartialProof, Error> {
        let id = committed.commitment.id;
        let (key, expected) = round.entry(id)?;
        if expected != committed.digest {
            return Err(Error::NotCommitted { id, expected, got: committed.digest });
        }
        if round.submitter().is_some_and(|submitter| *submitter != self.key) {
            return Err(Rejection::ForeignPartial(id).into());
        }
        let challenge = round.challenge();
        let second = phase_two(&key.spec, &committed.trace, challenge.alpha, challenge.beta);
        let publics = round.publics(id, &self.key, &committed.commitment.boundary, second.sum);
        let witness = Witness {
            trace: &committed.trace,
            resident: committed.resident.as_ref(),
            second: &second,
            publics,
            blinds: ProofBlinds::derive(&key.layout, &committed.blinds, &committed.digest, &publics),
        };
        let proof = self.backend.prove(key, &witness)?;
        let (expected, got) = (key.layout.proof_bytes(), proof.len());
        if expected != got {
            return Err(Error::ProofLength { air: key.spec.name, expected, got });
        }
        let boundary = committed.commitment.boundary;
        let partial = PartialProof { id, k: round.plan().k, prover: self.key, boundary, sum: second.sum, proof };
        if self.checks {
            round.verify_partial(&partial)?;
        }
        Ok(partial)
    }
}
