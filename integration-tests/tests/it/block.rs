//! A real Fulu block, proven by three provers that share its instances, and every way to hand in something else.

use std::{collections::BTreeMap, sync::OnceLock};

use quintet_beacon::decode_block_file;
use quintet_plonk::{Encode as _, FullProof, InstanceId, ParamsCache, ProofFile, ProverKey, Rejection, Round, verify_full};
use quintet_proving::{Circuits, CommittedInstance, Guest, ProvingJob, payload_input};
use quintet_types::{InstanceIndex, JobId, PublicKeyBytes, Root};

/// Smallest size: seconds a proof.
const K: u32 = 11;

struct Proven {
    circuits: Circuits,
    job: ProvingJob,
    round: Round,
    proof: FullProof,
}

fn key(number: u8) -> PublicKeyBytes {
    PublicKeyBytes::repeat_byte(number)
}

/// The block, proven once for all tests.
fn proven() -> &'static Proven {
    static PROVEN: OnceLock<Proven> = OnceLock::new();
    PROVEN.get_or_init(prove)
}

fn prove() -> Proven {
    let block = decode_block_file(include_bytes!("../data/block-fulu-26.json")).unwrap();
    let input = payload_input(block.payload().unwrap()).unwrap().encode().unwrap();
    let cache = ParamsCache::new(ParamsCache::default_folder().unwrap());
    let circuits = Circuits::new(Guest::payload().unwrap(), Box::new(move |k| cache.load(k, &|_| {})));
    let id = JobId::new(block.slot, block.block_root);
    let job = ProvingJob::new(&circuits, id, input.into(), K..=K, 4 << 20).unwrap();

    // T1: instance i is committed to by prover i mod 3; all digests are D.
    let provers = [1, 2, 3].map(|number| job.prover(&key(number)));
    let commits: Vec<CommittedInstance> =
        (0..job.instances()).map(|i| job.commit(&provers[i % 3], InstanceIndex(i as u32)).unwrap()).collect();
    let digests: Vec<Root> = commits.iter().map(CommittedInstance::digest).collect();
    let round = job.round(&digests).unwrap();
    // T2, and T3 by a prover that made none of them.
    let partials: Vec<_> =
        commits.iter().enumerate().map(|(i, commit)| commit.prove(&provers[i % 3], &round).unwrap()).collect();
    assert!(round.verify_partials(&partials).into_iter().all(|verdict| verdict.is_ok()));
    let nothing_missing =
        |id: InstanceId| -> Result<_, Box<dyn std::error::Error + Send + Sync>> { Err(format!("{id} is missing").into()) };
    let proof = job.prover(&key(9)).aggregate(&round, partials, &nothing_missing).unwrap();
    Proven { circuits, job, round, proof }
}

/// One test, so that the block is proven once.
#[test]
fn a_block_is_proven_and_nothing_else_passes_for_its_proof() {
    a_block_is_proven_from_the_partial_proofs_of_others();
    a_partial_of_another_prover_instance_or_order_is_refused();
    changed_bytes_and_sums_are_refused();
    another_statement_is_refused();
    a_commitment_is_the_same_for_every_prover_and_attempt();
}

fn a_block_is_proven_from_the_partial_proofs_of_others() {
    let Proven { circuits, job, proof, .. } = proven();
    let file = ProofFile { k: K, statement: job.statement(), proof: proof.clone() };
    let file = ProofFile::decode(&file.encode()).unwrap();
    let sized = circuits.at(file.k).unwrap();
    verify_full(&sized.keys, &sized.program, &file.statement, &file.proof).unwrap();
    let makers: BTreeMap<ProverKey, usize> = proof.partials.iter().fold(BTreeMap::new(), |mut makers, partial| {
        *makers.entry(partial.prover).or_default() += 1;
        makers
    });
    assert_eq!(makers.len(), 3, "three provers made the parts");
}

/// Applies a change to a copy of the proof and says why it is refused.
fn refused(change: impl FnOnce(&mut FullProof)) -> Rejection {
    let Proven { round, proof, .. } = proven();
    let mut forged = proof.clone();
    change(&mut forged);
    assert!(forged != *proof, "the change changed nothing");
    round.verify_full(&forged).expect_err("the forgery verifies")
}

fn a_partial_of_another_prover_instance_or_order_is_refused() {
    let order = |rejection: Rejection| matches!(rejection, Rejection::Order { .. });
    let count = |rejection: Rejection| matches!(rejection, Rejection::Count { .. });
    assert!(aggregated_otherwise(refused(|proof| proof.partials[0].prover = ProverKey(key(7).0))));
    assert!(order(refused(|proof| proof.partials.swap(0, 1))));
    assert!(count(refused(|proof| proof.partials.truncate(1))));
    assert!(count(refused(|proof| proof.partials.push(proof.partials[0].clone()))));
    assert!(order(refused(|proof| proof.partials[1] = proof.partials[0].clone())));
    assert!(order(refused(|proof| proof.partials[0].id.index += 1)));
    assert!(aggregated_otherwise(refused(|proof| proof.aggregator = ProverKey(key(7).0))));
}

/// The aggregation proof is of other partial proofs, or of another maker.
fn aggregated_otherwise(rejection: Rejection) -> bool {
    matches!(rejection, Rejection::Aggregation(_))
}

fn changed_bytes_and_sums_are_refused() {
    assert!(aggregated_otherwise(refused(|proof| proof.partials[0].proof[0] ^= 1)));
    let last = |proof: &mut FullProof| proof.partials[2].proof.len() - 1;
    assert!(aggregated_otherwise(refused(|proof| {
        let at = last(proof);
        proof.partials[2].proof[at] ^= 1;
    })));
    assert!(aggregated_otherwise(refused(|proof| proof.partials[0].proof.truncate(100))));
    assert!(aggregated_otherwise(refused(|proof| proof.partials[0].proof.push(0))));
    assert!(aggregated_otherwise(refused(|proof| proof.aggregation[40] ^= 1)));
    // Two sums that still cancel, and one that does not.
    let one = quintet_air::F::from(1);
    assert!(aggregated_otherwise(refused(|proof| {
        proof.partials[0].sum += one;
        proof.partials[1].sum -= one;
    })));
    assert_eq!(refused(|proof| proof.partials[0].sum += one), Rejection::Bus);
    assert!(aggregated_otherwise(refused(|proof| proof.partials[0].boundary[0] += one)));
}

fn another_statement_is_refused() {
    let Proven { circuits, job, proof, .. } = proven();
    let sized = circuits.at(K).unwrap();
    let verify = |change: &dyn Fn(&mut quintet_plonk::Statement)| {
        let mut statement = job.statement();
        change(&mut statement);
        verify_full(&sized.keys, &sized.program, &statement, proof).expect_err("the statement is proven")
    };
    assert_eq!(verify(&|statement| statement.outputs[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.outputs.truncate(3)), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.outputs.push(0)), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.job_root[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.input_root[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.plan_root[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.exit_code = 1), Rejection::ExitCode(1));
    assert!(matches!(verify(&|statement| statement.program_id.0[0] ^= 1), Rejection::Program { .. }));
    assert!(matches!(verify(&|statement| statement.machine_id.0[0] ^= 1), Rejection::Machine { .. }));
}

fn a_commitment_is_the_same_for_every_prover_and_attempt() {
    let Proven { job, round, .. } = proven();
    let again = job.commit(&job.prover(&key(200)), InstanceIndex(3)).unwrap();
    assert_eq!(again.digest().0, round.digests()[3].0);
}
