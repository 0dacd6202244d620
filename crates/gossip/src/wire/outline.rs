//! Outlines: submissions without the parts that others have in common with them, which are named instead, in the manner of compact blocks (BIP 152).
//!
//! All honest provers of an instance commit to it with the same bytes, and all full proofs of a job are made of the same few partials. Who pulls such a
//! submission asks for its outline, takes the parts that it knows, asks for the others by their places and puts it together. Names are short, so what comes
//! of it is held against the announced header: if it is something else the submission is pulled whole.

use std::sync::Arc;

use quintet_types::{
    ByteList, Commitment, Commitments, Decode as _, Encode as _, FullProof, Root, Signed, Submission, SubmissionBody,
};
use sha2::{Digest as _, Sha256};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U1024, U262144};

use super::submission_id::SubmissionId;
use super::topic::Topic;

/// Most bytes of an [`Outline`]'s SSZ. A submission whose outline is longer is pulled whole.
pub const MAX_OUTLINE_BYTES: usize = 256 << 10;

/// Most parts in a [`PartsByIndex`].
pub type MaxRequestParts = U1024;

/// Most bytes of a part: a commitment with as many boundary values and points as its container holds.
pub const MAX_PART_BYTES: usize = 4 + 32 + 4 + 4 + 16 * 32 + 32_768;

/// A part's bytes, shared by all submissions that have it.
pub type Part = Arc<[u8]>;

/// What submissions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// T1: SSZ of a `Commitment`.
    Commitment,
    /// T3 to T5: id of a partial proof that a full proof consists of.
    PartialId,
}

impl PartKind {
    /// What the submission with this id has in common with others, if anything.
    pub fn of(id: &SubmissionId) -> Option<Self> {
        match id.topic() {
            Topic::Commitments => Some(Self::Commitment),
            Topic::FullProofs => Some(Self::PartialId),
            _ => None,
        }
    }

    /// Bytes of a name. Who finds a commitment with another one's name makes others pull 2 kB too many, so that must be hard; for an id it is 32 bytes.
    pub const fn name_bytes(self) -> usize {
        match self {
            Self::Commitment => 8,
            Self::PartialId => 4,
        }
    }
}

/// The name of a part: the first bytes of a commitment's SHA-256, or of an id. Two parts may have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName {
    kind: PartKind,
    /// Zero behind [`PartKind::name_bytes`].
    bytes: [u8; 8],
}

impl PartName {
    /// The name of this part.
    pub fn of(kind: PartKind, part: &[u8]) -> Self {
        match kind {
            PartKind::Commitment => Self::read(kind, &Sha256::digest(part)),
            PartKind::PartialId => Self::read(kind, part),
        }
    }

    fn read(kind: PartKind, from: &[u8]) -> Self {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(from.iter().take(kind.name_bytes())).for_each(|(to, from)| *to = *from);
        Self { kind, bytes }
    }
}

/// A submission without its parts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outline {
    /// SSZ of the `Submission`, with an empty list where its parts were.
    pub rest: ByteList<U262144>,
    /// Names of the parts in their order, one behind the other.
    pub names: ByteList<U262144>,
}

/// Asks for the outline of a submission by [`SubmissionId::root`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct OutlineByRoot {
    /// Which.
    pub root: Root,
}

/// Asks for parts of a submission by their places in its outline.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartsByIndex {
    /// Which submission, by [`SubmissionId::root`].
    pub root: Root,
    /// 1 to 1,024 places in rising order.
    pub indices: VariableList<u16, MaxRequestParts>,
}

/// The names of a submission's parts in their order; `None` if it has none in common with others.
pub fn part_names(submission: &Submission) -> Option<Vec<PartName>> {
    match submission {
        Submission::Commitments(signed) => {
            let name = |part: &Commitment| PartName::of(PartKind::Commitment, &part.as_ssz_bytes());
            Some(signed.body.commitments.iter().map(name).collect())
        }
        Submission::FullProof(signed) => {
            Some(signed.body.partials.iter().map(|id| PartName::of(PartKind::PartialId, &id.0)).collect())
        }
        Submission::PartialProofs(_) | Submission::AggProof(_) => None,
    }
}

/// The part at a place of a submission.
pub fn part(submission: &Submission, index: u16) -> Option<Vec<u8>> {
    match submission {
        Submission::Commitments(signed) => signed.body.commitments.get(usize::from(index)).map(|part| part.as_ssz_bytes()),
        Submission::FullProof(signed) => signed.body.partials.get(usize::from(index)).map(|id| id.0.to_vec()),
        Submission::PartialProofs(_) | Submission::AggProof(_) => None,
    }
}

/// What others may name of this submission: its own parts, and the ids of the partials in it. Hashes those.
pub fn parts_of(submission: &Submission) -> Vec<(PartName, Part)> {
    let named = |kind, part: Vec<u8>| (PartName::of(kind, &part), Part::from(part));
    let id = |id: &Root| named(PartKind::PartialId, id.0.to_vec());
    match submission {
        Submission::Commitments(signed) => {
            signed.body.commitments.iter().map(|part| named(PartKind::Commitment, part.as_ssz_bytes())).collect()
        }
        Submission::PartialProofs(signed) => {
            signed.body.proofs.iter().map(|partial| id(&partial.id(&signed.job, &signed.prover))).collect()
        }
        Submission::FullProof(signed) => signed.body.partials.iter().map(id).collect(),
        Submission::AggProof(_) => vec![],
    }
}

/// The submission with an empty list where its parts were; `None` if that is too long already.
fn without_parts(submission: &Submission) -> Option<Submission> {
    let is_short = |bytes: usize| bytes <= MAX_OUTLINE_BYTES;
    match submission {
        Submission::Commitments(signed) => {
            let Commitments { full_proof, commitments: _ } = &signed.body;
            let body = is_short(full_proof.len())
                .then(|| Commitments { full_proof: full_proof.clone(), commitments: VariableList::empty() })?;
            Some(Submission::Commitments(with_body(signed, body)))
        }
        Submission::FullProof(signed) => {
            let FullProof { own, aggregation, bloom_hash, partials: _ } = &signed.body;
            let body = is_short(own.ssz_bytes_len()).then(|| FullProof {
                partials: VariableList::empty(),
                own: own.clone(),
                aggregation: aggregation.clone(),
                bloom_hash: bloom_hash.clone(),
            })?;
            Some(Submission::FullProof(with_body(signed, body)))
        }
        Submission::PartialProofs(_) | Submission::AggProof(_) => None,
    }
}

fn with_body<B: SubmissionBody>(signed: &Signed<B>, body: B) -> Signed<B> {
    Signed { job: signed.job, phase: signed.phase, prover: signed.prover, body, signature: signed.signature }
}

impl Outline {
    /// The outline of a submission, if it has one that is short enough. There is exactly one.
    pub fn of(submission: &Submission) -> Option<Self> {
        Self::with_names(submission, &part_names(submission)?)
    }

    /// As [`Self::of`], with names that are known: to find them commitments are hashed.
    pub fn with_names(submission: &Submission, names: &[PartName]) -> Option<Self> {
        let rest = without_parts(submission)?.as_ssz_bytes();
        let names: Vec<u8> = names.iter().flat_map(|name| &name.bytes[..name.kind.name_bytes()]).copied().collect();
        // Two offsets in front.
        let fits = rest.len() + names.len() + 8 <= MAX_OUTLINE_BYTES;
        let outline = Self { rest: rest.try_into().ok()?, names: names.try_into().ok()? };
        fits.then_some(outline)
    }

    /// What tells outlines apart.
    pub fn digest(&self) -> Root {
        Root::from_slice(&Sha256::digest(self.as_ssz_bytes()))
    }

    /// The names of its parts, in their order; `None` if their bytes are no such names.
    pub fn part_names(&self, kind: PartKind) -> Option<Vec<PartName>> {
        let names = self.names.chunks_exact(kind.name_bytes());
        names.remainder().is_empty().then(|| names.map(|name| PartName::read(kind, name)).collect())
    }

    /// Puts the submission together: its SSZ. `None` if these are no parts of such a submission. That it is the right one is for the caller to see.
    pub fn fill(&self, parts: &[Part]) -> Option<Vec<u8>> {
        let mut submission = Submission::from_ssz_bytes(&self.rest).ok()?;
        match &mut submission {
            Submission::Commitments(signed) if signed.body.commitments.is_empty() => {
                let commitments: Result<Vec<_>, _> = parts.iter().map(|part| Commitment::from_ssz_bytes(part)).collect();
                signed.body.commitments = commitments.ok()?.try_into().ok()?;
            }
            Submission::FullProof(signed) if signed.body.partials.is_empty() => {
                let ids: Result<Vec<_>, _> = parts.iter().map(|part| Root::from_ssz_bytes(part)).collect();
                signed.body.partials = ids.ok()?.try_into().ok()?;
            }
            _ => return None,
        }
        Some(submission.as_ssz_bytes())
    }
}

#[cfg(test)]
#[path = "outline_tests.rs"]
mod tests;
