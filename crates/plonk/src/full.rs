//! T3: the full proof in its materialised form, with all partial proofs in it.

use std::sync::Arc;

use quintet_air::Trace;

use crate::{
    AggregateEntry, Committed, DecodeError, Digest, Encode, Error, InstanceId, MachineKeys, PartialProof, PlanShape,
    ProgramKey, Prover, ProverKey, Rejection, Round, Statement,
    codec::{Input, put_bytes},
    commitment::digest,
    suite::ELEMENT_BYTES,
};

/// How the challenge of a full proof came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullProofKind {
    /// From the D of T1; partial proofs of any provers.
    Distributed,
    /// From a D of its maker's own, in a domain of its own; all partial proofs are its maker's.
    Own,
}

/// Partial proofs for every instance of the plan, in its order, and the aggregation proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullProof {
    /// How the challenge came about.
    pub kind: FullProofKind,
    /// Who put it together.
    pub aggregator: ProverKey,
    /// One partial proof per plan entry.
    pub partials: Vec<PartialProof>,
    /// Ties the above to the aggregator.
    pub aggregation: Vec<u8>,
}

/// Where traces come from. A prover asks for one instance at a time.
pub trait TraceSource: Sync {
    /// First-phase columns of an instance.
    ///
    /// # Errors
    /// Whatever keeps the source from it.
    fn trace(&self, id: InstanceId) -> Result<Trace, Box<dyn std::error::Error + Send + Sync>>;
}

impl<T> TraceSource for T
where
    T: Fn(InstanceId) -> Result<Trace, Box<dyn std::error::Error + Send + Sync>> + Sync,
{
    fn trace(&self, id: InstanceId) -> Result<Trace, Box<dyn std::error::Error + Send + Sync>> {
        self(id)
    }
}

impl Prover {
    /// T1: commits to an instance whose trace comes from `source`.
    ///
    /// # Errors
    /// As [`Self::commit`], and if the source fails.
    pub fn commit_from(&self, source: &dyn TraceSource, id: InstanceId) -> Result<Committed, Error> {
        self.commit(id, source.trace(id).map_err(|source| Error::Trace { id, source })?)
    }

    /// T3: puts partial proofs together, and makes those that are missing. Partial proofs that were found are not verified again;
    /// those of instances outside the plan are left out, and of several for one instance the first is taken.
    ///
    /// # Errors
    /// If a missing one cannot be made, or the sums do not cancel.
    pub fn aggregate(
        &self,
        round: &Round,
        found: impl IntoIterator<Item = PartialProof>,
        source: &dyn TraceSource,
    ) -> Result<FullProof, Error> {
        let mut places: Vec<Option<PartialProof>> = vec![None; round.plan().instances.len()];
        for partial in found {
            if let Some(slot) = round.plan().place(partial.id).and_then(|place| places.get_mut(place)) {
                slot.get_or_insert(partial);
            }
        }
        let mut partials = Vec::with_capacity(places.len());
        for (partial, &id) in places.into_iter().zip(&round.plan().instances) {
            partials.push(match partial {
                Some(partial) => partial,
                None => self.prove(round, &self.commit_from(source, id)?)?,
            });
        }
        self.seal(round, partials)
    }

    /// T1 or T2: the full proof of a prover that is fast enough to make all of it: own D, own challenge. Each trace is asked for twice, so that
    /// only one is held at a time.
    ///
    /// # Errors
    /// If statement or plan are refused, an instance cannot be made, or the sums do not cancel.
    pub fn prove_full(&self, statement: Statement, plan: PlanShape, source: &dyn TraceSource) -> Result<FullProof, Error> {
        let digests: Vec<Digest> =
            plan.instances.iter().map(|id| Ok(self.commit_from(source, *id)?.digest)).collect::<Result<_, Error>>()?;
        let (keys, program) = (Arc::clone(self.keys()), Arc::clone(self.program()));
        let round = Round::own(keys, program, statement, plan, digests, *self.key())?;
        self.aggregate(&round, [], source)
    }

    fn seal(&self, round: &Round, partials: Vec<PartialProof>) -> Result<FullProof, Error> {
        round.verify_sums(partials.iter().map(|partial| partial.sum))?;
        let entries: Vec<AggregateEntry> = partials.iter().map(AggregateEntry::from).collect();
        let aggregation = round.prove_aggregation(self.backend(), self.key(), &entries)?;
        let kind = if round.submitter().is_some() { FullProofKind::Own } else { FullProofKind::Distributed };
        Ok(FullProof { kind, aggregator: *self.key(), partials, aggregation })
    }
}

impl From<&PartialProof> for AggregateEntry {
    fn from(partial: &PartialProof) -> Self {
        Self { sum: partial.sum, partial_id: partial.partial_id() }
    }
}

impl FullProof {
    /// Longest encoding that is accepted.
    pub const MAX_BYTES: usize = 32 << 20;
    /// Limit of [`Self::aggregation`].
    pub const MAX_AGGREGATION_BYTES: usize = 8 << 10;
    const MAGIC: &'static [u8] = b"QFP\x01";

    /// The round that the proof says it is of: plan and D are those of its partial proofs. For a distributed proof whose D was certified, use
    /// that round instead.
    ///
    /// # Errors
    /// If statement or plan are refused.
    pub fn round(&self, keys: Arc<MachineKeys>, program: Arc<ProgramKey>, statement: Statement) -> Result<Round, Rejection> {
        let plan = PlanShape { k: keys.k(), instances: self.partials.iter().map(|partial| partial.id).collect() };
        plan.check(&keys, &program)?;
        let digest = |partial: &PartialProof| {
            let id = partial.id;
            let layout = keys.air(id.air).ok_or(Rejection::UnknownAir(id.air))?.layout;
            let (expected, got) = (layout.proof_bytes(), partial.proof.len());
            if expected != got {
                return Err(Rejection::ProofLength { id, expected, got });
            }
            let points = partial.proof[..layout.phase_one_bytes()].chunks_exact(ELEMENT_BYTES);
            Ok(digest(id, partial.k, &partial.boundary, points))
        };
        let digests: Vec<Digest> = self.partials.iter().map(digest).collect::<Result<_, _>>()?;
        match self.kind {
            FullProofKind::Distributed => Round::new(keys, program, statement, plan, digests),
            FullProofKind::Own => Round::own(keys, program, statement, plan, digests, self.aggregator),
        }
    }
}

/// Verifies a full proof of a statement, all of it, from nothing but keys.
///
/// # Errors
/// Why it is refused.
pub fn verify_full(
    keys: &Arc<MachineKeys>,
    program: &Arc<ProgramKey>,
    statement: &Statement,
    proof: &FullProof,
) -> Result<(), Rejection> {
    proof.round(Arc::clone(keys), Arc::clone(program), statement.clone())?.verify_full(proof)
}

impl Round {
    /// Verifies a full proof of this round: partial proofs equal to the plan in order and length, the aggregate, and each of the partial proofs.
    ///
    /// # Errors
    /// Why it is refused; of several bad partial proofs the first.
    pub fn verify_full(&self, proof: &FullProof) -> Result<(), Rejection> {
        let (expected, got) = (self.plan.instances.len(), proof.partials.len());
        if expected != got {
            return Err(Rejection::Count { expected, got });
        }
        let kind = if self.submitter.is_some() { FullProofKind::Own } else { FullProofKind::Distributed };
        if kind != proof.kind {
            return Err(Rejection::Kind { expected: kind, got: proof.kind });
        }
        for (place, (partial, &expected)) in proof.partials.iter().zip(&self.plan.instances).enumerate() {
            if partial.id != expected {
                return Err(Rejection::Order { place, expected, got: partial.id });
            }
        }
        let entries: Vec<AggregateEntry> = proof.partials.iter().map(AggregateEntry::from).collect();
        self.verify_aggregate(&proof.aggregator, &entries, &proof.aggregation)?;
        self.verify_partials(&proof.partials).into_iter().collect()
    }
}

impl Encode for FullProof {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(Self::MAGIC);
        out.push(u8::from(self.kind == FullProofKind::Own));
        out.extend(self.aggregator.0);
        put_bytes(out, &self.aggregation);
        out.extend((self.partials.len() as u32).to_le_bytes());
        self.partials.iter().for_each(|partial| partial.encode_to(out));
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.magic(Self::MAGIC, "a full proof")?;
        Ok(Self {
            kind: match input.u8("kind")? {
                0 => FullProofKind::Distributed,
                1 => FullProofKind::Own,
                got => return Err(DecodeError::Value { what: "kind", got: u64::from(got) }),
            },
            aggregator: ProverKey(input.array("aggregator")?),
            aggregation: input.bytes(Self::MAX_AGGREGATION_BYTES, "aggregation proof")?.to_vec(),
            partials: {
                let count = input.length(PlanShape::MAX_INSTANCES, "partial proofs")?;
                (0..count).map(|_| PartialProof::decode_from(input)).collect::<Result<_, _>>()?
            },
        })
    }
}

/// A full proof with what it proves: a file that needs nothing else but the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// Log₂ of the number of rows: says which keys to make.
    pub k: u32,
    /// What is proven.
    pub statement: Statement,
    /// The proof.
    pub proof: FullProof,
}

impl ProofFile {
    const MAGIC: &'static [u8] = b"quintet proof\0\0\x01";
}

impl Encode for ProofFile {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(Self::MAGIC);
        out.push(self.k as u8);
        self.statement.encode_to(out);
        self.proof.encode_to(out);
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.magic(Self::MAGIC, "a proof file")?;
        Ok(Self {
            k: u32::from(input.u8("k")?),
            statement: Statement::decode_from(input)?,
            proof: FullProof::decode_from(input)?,
        })
    }
}
