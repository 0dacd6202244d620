//! The aggregation proof: a proof of a tiny fixed circuit that ties an aggregate to its maker.
//!
//! Its public values are the aggregator's key, a root over (i, Sᵢ, id of partial i), the statement and D. It shows that whoever made it knew
//! these values, and that nobody else's key can be put in their place. It does **not** show that the partial proofs verify, that the sums cancel, or
//! that any of this was checked: the verifier of a full proof does all of that itself. Recursion is to replace it.

use std::sync::{Arc, OnceLock};

use quintet_air::{Air, Builder, Column, F, Free, Publics, Trace, build, phase_two, public};

use crate::{
    AirKey, AirKind, Backend, Digest, Error, InstanceId, Params, ProofBlinds, ProverKey, Rejection, Round, Witness,
    commitment::Boundary,
    hash::{Domain, ProofHash},
    id::to_field,
    suite::Hash,
    verify::open_proof,
};

/// What an aggregate holds of one partial proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateEntry {
    /// S of the instance.
    pub sum: F,
    /// Id of the partial proof.
    pub partial_id: Digest,
}

/// The circuit: one row with the four public values, and nothing that relates them.
struct Aggregation {
    values: [Column<Free>; public::BOUNDARIES],
}

impl Air for Aggregation {
    const ID: u16 = u16::MAX;
    const NAME: &'static str = "aggregation";

    fn build(builder: &mut Builder) -> Self {
        let values = ["aggregator", "root", "statement", "digests"].map(|name| builder.field(name));
        for (slot, value) in values.into_iter().enumerate() {
            builder.boundary(slot, value);
        }
        Self { values }
    }
}

/// Log₂ of the number of rows: the same for all jobs.
const K: u32 = 6;
/// Takes the place of an instance in the binding element.
const INSTANCE: InstanceId = InstanceId { air: Aggregation::ID, index: 0 };

fn key() -> &'static (Aggregation, AirKey) {
    static KEY: OnceLock<(Aggregation, AirKey)> = OnceLock::new();
    KEY.get_or_init(|| {
        let (air, spec) = build::<Aggregation>(K).expect("the description is constant and tested");
        let key = AirKey::new(&Arc::new(Params::new(K)), spec, AirKind::Execution);
        (air, key.expect("the description is constant and tested"))
    })
}

impl Round {
    /// The four public values of an aggregate.
    fn aggregate_values(&self, aggregator: &ProverKey, entries: &[AggregateEntry]) -> Boundary {
        let start = |what: &str| Hash::new(Domain::Aggregate).bytes(what.as_bytes());
        let add = |hash: Hash, (place, entry): (usize, &AggregateEntry)| {
            hash.uint(place as u64).field(entry.sum).word(&entry.partial_id.0)
        };
        let root = entries.iter().enumerate().fold(start("root").uint(entries.len() as u64), add);
        let digests =
            self.digests.iter().fold(start("digests").uint(self.digests.len() as u64), |hash, digest| hash.word(&digest.0));
        [
            start("aggregator").bytes(&aggregator.0).element(),
            root.element(),
            to_field(&self.statement.hash()),
            digests.element(),
        ]
    }

    fn aggregate_publics(&self, aggregator: &ProverKey, boundary: &Boundary) -> Publics {
        self.publics(INSTANCE, aggregator, boundary, F::zero())
    }

    /// Makes the aggregation proof.
    pub(crate) fn prove_aggregation(
        &self,
        backend: &dyn Backend,
        aggregator: &ProverKey,
        entries: &[AggregateEntry],
    ) -> Result<Vec<u8>, Error> {
        let (air, key) = key();
        let boundary = self.aggregate_values(aggregator, entries);
        let mut trace = Trace::new(&key.spec);
        trace.fill(1, |_, row| {
            for (column, value) in air.values.iter().zip(boundary) {
                row.set_field(*column, value);
            }
        });
        let second = phase_two(&key.spec, &trace, self.challenge.alpha, self.challenge.beta);
        let publics = self.aggregate_publics(aggregator, &boundary);
        let blinds = ProofBlinds::derive(&key.layout, &[], &self.statement.hash(), &publics);
        backend.prove(key, &Witness { trace: &trace, resident: None, second: &second, publics, blinds })
    }

    /// Checks an aggregate whose partial proofs have been verified before, wherever they came from: one entry per plan entry, sums that cancel with the
    /// public terms, and the aggregation proof.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify_aggregate(&self, aggregator: &ProverKey, entries: &[AggregateEntry], proof: &[u8]) -> Result<(), Rejection> {
        let (expected, got) = (self.plan.instances.len(), entries.len());
        if expected != got {
            return Err(Rejection::Count { expected, got });
        }
        if self.submitter.is_some_and(|submitter| submitter != *aggregator) {
            return Err(Rejection::Aggregation("the round is another prover's".into()));
        }
        self.verify_sums(entries.iter().map(|entry| entry.sum))?;
        let (_, key) = key();
        if proof.len() != key.layout.proof_bytes() {
            return Err(Rejection::Aggregation(format!("{} bytes, expected {}", proof.len(), key.layout.proof_bytes())));
        }
        let boundary = self.aggregate_values(aggregator, entries);
        let msm = open_proof(key, &self.aggregate_publics(aggregator, &boundary), proof).map_err(Rejection::Aggregation)?;
        if msm.eval() { Ok(()) } else { Err(Rejection::Aggregation("opening".into())) }
    }

    /// What the instances add to the bus and what the statement says add up to nothing.
    ///
    /// # Errors
    /// If they do not.
    pub fn verify_sums(&self, sums: impl IntoIterator<Item = F>) -> Result<(), Rejection> {
        let public = crate::statement::public_terms(&self.challenge, self.program.layout().entry, &self.statement.outputs);
        let total = sums.into_iter().fold(public.ok_or(Rejection::Bus)?, |total, sum| total + sum);
        if total == F::zero() { Ok(()) } else { Err(Rejection::Bus) }
    }
}
