//! The soundness traps of upstream's API, one test each.

use std::sync::Arc;

use group::GroupEncoding;
use halo2_proofs::{
    plonk::{SingleVerifier, verify_proof},
    transcript::{Blake2bRead, Challenge255},
};
use quintet_air::{Air, AirSpec, Builder, Cell, ColumnClass, ColumnInfo, F, build, public};
use quintet_plonk::{AirKey, AirKind, Digest, Encode, Error, Params, Point, Rejection, challenge, own_challenge};

use crate::toy::{K, Square, Toy, Walk, honest, plan, trace};

fn params() -> Arc<Params> {
    Arc::clone(Toy::shared().keys.params())
}

fn refused(spec: AirSpec) -> String {
    match AirKey::new(&params(), spec, AirKind::Execution) {
        Err(Error::Spec { reason, .. }) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Trap 1: upstream takes the challenge as any public value.
#[test]
fn the_challenge_follows_from_every_digest_and_every_part_of_the_statement() {
    let (toy, honest) = (Toy::shared(), honest());
    let statement = toy.statement();
    let digests = honest.round.digests().to_vec();
    let base = challenge(&statement, &digests);
    assert_eq!(base, *honest.round.challenge());

    for place in 0..digests.len() {
        let mut changed = digests.clone();
        changed[place].0[31] ^= 1;
        assert_ne!(challenge(&statement, &changed), base);
    }
    let mut swapped = digests.clone();
    swapped.swap(0, 1);
    assert_ne!(challenge(&statement, &swapped), base);
    assert_ne!(challenge(&statement, &digests[1..]), base);
    assert_ne!(own_challenge(&statement, &digests, toy.prover(1).key()), base);

    let changes: [fn(&mut quintet_plonk::Statement); 8] = [
        |s| s.version += 1,
        |s| s.machine_id.0[0] ^= 1,
        |s| s.program_id.0[0] ^= 1,
        |s| s.job_root[0] ^= 1,
        |s| s.plan_root[0] ^= 1,
        |s| s.input_root[0] ^= 1,
        |s| s.outputs.push(0),
        |s| s.exit_code = 1,
    ];
    for change in changes {
        let mut changed = statement.clone();
        change(&mut changed);
        assert_ne!(challenge(&changed, &digests), base);
    }
}

/// Trap 1, in a proof: it holds under the one challenge that it was made with.
#[test]
fn a_partial_of_a_round_with_another_digest_elsewhere_is_refused() {
    let (toy, honest) = (Toy::shared(), honest());
    let mut digests = honest.round.digests().to_vec();
    digests[3] = Digest([8; 32]);
    let other = quintet_plonk::Round::new(toy.keys.clone(), toy.program.clone(), toy.statement(), plan(K), digests).unwrap();
    let refused = other.verify_partial(&honest.partials[0]);
    assert!(matches!(refused, Err(Rejection::Proof { .. })), "{refused:?}");
}

/// Trap 2: upstream reads what it needs and leaves the rest, and pads instances with zeros.
#[test]
fn bytes_after_a_proof_and_zeros_after_an_instance_are_refused() {
    let (toy, honest) = (Toy::shared(), honest());
    let partial = &honest.partials[0];
    let mut long = partial.clone();
    long.proof.push(0);

    let key = toy.keys.air(partial.id.air).unwrap();
    let mut values = vec![honest.round.challenge().alpha, honest.round.challenge().beta];
    values.extend([u64::from(partial.id.air), u64::from(partial.id.index)].map(F::from));
    values.extend(partial.boundary);
    values.push(partial.sum);
    values.push(quintet_plonk::binding(&partial.prover, &toy.statement().job_root, partial.id));
    assert_eq!(values.len(), public::COUNT);
    values.push(F::from(0));
    let mut transcript = Blake2bRead::<_, Point, Challenge255<Point>>::init(&long.proof[..]);
    let params = key.params.upstream();
    verify_proof(params, &key.vk, SingleVerifier::new(params), &[&[&values]], &mut transcript)
        .expect("upstream accepts both, which is the trap");

    let refused = honest.round.verify_partial(&long);
    assert!(matches!(refused, Err(Rejection::ProofLength { .. })), "{refused:?}");
    let mut bytes = partial.encode();
    bytes.push(0);
    assert!(quintet_plonk::PartialProof::decode(&bytes).is_err());
}

/// Trap 3: a proof begins with the first-phase commitments, in column order.
#[test]
fn the_first_points_of_a_proof_are_those_of_the_commitment() {
    let honest = honest();
    for (partial, committed) in honest.partials.iter().zip(&honest.committed) {
        let points = committed.commitment.points.concat();
        assert_eq!(partial.proof[..points.len()], points);
    }
}

/// Trap 3: with other points in their place the proof has another digest.
#[test]
fn a_proof_of_another_trace_than_committed_is_refused() {
    let (toy, honest) = (Toy::shared(), honest());
    let place = honest.round.plan().instances.iter().position(|id| id.air == Square::ID).unwrap();
    let id = honest.round.plan().instances[place];
    let mut other = trace(id, K);
    let spec = &toy.keys.air(id.air).unwrap().spec;
    other.columns[spec.column("on").unwrap()].set(40, F::from(0));
    let committed = toy.prover(1).commit(id, other).unwrap();
    assert_ne!(committed.digest, honest.committed[place].digest);
    assert!(matches!(toy.prover(1).prove(&honest.round, &committed), Err(Error::NotCommitted { .. })));

    let mut digests = honest.round.digests().to_vec();
    digests[place] = committed.digest;
    let round = quintet_plonk::Round::new(toy.keys.clone(), toy.program.clone(), toy.statement(), plan(K), digests).unwrap();
    let partial = toy.prover(1).prove(&round, &committed).unwrap();
    let refused = honest.round.verify_partial(&partial);
    assert!(matches!(refused, Err(Rejection::Digest { .. })), "{refused:?}");
}

/// Trap 4: values in the instance column that no gate reads prove nothing.
#[test]
fn a_description_that_leaves_a_public_value_unpinned_is_refused() {
    for place in [public::ALPHA, public::BETA, public::AIR, public::BOUNDARY, public::BOUNDARY + 3, public::SUM] {
        let mut spec = build::<Walk>(K).unwrap().1;
        spec.constraints.retain(|constraint| !constraint.expr.cells().contains(&Cell::Public(place)));
        assert!(!refused(spec).is_empty());
    }
}

/// Trap 4: no flag can be set in the last rows, where cells are the prover's to choose.
#[test]
fn a_fixed_column_that_is_set_after_the_end_row_is_refused() {
    let mut spec = build::<Walk>(K).unwrap().1;
    let row = spec.height() + 1;
    spec.fixed[0].values[row] = F::from(1);
    assert!(refused(spec).contains("after the end row"));
}

/// Trap 4: rotation −1 at row 0 reads the last row, which is free.
#[test]
fn a_constraint_that_looks_above_the_first_row_does_not_build() {
    struct Above;
    impl Air for Above {
        const ID: u16 = 1;
        const NAME: &'static str = "above";
        fn build(b: &mut Builder) -> Self {
            let x = b.field("x");
            b.everywhere("previous", x.at(-1) - x);
            Self
        }
    }
    assert!(matches!(build::<Above>(K), Err(quintet_air::Error::Outside { row: 0, .. })));
}

/// Trap 5: upstream commits to a column that no gate reads, and never opens it.
#[test]
fn a_column_that_no_gate_reads_is_refused() {
    let mut spec = build::<Walk>(K).unwrap().1;
    spec.columns.push(ColumnInfo { name: "idle".into(), class: ColumnClass::Field, pinned: false });
    assert!(refused(spec).contains("idle is committed but never opened"));
}

/// Trap 6: the points of a commitment mean something for one k and one number of columns only.
#[test]
fn a_digest_is_bound_to_k_and_to_the_number_of_columns() {
    let honest = honest();
    let commitment = &honest.committed[0].commitment;
    let mut other = commitment.clone();
    other.k += 1;
    assert_ne!(other.digest(), commitment.digest());
    let mut other = commitment.clone();
    other.points.pop();
    assert_ne!(other.digest(), commitment.digest());

    let mut partial = honest.partials[0].clone();
    partial.k += 1;
    assert_eq!(honest.round.verify_partial(&partial), Err(Rejection::Size { expected: K, got: K + 1 }));
    assert!(AirKey::new(&params(), build::<Walk>(K + 1).unwrap().1, AirKind::Execution).is_err());
}

/// The identity cannot be written into a transcript: blinds keep zero columns off it.
#[test]
fn a_column_of_zeros_commits_to_a_point() {
    let honest = honest();
    let image = honest.round.plan().instances.iter().position(|id| id.air == crate::toy::Image::ID).unwrap();
    let index = Toy::shared().keys.air(crate::toy::Image::ID).unwrap().spec.column("index").unwrap();
    assert_eq!(trace(honest.round.plan().instances[image], K).get(index, 0), F::from(0));
    let point = Point::from_bytes(&honest.committed[image].commitment.points[index]).unwrap();
    assert!(!bool::from(group::CurveAffine::is_identity(&point)));
}
