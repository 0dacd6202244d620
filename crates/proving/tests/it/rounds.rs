//! What cannot be chosen once the challenge is known, and what cannot be proven at all.

use quintet_air::F;
use quintet_machine::{AirId, airs};
use quintet_plonk::{Committed, Digest, Error, InstanceId, PartialProof, Prover, Rejection, Round, TraceSource};
use quintet_types::InstanceIndex;

use crate::fixture::{K, Proven, by_proof, key, nothing_missing, proven, refused, refused_partial};

/// Place of the instance of `word` in the plan.
fn word() -> usize {
    let air = AirId::Word.number();
    proven().partials.iter().position(|partial| partial.id.air == air).expect("the program loads words")
}

/// A round of the same statement with another D.
fn round_with(change: impl FnOnce(&mut Vec<Digest>)) -> Result<Round, Rejection> {
    let Proven { round, .. } = proven();
    let mut digests = round.digests().to_vec();
    change(&mut digests);
    let (keys, program) = (round.keys().clone(), round.program().clone());
    Round::new(keys, program, round.statement().clone(), round.plan().clone(), digests)
}

/// A second commitment to the same instance, as good as the first: a cell that means nothing is another. Returns who made it, too.
fn second_commitment() -> (Prover, Committed) {
    let Proven { job, partials, .. } = proven();
    let id = partials[word()].id;
    let mut trace = job.trace(InstanceIndex(word() as u32)).unwrap();
    let spec = airs::spec(AirId::Word, K);
    trace.columns[spec.column("clock").unwrap()].set(spec.height() - 1, F::from(5));
    let prover = job.prover(&key(4));
    let committed = prover.commit(id, trace).unwrap();
    (prover, committed)
}

pub(crate) fn digests_of_one_instance_cannot_be_mixed() {
    let Proven { round, partials, .. } = proven();
    let (prover, second) = second_commitment();
    assert_ne!(second.digest, round.digests()[word()]);
    // Under a D that holds it, it is proven as well as the first ...
    let other = round_with(|digests| digests[word()] = second.digest).unwrap();
    let partial = prover.prove(&other, &second).unwrap();
    assert_eq!(other.verify_partial(&partial), Ok(()));
    // ... but in no round both count, and no D holds both.
    assert!(matches!(round.verify_partial(&partial), Err(Rejection::Digest { .. })));
    assert!(matches!(other.verify_partial(&partials[word()]), Err(Rejection::Digest { .. })));
    let count = partials.len();
    let both = round_with(|digests| digests.insert(word(), second.digest)).unwrap_err();
    assert_eq!(both, Rejection::Digests { expected: count, got: count + 1 });
}

pub(crate) fn a_proof_of_another_trace_than_the_committed_one_is_refused() {
    let Proven { round, partials, .. } = proven();
    let (prover, second) = second_commitment();
    assert!(matches!(prover.prove(round, &second), Err(Error::NotCommitted { .. })));
    // The proof of the second trace with the first one's commitments in front.
    let other = round_with(|digests| digests[word()] = second.digest).unwrap();
    let honest = &partials[word()];
    let mut hybrid: PartialProof = prover.prove(&other, &second).unwrap();
    let points = 32 * airs::spec(AirId::Word, K).phase_one;
    hybrid.proof[..points].copy_from_slice(&honest.proof[..points]);
    assert!(by_proof(&round.verify_partial(&hybrid).unwrap_err()));
}

pub(crate) fn a_boundary_value_cannot_be_solved_for_after_the_challenge() {
    let Proven { round, partials, .. } = proven();
    // The clock with which the second segment begins.
    assert!(matches!(refused_partial(1, |partial| partial.boundary[1] += F::from(1)), Rejection::Digest { .. }));
    // A D that holds the wrong value has another challenge, and no proof: a gate ties the value to the first phase.
    let mut commitment = quintet_plonk::Commitment {
        id: partials[1].id,
        k: K,
        boundary: partials[1].boundary,
        points: partials[1].proof[..32 * airs::spec(AirId::Cpu, K).phase_one]
            .chunks_exact(32)
            .map(|point| point.try_into().unwrap())
            .collect(),
    };
    assert_eq!(commitment.digest(), round.digests()[1]);
    commitment.boundary[1] += F::from(1);
    let other = round_with(|digests| digests[1] = commitment.digest()).unwrap();
    assert_ne!(other.challenge(), round.challenge());
    let mut forged = partials[1].clone();
    forged.boundary = commitment.boundary;
    assert!(by_proof(&other.verify_partial(&forged).unwrap_err()));
}

pub(crate) fn an_output_cannot_be_solved_for_after_the_challenge() {
    let Proven { round, .. } = proven();
    // Outputs are hashed before D is: each choice has a challenge of its own.
    let mut statement = round.statement().clone();
    statement.outputs[0] ^= 1;
    let (keys, program) = (round.keys().clone(), round.program().clone());
    let other = Round::new(keys, program, statement, round.plan().clone(), round.digests().to_vec()).unwrap();
    assert_ne!(other.challenge(), round.challenge());
    assert_eq!(other.verify_full(&proven().proof), Err(Rejection::Bus));
}

pub(crate) fn sums_that_cancel_are_refused_alone() {
    let Proven { job, round, partials, .. } = proven();
    let mut forged = partials.clone();
    forged[0].sum += F::from(1);
    forged[1].sum -= F::from(1);
    assert!(by_proof(&round.verify_partial(&forged[0]).unwrap_err()));
    assert!(by_proof(&round.verify_partial(&forged[1]).unwrap_err()));
    let verdicts = round.verify_partials(&forged);
    assert!(verdicts[0].is_err() && verdicts[1].is_err() && verdicts[2..].iter().all(Result::is_ok));
    // The sums add up, so that the aggregate can be made; it is refused for its parts.
    let proof = job.prover(&key(9)).aggregate(round, forged, &nothing_missing).unwrap();
    assert!(by_proof(&round.verify_full(&proof).unwrap_err()));
    assert!(matches!(refused(|proof| proof.partials[0].sum += F::from(1)), Rejection::Bus));
}

/// Traces of the honest execution.
struct Honest;

impl TraceSource for Honest {
    fn trace(&self, id: InstanceId) -> Result<quintet_air::Trace, Box<dyn std::error::Error + Send + Sync>> {
        let Proven { job, partials, .. } = proven();
        let place = partials.iter().position(|partial| partial.id == id).ok_or("no such instance")?;
        Ok(job.trace(InstanceIndex(place as u32))?)
    }
}

pub(crate) fn a_wrong_output_cannot_be_proven_anew() {
    let Proven { job, .. } = proven();
    let mut statement = job.statement();
    statement.outputs[1] ^= 1;
    let result = job.prover(&key(5)).prove_full(statement, job.shape().clone(), &Honest);
    assert!(matches!(result, Err(Error::Rejected(Rejection::Bus))), "{result:?}");
}

pub(crate) fn a_trace_that_breaks_a_constraint_has_no_proof() {
    let Proven { job, partials, .. } = proven();
    // The loaded word is another than the one that was there.
    let spec = airs::spec(AirId::Word, K);
    let mut trace = job.trace(InstanceIndex(word() as u32)).unwrap();
    trace.columns[spec.column("value").unwrap()].set(0, F::from(6));
    let prover = job.prover(&key(4));
    let committed = prover.commit(partials[word()].id, trace).unwrap();
    let round = round_with(|digests| digests[word()] = committed.digest).unwrap();
    match prover.prove(&round, &committed) {
        Ok(partial) => assert!(by_proof(&round.verify_partial(&partial).unwrap_err())),
        Err(error) => assert!(!matches!(error, Error::NotCommitted { .. }), "{error}"),
    }
}

pub(crate) fn commitments_do_not_depend_on_the_number_of_threads() {
    let Proven { job, round, commits, .. } = proven();
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let prover = job.prover(&key(1));
            let digests: Vec<_> =
                (0..job.instances()).map(|i| job.commit(&prover, InstanceIndex(i as u32)).unwrap().digest()).collect();
            (digests, commits[0].prove(&prover, round).unwrap())
        })
    };
    let (one, four) = (with_threads(1), with_threads(4));
    assert_eq!(one.0, four.0);
    assert_eq!(one.0, round.digests().iter().map(|digest| digest.0.into()).collect::<Vec<quintet_types::Root>>());
    assert_eq!(one.1, four.1, "the same proof, too");
}
