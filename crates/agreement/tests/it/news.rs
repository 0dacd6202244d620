//! What is not worth verifying: a validator may sign without end, and others look at a bounded number of it.

use quintet_agreement::{Agreement, Effect, Input, Verified};
use quintet_types::*;

use super::sim::{DEADLINE_MS, bundle, setup};

fn begun() -> Agreement {
    let mut agreement = Agreement::new(setup(4, None));
    agreement.handle(Input::Start { now_ms: DEADLINE_MS });
    agreement
}

fn vote(agreement: &Agreement, validator: u64, round: u32, kind: VoteKind, root: Root) -> SignedVote {
    let setup = agreement.setup();
    let ballot = Ballot { job_root: setup.job.root(), phase: setup.phase, round, bundle_root: root };
    SignedVote { ballot, kind, validator: ValidatorIndex(validator), signature: SignatureBytes::ZERO }
}

/// What a sidecar does with a message.
fn take(agreement: &mut Agreement, input: Input) -> Option<Vec<Effect>> {
    let is_news = match &input {
        Input::Proposal(signed) => agreement.is_news_proposal(signed),
        Input::Vote(vote) => agreement.is_news_vote(vote),
        Input::Certificate(certificate) => agreement.is_news_certificate(certificate),
        _ => true,
    };
    is_news.then(|| agreement.handle(input))
}

#[test]
fn of_votes_without_end_a_bounded_number_is_looked_at() {
    let mut agreement = begun();
    let (mut looked_at, mut evidence) = (0, 0);
    let per_extension = agreement.setup().rounds.per_extension();
    for round in 0..4 * per_extension {
        for kind in [VoteKind::Prevote, VoteKind::Precommit] {
            for root in 0..5 {
                let vote = vote(&agreement, 3, round, kind, Root::repeat_byte(root));
                let Some(effects) = take(&mut agreement, Input::Vote(Verified::trusted(vote))) else { continue };
                looked_at += 1;
                evidence += effects.iter().filter(|effect| matches!(effect, Effect::Evidence(_))).count();
            }
        }
    }
    // One of each kind in each round of this extension and the next, and what shows that the validator contradicts itself.
    assert_eq!((looked_at, evidence), (2 * 2 * per_extension as usize + 1, 1));
    let nobody = vote(&agreement, 9, 0, VoteKind::Prevote, Root::ZERO);
    assert!(!agreement.is_news_vote(&nobody), "who has no vote is not looked at");
}

#[test]
fn of_proposals_two_of_a_round_are_looked_at_and_only_its_leaders() {
    let mut agreement = begun();
    let setup = agreement.setup().clone();
    let mut looked_at = 0;
    for (leader, mark) in [(1, 1), (0, 1), (0, 2), (0, 2), (0, 3), (0, 4)] {
        let bundle = bundle(&setup, leader, 0, Slot(10), mark);
        let proposal = Proposal {
            job_root: setup.job.root(),
            phase: setup.phase,
            round: 0,
            polka: 0,
            bundle_root: bundle.root(),
            proposer: ValidatorIndex(leader),
        };
        let (previous, polka) = Default::default();
        let signed = SignedProposal { proposal, bundle, previous, polka, signature: SignatureBytes::ZERO };
        looked_at += usize::from(take(&mut agreement, Input::Proposal(Box::new(Verified::trusted(signed)))).is_some());
    }
    assert_eq!(looked_at, 2);
}

#[test]
fn of_certificates_the_first_is_looked_at_and_who_lags_is_heard_once_a_second() {
    let mut agreement = begun();
    let bundle = bundle(&agreement.setup().clone(), 0, 0, Slot(10), 1);
    let certificate = BundleCertificate {
        ballot: bundle.ballot(0),
        attesters: vec![ValidatorIndex(0), ValidatorIndex(1), ValidatorIndex(2)].try_into().unwrap(),
        signature: SignatureBytes::ZERO,
    };
    assert!(take(&mut agreement, Input::Certificate(Verified::trusted(certificate.clone()))).is_some());
    assert!(take(&mut agreement, Input::Certificate(Verified::trusted(certificate.clone()))).is_none());
    agreement.handle(Input::Bundle(Box::new(bundle)));
    assert_eq!(agreement.decided(), Some(0));
    assert!(!agreement.is_news_certificate(&certificate));
    let later = |round| vote(&agreement, 3, round, VoteKind::Prevote, Root::ZERO);
    let (first, second) = (later(1), later(2));
    let effects = take(&mut agreement, Input::Vote(Verified::trusted(first))).unwrap();
    assert!(effects.contains(&Effect::Announce));
    assert!(take(&mut agreement, Input::Vote(Verified::trusted(second))).is_none());
    agreement.handle(Input::Tick { now_ms: DEADLINE_MS + 1_500 });
    assert!(agreement.is_news_vote(&second));
}
