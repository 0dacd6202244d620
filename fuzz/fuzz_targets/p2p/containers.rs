//! What the sidecar reads from messages, and what it looks at before any signature.

use std::fmt::Debug;
use std::sync::LazyLock;

use quintet_agreement::{Agreement, Input, Verified, verify_certified, verify_proposal, verify_votes};
use quintet_gossip::wire::outline::{Part, PartKind, part};
use quintet_gossip::{Outline, Status, SubmissionId, check_submission};
use quintet_types::{Attestation, CertifiedBundle, Decode, Encode, Introduction, Root, SignedProposal, Spec, Submission};

use crate::{heap, templates};

static AGREEMENT: LazyLock<Agreement> = LazyLock::new(begun);
static SPEC: LazyLock<Spec> = LazyLock::new(Spec::default);

/// An agreement that is under way, on the phase that the templates are about.
fn begun() -> Agreement {
    let mut agreement = Agreement::new(templates::setup());
    agreement.handle(Input::Start { now_ms: templates::DEADLINE_MS });
    agreement
}

/// Decodes. It takes no more memory than a few times the bytes, and there is one encoding only.
fn canonical<T: Decode + Encode + Debug>(bytes: &[u8]) -> Option<T> {
    let decoded = heap::within(4 * bytes.len() + (16 << 10), || T::from_ssz_bytes(bytes)).ok()?;
    assert_eq!(decoded.as_ssz_bytes(), bytes, "{decoded:?}");
    Some(decoded)
}

pub fn proposal(bytes: &[u8]) {
    let Some(signed) = canonical::<SignedProposal>(bytes) else { return };
    let committee = &AGREEMENT.setup().committee;
    let is_news = AGREEMENT.is_news_proposal(&signed);
    let leader = signed.proposal.proposer;
    if let Ok(verified) = verify_proposal(signed, committee, &SPEC) {
        assert!(verified.bundle.is_ordered() && committee.member(leader).is_some());
        assert_eq!(verified.proposal.bundle_root, verified.bundle.root());
        if is_news {
            begun().handle(Input::Proposal(Box::new(verified)));
        }
    }
}

pub fn attestation(bytes: &[u8]) {
    let committee = &AGREEMENT.setup().committee;
    match canonical(bytes) {
        Some(Attestation::Vote(vote)) => {
            let is_news = AGREEMENT.is_news_vote(&vote);
            if let Some(Ok(verified)) = verify_votes(vec![vote], committee, &SPEC).pop()
                && is_news
            {
                begun().handle(Input::Vote(verified));
            }
        }
        Some(Attestation::Certificate(certificate)) => {
            let is_news = AGREEMENT.is_news_certificate(&certificate);
            if let Ok(verified) = Verified::certificate(certificate, committee, &SPEC) {
                assert!(verified.is_ordered());
                if is_news {
                    begun().handle(Input::Certificate(verified));
                }
            }
        }
        None => {}
    }
}

pub fn certified(bytes: &[u8]) {
    let Some(certified) = canonical::<CertifiedBundle>(bytes) else { return };
    if let Ok(verified) = verify_certified(certified, &AGREEMENT.setup().committee, &SPEC) {
        assert_eq!(verified.certificate.ballot.bundle_root, verified.bundle.root());
    }
}

pub fn submission(bytes: &[u8]) {
    let Some(submission) = canonical::<Submission>(bytes) else { return };
    let id = SubmissionId::of(&submission);
    assert!(check_submission(&id, bytes));
    assert!(!check_submission(&SubmissionId { body_root: Root::repeat_byte(0x5a), ..id }, bytes));
    if let Some(outline) = Outline::of(&submission) {
        let parts: Vec<Part> = (0..=u16::MAX).map_while(|place| part(&submission, place)).map(Part::from).collect();
        assert_eq!(outline.fill(&parts).as_deref(), Some(bytes), "it is put together again");
    }
}

pub fn outline(bytes: &[u8]) {
    let Some(outline) = canonical::<Outline>(bytes) else { return };
    for kind in [PartKind::Commitment, PartKind::PartialId] {
        let names = outline.part_names(kind).map_or(0, |names| names.len());
        assert!(names * kind.name_bytes() <= bytes.len());
    }
    if let Some(filled) = outline.fill(&[]) {
        submission(&filled);
    }
}

pub fn introduction(introduction: Introduction) {
    assert_eq!(canonical(&introduction.as_ssz_bytes()), Some(introduction));
}

pub fn status(bytes: &[u8]) {
    canonical::<Status>(bytes);
}
