//! Between proof objects and the containers that go over the wire.

use ff::PrimeField;
use quintet_air::F;
use quintet_plonk::{Boundary, Commitment as PlonkCommitment, InstanceId, PartialProof as PlonkPartial, ProverKey};
use quintet_types::{Commitment, InstanceIndex, PartialProof, PublicKeyBytes, Root};

use crate::Error;

/// A field element as a root, little-endian.
fn to_root(value: &F) -> Root {
    Root::from(value.to_repr())
}

/// A field element as it goes over the wire: 32 bytes, little-endian.
pub fn element_bytes(value: &F) -> [u8; 32] {
    value.to_repr()
}

/// The element that a root is, if it is below the modulus.
fn from_root(what: &'static str, instance: InstanceIndex, root: &Root) -> Result<F, Error> {
    let element: Option<F> = F::from_repr(root.0).into();
    element.ok_or_else(|| Error::Wire { what, instance, reason: format!("{root} is no element of the field") })
}

/// A prover's key as proofs are bound to it.
pub fn binding_key(key: &PublicKeyBytes) -> ProverKey {
    ProverKey(key.0)
}

/// A commitment as it is submitted in T1.
///
/// # Errors
/// If it is longer than the container allows.
pub fn commitment_to_wire(instance: InstanceIndex, commitment: &PlonkCommitment) -> Result<Commitment, Error> {
    let too_long = |_| Error::Wire { what: "commitment", instance, reason: "longer than the container".into() };
    let points: Vec<u8> = commitment.points.iter().flatten().copied().collect();
    let boundary: Vec<Root> = commitment.boundary.iter().map(to_root).collect();
    Ok(Commitment {
        instance,
        digest: commitment.digest().0.into(),
        boundary: boundary.try_into().map_err(too_long)?,
        points: points.try_into().map_err(too_long)?,
    })
}

/// A submitted commitment, with canonical values, whose digest is what it says.
///
/// # Errors
/// What is malformed.
pub fn commitment_from_wire(id: InstanceId, k: u32, wire: &Commitment) -> Result<PlonkCommitment, Error> {
    let instance = wire.instance;
    let wrong = |reason: String| Error::Wire { what: "commitment", instance, reason };
    let (points, rest) = wire.points.as_chunks();
    if !rest.is_empty() {
        return Err(wrong(format!("{} bytes are no whole number of points", wire.points.len())));
    }
    let commitment =
        PlonkCommitment { id, k, boundary: boundary_from_wire(instance, &wire.boundary)?, points: points.to_vec() };
    let digest = Root::from(commitment.digest().0);
    if digest != wire.digest {
        return Err(wrong(format!("the digest is {digest}, not {}", wire.digest)));
    }
    Ok(commitment)
}

/// Boundary values of a commitment.
pub(crate) fn boundary_from_wire(instance: InstanceIndex, wire: &[Root]) -> Result<Boundary, Error> {
    let values = wire.iter().map(|root| from_root("boundary value", instance, root)).collect::<Result<Vec<_>, _>>()?;
    let count = values.len();
    Boundary::try_from(values).map_err(|_| Error::Wire {
        what: "boundary values",
        instance,
        reason: format!("{count} of them, expected {}", quintet_air::public::BOUNDARIES),
    })
}

/// A partial proof as it is submitted in T2.
///
/// # Errors
/// If it is longer than the container allows.
pub fn partial_to_wire(instance: InstanceIndex, digest: Root, partial: PlonkPartial) -> Result<PartialProof, Error> {
    let length = partial.proof.len();
    let proof = partial.proof.try_into().map_err(|_| Error::Wire {
        what: "partial proof",
        instance,
        reason: format!("{length} bytes are more than the container holds"),
    })?;
    Ok(PartialProof { instance, digest, sum: to_root(&partial.sum), proof })
}

/// A submitted partial proof; its boundary values are those of the commitment that D has.
///
/// # Errors
/// If the sum is no field element.
pub fn partial_from_wire(
    id: InstanceId,
    k: u32,
    prover: &PublicKeyBytes,
    boundary: &Boundary,
    wire: &PartialProof,
) -> Result<PlonkPartial, Error> {
    Ok(PlonkPartial {
        id,
        k,
        prover: binding_key(prover),
        boundary: *boundary,
        sum: from_root("sum", wire.instance, &wire.sum)?,
        proof: wire.proof.to_vec(),
    })
}
