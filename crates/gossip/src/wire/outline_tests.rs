//! Tests of outlines.

use proptest::prelude::*;
use quintet_types::{
    BloomHash, InstanceIndex, JobId, PartialProof, PartialProofs, Phase, PublicKeyBytes, SignatureBytes, SignedCommitments,
    SignedFullProof, SignedPartialProofs, Slot,
};

use super::*;

const JOB: JobId = JobId { slot: Slot(4), block_root: Root::repeat_byte(2), sub_block: 0, attempt: 0 };

fn commitments(parts: Vec<Commitment>, full_proof: Vec<u8>) -> Submission {
    Submission::Commitments(SignedCommitments {
        job: JOB,
        phase: Phase::T1,
        prover: PublicKeyBytes::repeat_byte(5),
        body: Commitments { commitments: parts.try_into().unwrap(), full_proof: full_proof.try_into().unwrap() },
        signature: SignatureBytes::repeat_byte(6),
    })
}

fn full_proof(ids: Vec<Root>, own: Vec<PartialProof>) -> Submission {
    Submission::FullProof(SignedFullProof {
        job: JOB,
        phase: Phase::T4,
        prover: PublicKeyBytes::repeat_byte(5),
        body: FullProof {
            bloom_hash: BloomHash::new(ids.len(), &ids),
            partials: ids.try_into().unwrap(),
            own: own.try_into().unwrap(),
            aggregation: vec![9; 300].try_into().unwrap(),
        },
        signature: SignatureBytes::repeat_byte(6),
    })
}

fn partials() -> Submission {
    let partial = |n| PartialProof { instance: InstanceIndex(n), sum: Root::repeat_byte(n as u8), ..PartialProof::default() };
    Submission::PartialProofs(SignedPartialProofs {
        job: JOB,
        phase: Phase::T2,
        prover: PublicKeyBytes::repeat_byte(5),
        body: PartialProofs { proofs: vec![partial(1), partial(7)].try_into().unwrap(), ..PartialProofs::default() },
        signature: SignatureBytes::ZERO,
    })
}

fn root() -> impl Strategy<Value = Root> {
    any::<[u8; 32]>().prop_map(Root::from)
}

fn commitment() -> impl Strategy<Value = Commitment> {
    let points = prop::collection::vec(any::<u8>(), 0..300);
    (any::<u32>(), root(), prop::collection::vec(root(), 0..=16), points).prop_map(|(instance, digest, boundary, points)| {
        Commitment {
            instance: InstanceIndex(instance),
            digest,
            boundary: boundary.try_into().unwrap(),
            points: points.try_into().unwrap(),
        }
    })
}

fn submissions() -> impl Strategy<Value = Submission> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let ids = prop::collection::vec(root(), 0..40);
    prop_oneof![
        (prop::collection::vec(commitment(), 0..8), bytes).prop_map(|(parts, full_proof)| commitments(parts, full_proof)),
        ids.prop_map(|ids| full_proof(ids, vec![PartialProof::default()])),
    ]
}

fn kind_of(submission: &Submission) -> PartKind {
    PartKind::of(&SubmissionId::of(submission)).unwrap()
}

fn parts(submission: &Submission, names: usize) -> Vec<Part> {
    (0..names as u16).map(|index| Part::from(part(submission, index).unwrap())).collect()
}

#[test]
fn largest_parts_fit_their_limit() {
    let largest = Commitment {
        boundary: vec![Root::ZERO; 16].try_into().unwrap(),
        points: vec![0; 32_768].try_into().unwrap(),
        ..Commitment::default()
    };
    assert_eq!(largest.as_ssz_bytes().len(), MAX_PART_BYTES);
}

#[test]
fn what_is_too_long_or_of_another_kind_has_no_outline() {
    assert_eq!(Outline::of(&partials()), None);
    assert_eq!(PartKind::of(&SubmissionId::of(&partials())), None);
    assert!(part(&partials(), 0).is_none());
    assert!(Outline::of(&commitments(vec![], vec![0; MAX_OUTLINE_BYTES - 400])).is_some());
    assert_eq!(Outline::of(&commitments(vec![], vec![0; MAX_OUTLINE_BYTES])), None);
    assert_eq!(Outline::of(&full_proof(vec![Root::ZERO; 65_536], vec![])), None);
    let own = PartialProof { proof: vec![0; 32_768].try_into().unwrap(), ..PartialProof::default() };
    assert!(Outline::of(&full_proof(vec![], vec![own.clone(); 7])).is_some());
    assert_eq!(Outline::of(&full_proof(vec![], vec![own; 8])), None);
}

#[test]
fn a_full_proof_names_partials_of_t2_by_their_ids() {
    let Submission::PartialProofs(signed) = partials() else { unreachable!() };
    let ids: Vec<Root> = signed.body.proofs.iter().map(|partial| partial.id(&JOB, &signed.prover)).collect();
    let full_proof = full_proof(ids, vec![]);
    let known: Vec<PartName> = parts_of(&partials()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(part_names(&full_proof).unwrap(), known);
}

proptest! {
    #[test]
    fn outlines_and_parts_are_the_submission(submission in submissions()) {
        let outline = Outline::of(&submission).unwrap();
        let bytes = outline.as_ssz_bytes();
        prop_assert!(bytes.len() <= MAX_OUTLINE_BYTES);
        prop_assert_eq!(&Outline::from_ssz_bytes(&bytes).unwrap(), &outline);
        let kind = kind_of(&submission);
        let names = outline.part_names(kind).unwrap();
        prop_assert_eq!(&names, &part_names(&submission).unwrap());
        let parts = parts(&submission, names.len());
        prop_assert!(names.iter().zip(&parts).all(|(name, part)| PartName::of(kind, part) == *name && part.len() <= MAX_PART_BYTES));
        prop_assert!(part(&submission, names.len() as u16).is_none());
        let own: Vec<_> = names.into_iter().zip(parts.clone()).collect();
        prop_assert_eq!(own, parts_of(&submission));
        prop_assert_eq!(outline.fill(&parts).unwrap(), submission.as_ssz_bytes());
    }

    /// Whatever a peer makes of an outline or a part: another submission comes of it, or none.
    #[test]
    fn a_changed_outline_or_part_never_gives_the_submission(
        submission in submissions(),
        place in any::<prop::sample::Index>(),
        flip in 1u8..=255,
        of_part in any::<bool>(),
    ) {
        let mut outline = Outline::of(&submission).unwrap();
        let names = outline.part_names(kind_of(&submission)).unwrap();
        let mut parts = parts(&submission, names.len());
        if of_part && !parts.is_empty() {
            let which = place.index(parts.len());
            let mut bytes = parts[which].to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= flip;
            parts[which] = bytes.into();
        } else {
            let at = place.index(outline.rest.len());
            outline.rest[at] ^= flip;
        }
        let filled = outline.fill(&parts);
        prop_assert_ne!(filled.as_ref(), Some(&submission.as_ssz_bytes()));
        // Told apart by the header that was announced.
        let id = SubmissionId::of(&submission);
        prop_assert!(!filled.is_some_and(|bytes| crate::check_submission(&id, &bytes)));
    }

    #[test]
    fn garbage_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
    ) {
        let parts: Vec<Part> = parts.into_iter().map(Part::from).collect();
        let rest = bytes.clone().try_into().unwrap();
        let outline = Outline { rest, names: Default::default() };
        prop_assert!(outline.fill(&parts).is_none());
        if let Ok(outline) = Outline::from_ssz_bytes(&bytes) {
            for kind in [PartKind::Commitment, PartKind::PartialId] {
                let names = outline.part_names(kind).map(|names| names.len() * kind.name_bytes());
                prop_assert!(names.is_none_or(|bytes| bytes == outline.names.len()));
            }
        }
    }
}
