//! T2: the proof of one instance, bound to the prover that made it.

use quintet_air::F;

use crate::{
    DecodeError, Digest, Encode, InstanceId, ProverKey,
    codec::{Input, put_bytes, put_field},
    commitment::{Boundary, decode_boundary},
    hash::{Domain, ProofHash},
    suite::Hash,
};

/// The proof of one instance under the challenge of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialProof {
    /// The instance.
    pub id: InstanceId,
    /// Log₂ of its number of rows.
    pub k: u32,
    /// Who made the proof; it verifies with no other key.
    pub prover: ProverKey,
    /// Boundary values.
    pub boundary: Boundary,
    /// What the instance adds to the bus: the only value that may be chosen after the challenge.
    pub sum: F,
    /// The upstream proof. Its first points are the first-phase commitments.
    pub proof: Vec<u8>,
}

impl PartialProof {
    /// Limit of [`Self::proof`]: 32 KiB.
    pub const MAX_PROOF_BYTES: usize = 32 << 10;
    /// Longest encoding.
    pub const MAX_BYTES: usize = 256 + Self::MAX_PROOF_BYTES;
    const MAGIC: &'static [u8] = b"QPP\x01";

    /// H(domain, encoding): what aggregates refer to.
    pub fn partial_id(&self) -> Digest {
        Hash::new(Domain::PartialId).bytes(&self.encode()).digest()
    }
}

impl Encode for PartialProof {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(Self::MAGIC);
        self.id.encode_to(out);
        out.push(self.k as u8);
        out.extend(self.prover.0);
        self.boundary.iter().for_each(|value| put_field(out, value));
        put_field(out, &self.sum);
        put_bytes(out, &self.proof);
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.magic(Self::MAGIC, "a partial proof")?;
        Ok(Self {
            id: InstanceId::decode_from(input)?,
            k: u32::from(input.u8("k")?),
            prover: ProverKey(input.array("prover key")?),
            boundary: decode_boundary(input)?,
            sum: input.field("sum")?,
            proof: input.bytes(Self::MAX_PROOF_BYTES, "proof")?.to_vec(),
        })
    }
}
