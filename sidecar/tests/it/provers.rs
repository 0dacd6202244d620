//! What provers do: prove, aggregate, sign, and the lies they tell.

use std::collections::BTreeMap;

use quintet_keys::SecretKey;
use quintet_plonk::{InstanceId, PartialProof as PlonkPartial};
use quintet_proving::{ProvingJob, commitment_from_wire, partial_from_wire, partial_to_wire};
use quintet_types::{
    BloomHash, Commitment, Commitments, FullProof, InstanceIndex, JobId, PartialProof, PartialProofs, Phase, PublicKeyBytes,
    Root, SignedCommitments, SignedFullProof, SignedPartialProofs, Spec, Submission,
};

/// Partials of one prover that verify.
pub(crate) struct Share {
    pub(crate) key: PublicKeyBytes,
    pub(crate) partials: Vec<PartialProof>,
}

/// T2 for one instance, for real.
pub(crate) fn prove(proving: &ProvingJob, digests: &[Root], key: &PublicKeyBytes, instance: InstanceIndex) -> PartialProof {
    let prover = proving.prover(key);
    let committed = proving.commit(&prover, instance).unwrap();
    let partial = committed.prove(&prover, &proving.round(digests).unwrap()).unwrap();
    partial_to_wire(instance, committed.digest(), partial).unwrap()
}

/// T3 by `key` out of the shares of others and `own` partials, the first share that has an instance being taken.
pub(crate) fn aggregate(
    proving: &ProvingJob,
    settled: &[Commitment],
    shares: &[Share],
    key: &PublicKeyBytes,
    own: &[PartialProof],
) -> FullProof {
    let (id, k) = (proving.id(), proving.shape().k);
    let parse = |maker: &PublicKeyBytes, partial: &PartialProof| -> PlonkPartial {
        let place = proving.instance(partial.instance).unwrap();
        let commitment = commitment_from_wire(place, k, &settled[partial.instance.as_usize()]).unwrap();
        partial_from_wire(place, k, maker, &commitment.boundary, partial).unwrap()
    };
    let mut parts: BTreeMap<InstanceIndex, (PublicKeyBytes, &PartialProof)> = BTreeMap::new();
    for share in shares {
        for partial in &share.partials {
            parts.entry(partial.instance).or_insert((share.key, partial));
        }
    }
    parts.extend(own.iter().map(|partial| (partial.instance, (*key, partial))));
    assert_eq!(parts.len(), proving.instances(), "a part is missing");
    let ids: Vec<Root> = parts.values().map(|(maker, partial)| partial.id(id, maker)).collect();
    let reused = parts.values().zip(&ids).filter(|((maker, _), _)| maker != key).map(|(_, id)| id);
    let bloom_hash = BloomHash::new(ids.len(), reused);
    let proofs: Vec<PlonkPartial> = parts.values().map(|(maker, partial)| parse(maker, partial)).collect();
    let digests: Vec<Root> = settled.iter().map(|commitment| commitment.digest).collect();
    let missing =
        |id: InstanceId| -> Result<_, Box<dyn std::error::Error + Send + Sync>> { Err(format!("{id} is missing").into()) };
    let round = proving.round(&digests).unwrap();
    let aggregation = proving.prover(key).aggregate(&round, proofs, &missing).unwrap().aggregation;
    FullProof {
        partials: ids.try_into().unwrap(),
        own: own.to_vec().try_into().unwrap(),
        aggregation: aggregation.try_into().unwrap(),
        bloom_hash,
    }
}

/// Signs a T1 body.
pub(crate) fn sign_commitments(secret: &SecretKey, spec: &Spec, job: &JobId, commitments: Vec<Commitment>) -> Submission {
    let body = Commitments { commitments: commitments.try_into().unwrap(), full_proof: Default::default() };
    sign(
        secret,
        spec,
        Submission::Commitments(SignedCommitments {
            job: *job,
            phase: Phase::T1,
            prover: key_of(secret),
            body,
            signature: Default::default(),
        }),
    )
}

/// Signs a T2 body.
pub(crate) fn sign_partials(secret: &SecretKey, spec: &Spec, job: &JobId, proofs: Vec<PartialProof>) -> Submission {
    let body = PartialProofs { proofs: proofs.try_into().unwrap(), full_proof: Default::default() };
    sign(
        secret,
        spec,
        Submission::PartialProofs(SignedPartialProofs {
            job: *job,
            phase: Phase::T2,
            prover: key_of(secret),
            body,
            signature: Default::default(),
        }),
    )
}

/// Signs a full proof for T3, T4 or T5.
pub(crate) fn sign_full(secret: &SecretKey, spec: &Spec, job: &JobId, phase: Phase, body: FullProof) -> Submission {
    sign(
        secret,
        spec,
        Submission::FullProof(SignedFullProof {
            job: *job,
            phase,
            prover: key_of(secret),
            body,
            signature: Default::default(),
        }),
    )
}

/// Signs whatever it is under the key that it names.
pub(crate) fn sign(secret: &SecretKey, spec: &Spec, mut submission: Submission) -> Submission {
    let root = submission.signing_root(spec).unwrap();
    let made = secret.sign(&root.0).to_bytes().into();
    match &mut submission {
        Submission::Commitments(signed) => signed.signature = made,
        Submission::PartialProofs(signed) => signed.signature = made,
        Submission::FullProof(signed) => signed.signature = made,
        Submission::AggProof(signed) => signed.signature = made,
    }
    submission
}

pub(crate) fn key_of(secret: &SecretKey) -> PublicKeyBytes {
    secret.public_key().to_bytes().into()
}
