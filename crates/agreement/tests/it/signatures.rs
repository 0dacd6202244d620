//! Votes, certificates and evidence with real keys of all signing variants.

use quintet_agreement::{
    Agreement, AgreementError, Committee, Effect, Input, Member, Message, Setup, verify_certificate, verify_certified,
    verify_evidence, verify_proposal, verify_votes,
};
use quintet_keys::SecretKey;
use quintet_types::*;

use super::sim::{DEADLINE_MS, bundle, setup};

fn key(index: u64) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&(index + 1).to_be_bytes());
    SecretKey::from_bytes(&bytes).unwrap()
}

fn committee(variants: &[SigningVariant]) -> Committee {
    let member = |(index, variant): (u64, &SigningVariant)| Member {
        index: ValidatorIndex(index),
        key: key(index).public_key(),
        weight: 32,
        variant: *variant,
    };
    Committee::new((0..).zip(variants).map(member).collect()).unwrap()
}

fn sign(committee: &Committee, index: u64, kind: VoteKind, ballot: Ballot, spec: &Spec) -> SignedVote {
    let variant = committee.member(ValidatorIndex(index)).unwrap().variant;
    let signature = key(index).sign(&ballot.signing_root(kind, variant, spec).0).into();
    SignedVote { ballot, kind, validator: ValidatorIndex(index), signature }
}

/// Four agreements whose messages are all signed and verified.
fn certified(variants: &[SigningVariant; 4]) -> (CertifiedBundle, Committee, Spec) {
    let (spec, committee) = (Spec::default(), committee(variants));
    let new = |me| Agreement::new(Setup { committee: committee.clone(), ..setup(4, Some(me)) });
    let mut nodes: Vec<_> = (0..4).map(new).collect();
    let mut inputs: Vec<(usize, Input)> = (0..4).map(|node| (node, Input::Start { now_ms: DEADLINE_MS })).collect();
    while let Some((node, input)) = inputs.pop() {
        for effect in nodes[node].handle(input) {
            match effect {
                Effect::Propose { rank, slot } => {
                    let mine = bundle(nodes[node].setup(), node as u64, rank, slot, 1);
                    inputs.push((node, Input::MyBundle { bundle: Box::new(mine), previous: None }));
                }
                Effect::Sign(request) => {
                    let root = request.signing_root(variants[node], &spec);
                    inputs.push((node, Input::Signed { request, signature: key(node as u64).sign(&root.0).into() }));
                }
                Effect::Judge(signed) => {
                    inputs.push((node, Input::Judged { bundle_root: signed.bundle.root(), accept: true }));
                }
                Effect::Broadcast(message) => {
                    for to in (0..4).filter(|&to| to != node) {
                        let input = match &message {
                            Message::Proposal(signed) => {
                                Input::Proposal(Box::new(verify_proposal((**signed).clone(), &committee, &spec).unwrap()))
                            }
                            Message::Vote(vote) => Input::Vote(verify_votes(vec![*vote], &committee, &spec).remove(0).unwrap()),
                        };
                        inputs.insert(0, (to, input));
                    }
                }
                Effect::Decided(decision) if node == 2 => return (decision.certified().unwrap(), committee, spec),
                _ => {}
            }
        }
    }
    panic!("nobody decided");
}

#[test]
fn certificates_verify_for_one_variant_and_for_several() {
    use SigningVariant::{CommitBoost, Direct, Web3signer};
    for variants in [[Direct; 4], [CommitBoost; 4], [Direct, CommitBoost, Web3signer, Direct]] {
        let (good, committee, spec) = certified(&variants);
        assert!(verify_certified(good.clone(), &committee, &spec).is_ok());
        assert!(good.certificate.attesters.len() >= 3);

        let mut other = good.clone();
        other.bundle.plan_root = Root::ZERO;
        assert!(matches!(verify_certified(other, &committee, &spec), Err(AgreementError::OtherBundle { .. })));
        let mut other = good.certificate.clone();
        other.ballot.round += 1;
        assert_eq!(verify_certificate(&other, &good.bundle, &committee, &spec), Err(AgreementError::Aggregate));
        let mut few = good.certificate.clone();
        few.attesters = vec![ValidatorIndex(0), ValidatorIndex(1)].try_into().unwrap();
        assert!(matches!(verify_certificate(&few, &good.bundle, &committee, &spec), Err(AgreementError::NoQuorum { .. })));
        let mut twice = good.certificate.clone();
        twice.attesters = vec![ValidatorIndex(0); 3].try_into().unwrap();
        assert_eq!(verify_certificate(&twice, &good.bundle, &committee, &spec), Err(AgreementError::NotOrdered));
        let mut strange = good.certificate.clone();
        strange.attesters = (0..5).map(ValidatorIndex).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(
            verify_certificate(&strange, &good.bundle, &committee, &spec),
            Err(AgreementError::NoVoter(ValidatorIndex(4)))
        );
    }
}

#[test]
fn one_false_vote_of_a_batch_is_named() {
    let (spec, committee) = (Spec::default(), committee(&[SigningVariant::Direct; 4]));
    let ballot = bundle(&setup(4, None), 0, 0, Slot(10), 1).ballot(0);
    let mut votes: Vec<_> = (0..4).map(|index| sign(&committee, index, VoteKind::Prevote, ballot, &spec)).collect();
    votes[1].kind = VoteKind::Precommit;
    votes[2].signature = SignatureBytes::ZERO;
    votes.push(SignedVote { validator: ValidatorIndex(9), ..votes[0] });
    let verdicts = verify_votes(votes, &committee, &spec);
    assert!(verdicts[0].is_ok() && verdicts[3].is_ok());
    assert_eq!(verdicts[1], Err(AgreementError::Signature(ValidatorIndex(1))));
    assert_eq!(verdicts[2], Err(AgreementError::Signature(ValidatorIndex(2))));
    assert_eq!(verdicts[4], Err(AgreementError::NoVoter(ValidatorIndex(9))));
}

#[test]
fn evidence_needs_nothing_but_the_key() {
    let (spec, committee) = (Spec::default(), committee(&[SigningVariant::Direct; 4]));
    let ballot = bundle(&setup(4, None), 0, 0, Slot(10), 1).ballot(0);
    let nil = Ballot { bundle_root: Root::ZERO, ..ballot };
    let [a, b] = [ballot, nil].map(|ballot| sign(&committee, 2, VoteKind::Precommit, ballot, &spec));
    let evidence = ValidatorEquivocation::votes(a, b).unwrap();
    let bytes = evidence.as_ssz_bytes();
    let evidence = ValidatorEquivocation::from_ssz_bytes(&bytes).unwrap();
    let check = |index, variant| verify_evidence(&evidence, &key(index).public_key(), variant, &spec);
    assert_eq!(check(2, SigningVariant::Direct), Ok(()));
    assert!(check(1, SigningVariant::Direct).is_err());
    assert!(check(2, SigningVariant::CommitBoost).is_err());
}
