//! Verifying a submission's proofs: slow, on a thread of its own, without a lock.

use std::{collections::BTreeMap, sync::Arc};

use quintet_plonk::{AggregateEntry, Encode as _, FullProof, FullProofKind, PartialProof as PlonkPartial, ProverKey, Round};
use quintet_proving::{ProvingJob, binding_key, commitment_from_wire, partial_from_wire};
use quintet_types::{Commitment, InstanceIndex, PartialProof, ProverIndex, PublicKeyBytes, Root, Submission};

use super::Verdict;

/// What a submission is judged by.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The job's plan and keys.
    pub proving: Arc<ProvingJob>,
    /// The challenge, from T2 on.
    pub round: Option<Arc<Round>>,
    /// D's commitments, from T2 on.
    pub settled: BTreeMap<InstanceIndex, Commitment>,
    /// Verified partials of certified bundles: T3 to T5.
    pub known: BTreeMap<Root, (ProverIndex, PlonkPartial)>,
    /// Index of the submitter.
    pub submitter: ProverIndex,
}

/// Verifies a submission.
pub fn judge(bench: &Bench, submission: &Submission) -> Verdict {
    match submission {
        Submission::Commitments(signed) => Verdict::Commitments {
            full_proof: signed.body.full_proof().map(|bytes| own_full_proof(bench, &signed.prover, bytes)),
        },
        Submission::PartialProofs(signed) => {
            let partials: Vec<&PartialProof> = signed.body.proofs.iter().collect();
            let verified = partials_of(bench, &signed.prover, &partials);
            let valid = partials.iter().zip(&verified).filter(|(_, proof)| proof.is_some()).map(|(p, _)| p.instance).collect();
            let full_proof = signed.body.full_proof().map(|bytes| own_full_proof(bench, &signed.prover, bytes));
            Verdict::Partials { valid, full_proof }
        }
        Submission::FullProof(signed) => Verdict::FullProof { makers: full_proof(bench, &signed.prover, &signed.body) },
        Submission::AggProof(_) => Verdict::FullProof { makers: None },
    }
}

/// The partials of one prover, verified in one batch: `Some` for each that has D's digest and verifies.
pub(super) fn partials_of(bench: &Bench, prover: &PublicKeyBytes, partials: &[&PartialProof]) -> Vec<Option<PlonkPartial>> {
    let Some(round) = &bench.round else { return vec![None; partials.len()] };
    let parsed: Vec<Option<PlonkPartial>> = partials.iter().map(|partial| parse(bench, prover, partial)).collect();
    let verdicts = round.verify_partials(&parsed.iter().flatten().cloned().collect::<Vec<_>>());
    let mut verdicts = verdicts.into_iter();
    parsed.into_iter().map(|partial| partial.filter(|_| verdicts.next().is_some_and(|verdict| verdict.is_ok()))).collect()
}

/// A partial as a proof object, if its digest is D's.
pub(super) fn parse(bench: &Bench, prover: &PublicKeyBytes, partial: &PartialProof) -> Option<PlonkPartial> {
    let settled = bench.settled.get(&partial.instance).filter(|settled| settled.digest == partial.digest)?;
    let id = bench.proving.instance(partial.instance).ok()?;
    let k = bench.proving.shape().k;
    let commitment = commitment_from_wire(id, k, settled).ok()?;
    partial_from_wire(id, k, prover, &commitment.boundary, partial).ok()
}

/// A full proof of references and own partials: who made its parts, if it verifies.
fn full_proof(bench: &Bench, prover: &PublicKeyBytes, body: &quintet_types::FullProof) -> Option<Vec<ProverIndex>> {
    let round = bench.round.as_ref()?;
    let own: Vec<&PartialProof> = body.own.iter().collect();
    let verified: Vec<PlonkPartial> = partials_of(bench, prover, &own).into_iter().collect::<Option<_>>()?;
    let job = bench.proving.id();
    let own: BTreeMap<Root, PlonkPartial> = own.iter().map(|partial| partial.id(job, prover)).zip(verified).collect();
    let mut makers = Vec::new();
    let mut entries = Vec::new();
    for id in &body.partials {
        // Own ones first: a prover's own partial counts as reused by nobody.
        let (maker, partial) = match (own.get(id), bench.known.get(id)) {
            (Some(partial), _) => (bench.submitter, partial),
            (None, Some((maker, partial))) => (*maker, partial),
            (None, None) => return None,
        };
        makers.push(maker);
        entries.push(AggregateEntry::from(partial));
    }
    round.verify_aggregate(&binding_key(prover), &entries, &body.aggregation).ok()?;
    Some(makers)
}

/// The full proof of a prover that made all of it, in T1 or T2.
fn own_full_proof(bench: &Bench, prover: &PublicKeyBytes, bytes: &[u8]) -> bool {
    let Ok(proof) = FullProof::decode(bytes) else { return false };
    let ours: ProverKey = binding_key(prover);
    if proof.kind != FullProofKind::Own || proof.aggregator != ours {
        return false;
    }
    let circuits = bench.proving.circuits();
    let (keys, program) = (Arc::clone(&circuits.keys), Arc::clone(&circuits.program));
    let round = proof.round(keys, program, bench.proving.statement());
    round.is_ok_and(|round| round.plan() == bench.proving.shape() && round.verify_full(&proof).is_ok())
}
