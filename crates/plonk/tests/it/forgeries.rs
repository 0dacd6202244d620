//! Whole proofs in which something was exchanged, and the error that each of them gives.

use quintet_air::F;
use quintet_plonk::{
    DecodeError, Encode, Error, FullProof, FullProofKind, InstanceId, PartialProof, ProgramKey, Prover, ProverKey, Rejection,
    Round, verify_full,
};

use crate::toy::{K, Toy, honest, layout, pinned_tables, plan, source, trace};

fn partial_with(change: impl Fn(&mut PartialProof)) -> Result<(), Rejection> {
    let mut partial = honest().partials[0].clone();
    change(&mut partial);
    honest().round.verify_partial(&partial)
}

fn is_bad_proof(result: Result<(), Rejection>) -> bool {
    matches!(result, Err(Rejection::Proof { .. }))
}

#[test]
fn a_partial_is_its_makers_alone() {
    assert!(is_bad_proof(partial_with(|partial| partial.prover = ProverKey([2; 48]))));
}

#[test]
fn a_partial_is_of_one_job() {
    let (toy, honest) = (Toy::shared(), honest());
    let mut statement = toy.statement();
    statement.job_root = [77; 32];
    let round = Round::new(toy.keys.clone(), toy.program.clone(), statement, plan(K), honest.round.digests().to_vec()).unwrap();
    assert!(is_bad_proof(round.verify_partial(&honest.partials[0])));
}

#[test]
fn a_partial_is_of_one_instance() {
    let other = InstanceId { air: 1, index: 1 };
    assert!(matches!(partial_with(|partial| partial.id = other), Err(Rejection::Digest { .. })));
    let missing = InstanceId { air: 1, index: 9 };
    assert_eq!(partial_with(|partial| partial.id = missing), Err(Rejection::NotInPlan(missing)));
}

#[test]
fn sum_and_boundary_values_are_part_of_what_is_proven() {
    assert!(is_bad_proof(partial_with(|partial| partial.sum += F::from(1))));
    assert!(matches!(partial_with(|partial| partial.boundary[2] += F::from(1)), Err(Rejection::Digest { .. })));
}

#[test]
fn a_solved_boundary_value_fits_no_gate() {
    let (toy, honest) = (Toy::shared(), honest());
    let mut commitment = honest.committed[0].commitment.clone();
    commitment.boundary[0] += F::from(4);
    let mut digests = honest.round.digests().to_vec();
    digests[0] = commitment.digest();
    let round = Round::new(toy.keys.clone(), toy.program.clone(), toy.statement(), plan(K), digests).unwrap();
    let mut partial = honest.partials[0].clone();
    partial.boundary = commitment.boundary;
    assert!(is_bad_proof(round.verify_partial(&partial)));
}

#[test]
fn lengths_are_exact() {
    assert!(matches!(
        partial_with(|partial| partial.proof.truncate(partial.proof.len() - 1)),
        Err(Rejection::ProofLength { .. })
    ));
    assert!(matches!(partial_with(|partial| partial.proof.extend([0; 32])), Err(Rejection::ProofLength { .. })));
    assert!(matches!(partial_with(|partial| partial.proof.clear()), Err(Rejection::ProofLength { .. })));
}

#[test]
fn swapped_elements_are_refused() {
    let len = honest().partials[0].proof.len();
    for place in [0, len / 64, len / 32 - 2] {
        let swapped = partial_with(|partial| partial.proof[32 * place..32 * place + 64].rotate_left(32));
        assert!(swapped.is_err(), "elements {place} and {}", place + 1);
    }
}

#[test]
fn a_scalar_above_the_modulus_is_refused() {
    // p = 0x40000000…1: adding it to a small canonical scalar gives a second encoding of the same element.
    let honest = honest();
    let modulus: [u64; 4] = [0x992d30ed00000001, 0x224698fc094cf91b, 0, 0x4000000000000000];
    let mut partial = honest.partials[0].clone();
    let tail = partial.proof.len() - 32;
    let mut carry = 0u128;
    for (bytes, limb) in partial.proof[tail..].chunks_exact_mut(8).zip(modulus) {
        let value = bytes.iter().rev().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        let sum = value + u128::from(limb) + carry;
        bytes.copy_from_slice(&(sum as u64).to_le_bytes());
        carry = sum >> 64;
    }
    assert!(is_bad_proof(honest.round.verify_partial(&partial)));

    let mut bytes = honest.partials[0].encode();
    let boundary = 4 + 6 + 1 + 48;
    bytes[boundary..boundary + 32].fill(0xff);
    assert_eq!(PartialProof::decode(&bytes), Err(DecodeError::Scalar("boundary value")));
}

#[test]
fn no_single_changed_byte_goes_unnoticed() {
    let honest = honest();
    let bytes = honest.partials[0].encode();
    for place in (0..bytes.len()).step_by(61) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        if let Ok(partial) = PartialProof::decode(&changed) {
            assert!(honest.round.verify_partial(&partial).is_err(), "byte {place}");
        }
    }
}

#[test]
fn exactly_the_bad_ones_of_a_batch_are_found() {
    let honest = honest();
    let mut batch: Vec<PartialProof> = honest.partials.iter().chain(&honest.partials).cloned().collect();
    batch[1].proof[5] ^= 1;
    batch[4].sum += F::from(1);
    batch[9].prover = ProverKey([9; 48]);
    batch[10].proof.truncate(100);
    let last = batch[12].proof.len() - 32;
    batch[12].proof[last] ^= 1;
    let bad: Vec<usize> =
        honest.round.verify_partials(&batch).iter().enumerate().filter(|(_, r)| r.is_err()).map(|(place, _)| place).collect();
    assert_eq!(bad, [1, 4, 9, 10, 12]);
}

#[test]
fn two_bad_sums_that_cancel_are_both_found() {
    let honest = honest();
    let mut batch = honest.partials.clone();
    batch[0].sum += F::from(1);
    batch[1].sum -= F::from(1);
    let results = honest.round.verify_partials(&batch);
    assert!(results[0].is_err() && results[1].is_err() && results[2..].iter().all(Result::is_ok));
}

fn full() -> FullProof {
    honest().full.clone()
}

fn verify(proof: &FullProof) -> Result<(), Rejection> {
    let toy = Toy::shared();
    let alone = verify_full(&toy.keys, &toy.program, &toy.statement(), proof);
    let in_round = honest().round.verify_full(proof);
    assert_eq!(alone.is_ok(), in_round.is_ok());
    in_round
}

#[test]
fn an_aggregate_has_every_instance_once_in_order() {
    let good = full();
    verify(&good).unwrap();
    let change = |change: fn(&mut FullProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        verify(&proof).unwrap_err()
    };
    assert!(matches!(change(|proof| drop(proof.partials.pop())), Rejection::Count { .. }));
    assert!(matches!(change(|proof| proof.partials.push(proof.partials[0].clone())), Rejection::Count { .. }));
    assert!(matches!(change(|proof| proof.partials[1] = proof.partials[0].clone()), Rejection::Order { place: 1, .. }));
    assert!(matches!(change(|proof| proof.partials.swap(2, 3)), Rejection::Order { place: 2, .. }));
    assert!(matches!(change(|proof| proof.partials.clear()), Rejection::Count { .. }));
}

#[test]
fn an_aggregate_is_its_makers_alone() {
    let mut proof = full();
    proof.aggregator = ProverKey([5; 48]);
    assert!(matches!(verify(&proof), Err(Rejection::Aggregation(_))));
    let mut proof = full();
    proof.aggregation.push(0);
    assert!(matches!(verify(&proof), Err(Rejection::Aggregation(_))));
}

#[test]
fn an_aggregate_with_a_foreign_partial_is_refused() {
    let toy = Toy::shared();
    let mut proof = full();
    // Another prover's proof of the same instance in the same round: valid, but not what was aggregated.
    proof.partials[0] = toy.prover(9).prove(&honest().round, &honest().committed[0]).unwrap();
    honest().round.verify_partial(&proof.partials[0]).unwrap();
    assert!(matches!(verify(&proof), Err(Rejection::Aggregation(_))));
}

#[test]
fn an_aggregate_with_a_bad_partial_is_refused() {
    let mut found = honest().partials.clone();
    let last = found[2].proof.len() - 1;
    found[2].proof[last - 40] ^= 1;
    let proof = Toy::shared().prover(3).aggregate(&honest().round, found, &source).unwrap();
    assert!(is_bad_proof(verify(&proof)));
}

#[test]
fn other_outputs_cannot_be_proven() {
    let toy = Toy::shared();
    let proof = full();
    let mut statement = toy.statement();
    statement.outputs[1] += 1;
    assert!(verify_full(&toy.keys, &toy.program, &statement, &proof).is_err());

    // Nor by proving everything anew under the wrong statement.
    let changes: [fn(&mut Vec<u64>); 3] = [|words| words[1] += 1, |words| words.push(0), |words| words.truncate(3)];
    for change in changes {
        let mut statement = toy.statement();
        change(&mut statement.outputs);
        let result = toy.prover(3).prove_full(statement, plan(K), &source);
        assert!(matches!(result, Err(Error::Rejected(Rejection::Bus))), "{result:?}");
    }
}

#[test]
fn a_statement_about_something_else_is_refused() {
    let toy = Toy::shared();
    let proof = full();
    let verify = |change: fn(&mut quintet_plonk::Statement)| {
        let mut statement = toy.statement();
        change(&mut statement);
        verify_full(&toy.keys, &toy.program, &statement, &proof).unwrap_err()
    };
    assert!(matches!(verify(|s| s.machine_id.0[0] ^= 1), Rejection::Machine { .. }));
    assert!(matches!(verify(|s| s.program_id.0[0] ^= 1), Rejection::Program { .. }));
    assert!(matches!(verify(|s| s.version = 0), Rejection::Version(0)));
    assert!(matches!(verify(|s| s.exit_code = 3), Rejection::ExitCode(3)));
    // Everything else moves the challenge.
    assert!(matches!(verify(|s| s.input_root[0] ^= 1), Rejection::Bus));
}

#[test]
fn another_program_is_refused_by_its_pins() {
    let toy = Toy::shared();
    let mut tables = pinned_tables(&toy.keys);
    tables[0].columns[1].set(3, F::from(12));
    let other = ProgramKey::new(&toy.keys, &*toy.backend, layout(), tables).unwrap();
    assert_ne!(other.id(), toy.program.id());

    // The honest program's table under the other program's key: the prover itself notices.
    let id = InstanceId { air: 2, index: 0 };
    let seed = quintet_plonk::BlindSeed { block_root: [9; 32], sub_block: 0, plan_root: [2; 32] };
    let other = std::sync::Arc::new(other);
    let prover = Prover::new(toy.keys.clone(), other.clone(), toy.backend.clone(), seed, ProverKey([1; 48]));
    assert!(matches!(prover.commit(id, trace(id, K)), Err(Error::WrongPins(_))));

    // A round that holds the other program against the honest partials.
    let mut statement = toy.statement();
    statement.program_id = other.id();
    let round = Round::new(toy.keys.clone(), other, statement, plan(K), honest().round.digests().to_vec()).unwrap();
    let partial = honest().partials.iter().find(|partial| partial.id == id).unwrap();
    assert_eq!(round.verify_partial(partial), Err(Rejection::Pin { id, column: 1 }));
}

#[test]
fn a_self_made_proof_is_no_distributed_one_and_nobody_elses() {
    let toy = Toy::shared();
    let own = toy.prover(4).prove_full(toy.statement(), plan(K), &source).unwrap();
    let verify = |change: fn(&mut FullProof)| {
        let mut proof = own.clone();
        change(&mut proof);
        verify_full(&toy.keys, &toy.program, &toy.statement(), &proof)
    };
    assert_eq!(verify(|_| ()), Ok(()));
    assert!(verify(|proof| proof.kind = FullProofKind::Distributed).is_err());
    assert!(verify(|proof| proof.aggregator = ProverKey([5; 48])).is_err());
    assert!(matches!(honest().round.verify_full(&own), Err(Rejection::Kind { .. })));
}
