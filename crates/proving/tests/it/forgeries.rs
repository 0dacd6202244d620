//! Proofs handed in as something else, changed, or put together wrongly.

use quintet_machine::AirId;
use quintet_plonk::{
    DecodeError, Encode as _, Error, FullProof, InstanceId, PartialProof, ProverKey, Rejection, Round, Statement, verify_full,
};

use crate::fixture::{K, Proven, by_proof, job, key, nothing_missing, proven, refused, refused_partial};

pub(crate) fn honest_proofs_verify() {
    let Proven { circuits, job, round, partials, proof, .. } = proven();
    assert!(round.verify_partials(partials).into_iter().all(|verdict| verdict.is_ok()));
    let sized = circuits.at(K).unwrap();
    assert_eq!(verify_full(&sized.keys, &sized.program, &job.statement(), proof), Ok(()));
    assert_eq!(round.verify_full(proof), Ok(()));
    assert_eq!(job.statement().outputs, [5, u64::from_le_bytes(*b"input\0\0\0")]);
    assert_eq!([partials[0].id, partials[1].id], [0, 1].map(|index| InstanceId { air: AirId::Cpu.number(), index }));
}

pub(crate) fn a_partial_is_bound_to_its_prover() {
    assert!(by_proof(&refused_partial(0, |partial| partial.prover = ProverKey(key(7).0))));
    assert!(matches!(refused(|proof| proof.partials[0].prover = ProverKey(key(7).0)), Rejection::Aggregation(_)));
}

pub(crate) fn a_partial_is_bound_to_its_job() {
    let Proven { circuits, round, partials, .. } = proven();
    // Another job with the same program, input and digests.
    let statement = Statement { job_root: job(circuits, 2).statement().job_root, ..round.statement().clone() };
    let (keys, program) = (round.keys().clone(), round.program().clone());
    let other = Round::new(keys, program, statement, round.plan().clone(), round.digests().to_vec()).unwrap();
    assert!(by_proof(&other.verify_partial(&partials[0]).unwrap_err()));
}

pub(crate) fn a_partial_is_bound_to_its_instance() {
    let of = |place: usize| proven().partials[place].id;
    assert!(matches!(refused_partial(0, |partial| partial.id = of(1)), Rejection::Digest { .. }));
    assert!(matches!(refused_partial(0, |partial| partial.id = of(2)), Rejection::ProofLength { .. }));
    let missing = InstanceId { index: 2, ..of(0) };
    assert_eq!(refused_partial(0, |partial| partial.id = missing), Rejection::NotInPlan(missing));
    assert!(matches!(refused_partial(0, |partial| partial.k = 12), Rejection::Size { expected: 11, got: 12 }));
}

pub(crate) fn a_partial_is_bound_to_its_challenge() {
    let Proven { round, partials, .. } = proven();
    // Another digest of another instance moves the challenge of all.
    let mut digests = round.digests().to_vec();
    digests[3].0[0] ^= 1;
    let (keys, program) = (round.keys().clone(), round.program().clone());
    let statement = round.statement().clone();
    let other = Round::new(keys.clone(), program.clone(), statement.clone(), round.plan().clone(), digests).unwrap();
    assert!(by_proof(&other.verify_partial(&partials[0]).unwrap_err()));
    // So does the domain of self-made proofs.
    let own = Round::own(keys, program, statement, round.plan().clone(), round.digests().to_vec(), partials[0].prover).unwrap();
    assert!(by_proof(&own.verify_partial(&partials[0]).unwrap_err()));
    assert!(matches!(own.verify_partial(&partials[1]).unwrap_err(), Rejection::ForeignPartial(_)));
}

pub(crate) fn swapped_elements_are_refused() {
    let elements = proven().partials[0].proof.len() / 32;
    // The first two neighbours from there on that differ: evaluations of empty columns are equal.
    let swap = |from: usize| {
        refused_partial(0, |partial| {
            let mut pairs = partial.proof[32 * from..].windows(64).step_by(32);
            let place = from + pairs.position(|pair| pair[..32] != pair[32..]).unwrap();
            partial.proof[32 * place..32 * place + 64].rotate_left(32);
        })
    };
    // Commitments of the first phase, evaluations, the last two scalars.
    assert!(matches!(swap(3), Rejection::Digest { .. }));
    assert!(by_proof(&swap(elements / 2)) && by_proof(&swap(elements - 2)));
    let flipped = |at: usize| refused_partial(0, |partial| partial.proof[at] ^= 1);
    assert!(matches!(flipped(0), Rejection::Digest { .. }));
    assert!(by_proof(&flipped(32 * elements - 1)) && by_proof(&flipped(16 * elements)));
}

pub(crate) fn truncated_and_extended_proofs_are_refused() {
    let is_length = |rejection: Rejection| matches!(rejection, Rejection::ProofLength { .. });
    assert!(is_length(refused_partial(0, |partial| partial.proof.truncate(partial.proof.len() - 1))));
    assert!(is_length(refused_partial(0, |partial| partial.proof.push(0))));
    assert!(is_length(refused_partial(0, |partial| partial.proof.extend([0; 32]))));
    assert!(is_length(refused_partial(0, |partial| partial.proof.clear())));
    assert!(matches!(refused(|proof| proof.aggregation.push(0)), Rejection::Aggregation(_)));
    assert!(matches!(refused(|proof| proof.aggregation.truncate(100)), Rejection::Aggregation(_)));
    assert!(matches!(refused(|proof| proof.aggregation[40] ^= 1), Rejection::Aggregation(_)));
}

pub(crate) fn truncated_and_extended_encodings_are_refused() {
    let bytes = proven().proof.encode();
    assert_eq!(FullProof::decode(&bytes).as_ref(), Ok(&proven().proof));
    assert!(matches!(FullProof::decode(&bytes[..bytes.len() - 1]), Err(DecodeError::Short(_))));
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(FullProof::decode(&longer), Err(DecodeError::Trailing(1)));
    let mut other = bytes;
    other[3] ^= 1;
    assert!(matches!(FullProof::decode(&other), Err(DecodeError::Version { .. })));
}

pub(crate) fn scalars_that_are_not_canonical_are_refused() {
    // The last scalar and the field's order, as a second name for it.
    let order = [0x992d_30ed_0000_0001u64, 0x2246_98fc_094c_f91b, 0, 0x4000_0000_0000_0000];
    let alias = |partial: &mut PartialProof| {
        let at = partial.proof.len() - 32;
        let mut carry = 0;
        for (bytes, limb) in partial.proof[at..].chunks_exact_mut(8).zip(order) {
            let value = u64::from_le_bytes(bytes.try_into().unwrap());
            let sum = u128::from(value) + u128::from(limb) + carry;
            bytes.copy_from_slice(&(sum as u64).to_le_bytes());
            carry = sum >> 64;
        }
    };
    assert!(by_proof(&refused_partial(0, alias)));
    let mut bytes = proven().partials[0].encode();
    let boundary = 4 + 6 + 1 + 48;
    bytes[boundary..boundary + 32].fill(0xff);
    assert_eq!(PartialProof::decode(&bytes), Err(DecodeError::Scalar("boundary value")));
}

pub(crate) fn an_aggregate_without_an_instance_is_refused() {
    let count = proven().proof.partials.len();
    let short = Rejection::Count { expected: count, got: count - 1 };
    assert_eq!(refused(|proof| drop(proof.partials.pop())), short);
    // Not the last either; and where plan and D come from the proof itself, the plan's own rules and the bus refuse it.
    assert_eq!(refused(|proof| drop(proof.partials.remove(1))), short);
    assert_eq!(refused(|proof| proof.partials.clear()), Rejection::Count { expected: count, got: 0 });
}

pub(crate) fn an_aggregate_with_an_instance_twice_is_refused() {
    assert!(matches!(refused(|proof| proof.partials.push(proof.partials[0].clone())), Rejection::Count { .. }));
    let twice = refused(|proof| proof.partials[1] = proof.partials[0].clone());
    assert!(matches!(twice, Rejection::Order { place: 1, .. }));
}

pub(crate) fn an_aggregate_in_another_order_is_refused() {
    assert!(matches!(refused(|proof| proof.partials.swap(0, 1)), Rejection::Order { place: 0, .. }));
}

pub(crate) fn an_aggregate_with_a_foreign_partial_is_refused() {
    let Proven { circuits, job: own, commits, round, partials, .. } = proven();
    // Valid in this round, by another prover than the one that was aggregated.
    let another = commits[0].prove(&own.prover(&key(8)), round).unwrap();
    assert_eq!(round.verify_partial(&another), Ok(()));
    assert!(matches!(refused(|proof| proof.partials[0] = another), Rejection::Aggregation(_)));
    // Valid in another job, aggregated here by one who did not look.
    let other = job(circuits, 2);
    let prover = other.prover(&key(1));
    let foreign = other.commit(&prover, quintet_types::InstanceIndex(0)).unwrap();
    let mut digests = round.digests().to_vec();
    digests[0].0 = foreign.digest().0;
    let digests: Vec<_> = digests.iter().map(|digest| digest.0.into()).collect();
    let mut foreign = foreign.prove(&prover, &other.round(&digests).unwrap()).unwrap();
    let aggregate = |partial: &PartialProof| {
        let found = [&[partial.clone()][..], &partials[1..]].concat();
        own.prover(&key(9)).aggregate(round, found, &nothing_missing)
    };
    assert!(matches!(aggregate(&foreign), Err(Error::Rejected(Rejection::Bus))));
    foreign.sum = partials[0].sum;
    let proof = aggregate(&foreign).unwrap();
    assert!(matches!(round.verify_full(&proof), Err(Rejection::Digest { .. })));
}

pub(crate) fn an_aggregate_is_bound_to_its_maker() {
    assert!(matches!(refused(|proof| proof.aggregator = ProverKey(key(7).0)), Rejection::Aggregation(_)));
}

pub(crate) fn another_statement_is_refused() {
    let Proven { circuits, job, proof, .. } = proven();
    let sized = circuits.at(K).unwrap();
    let verify = |change: &dyn Fn(&mut Statement)| {
        let mut statement = job.statement();
        change(&mut statement);
        verify_full(&sized.keys, &sized.program, &statement, proof).expect_err("the statement is proven")
    };
    assert!(matches!(verify(&|statement| statement.machine_id.0[0] ^= 1), Rejection::Machine { .. }));
    assert!(matches!(verify(&|statement| statement.program_id.0[0] ^= 1), Rejection::Program { .. }));
    assert_eq!(verify(&|statement| statement.version += 1), Rejection::Version(2));
    assert_eq!(verify(&|statement| statement.exit_code = 1), Rejection::ExitCode(1));
    // Whatever else is in it moves the challenge, and with it the public terms.
    assert_eq!(verify(&|statement| statement.outputs[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.outputs.truncate(1)), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.outputs.push(0)), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.job_root[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.input_root[0] ^= 1), Rejection::Bus);
    assert_eq!(verify(&|statement| statement.plan_root[0] ^= 1), Rejection::Bus);
}
