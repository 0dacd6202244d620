//! The honest path.

use quintet_plonk::{Encode, FullProof, FullProofKind, verify_full};

use crate::toy::{Toy, honest, plan, source};

#[test]
fn every_partial_of_an_honest_round_verifies_alone_and_together() {
    let honest = honest();
    for partial in &honest.partials {
        honest.round.verify_partial(partial).unwrap();
    }
    assert!(honest.round.verify_partials(&honest.partials).iter().all(Result::is_ok));
}

#[test]
fn an_aggregate_of_others_partials_verifies_and_what_is_missing_is_made() {
    let (toy, honest) = (Toy::shared(), honest());
    let found = honest.partials.iter().skip(1).cloned();
    let proof = toy.prover(3).aggregate(&honest.round, found, &source).unwrap();
    assert_eq!(proof.kind, FullProofKind::Distributed);
    assert_eq!(proof.partials[1..], honest.partials[1..]);
    honest.round.verify_full(&proof).unwrap();
    verify_full(&toy.keys, &toy.program, &toy.statement(), &proof).unwrap();
    assert_eq!(FullProof::decode(&proof.encode()).unwrap(), proof);
}

#[test]
fn a_fast_prover_makes_a_full_proof_of_its_own() {
    let toy = Toy::shared();
    let proof = toy.prover(4).prove_full(toy.statement(), plan(crate::toy::K), &source).unwrap();
    assert_eq!(proof.kind, FullProofKind::Own);
    verify_full(&toy.keys, &toy.program, &toy.statement(), &proof).unwrap();
}

#[test]
fn a_checking_prover_keeps_a_proof_that_does_not_verify_to_itself() {
    let (toy, honest) = (Toy::shared(), honest());
    let prover = toy.prover(1).checking(true);
    let honest_one = &honest.committed[0];
    prover.prove(&honest.round, honest_one).unwrap();

    let id = honest_one.commitment.id;
    let mut trace = crate::toy::trace(id, crate::toy::K);
    trace.columns[0].set(3, 2.into());
    let broken = prover.commit(id, trace).unwrap();
    let committed: Vec<_> = [broken.clone()].into_iter().chain(honest.committed[1..].iter().cloned()).collect();
    let round = toy.round(&committed);
    assert!(toy.prover(1).prove(&round, &broken).is_ok());
    assert!(matches!(prover.prove(&round, &broken), Err(quintet_plonk::Error::Rejected(_))));
}
