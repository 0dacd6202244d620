//! Our prover makes the bytes of upstream's.

use std::sync::Arc;

use quintet_air::{F, Publics, Trace, public};
use quintet_arith::Path;
use quintet_machine::AirId;
use quintet_plonk::{Backend, Digest, Native, Params, ProofBlinds, Prover, Upstream, Witness};

use crate::{
    toy::{K, SEED, Toy, honest, trace},
    workload::{Instance, plan},
};

/// With the points that were kept from the commitment; the toy machine's proofs below are made of nothing but the witness.
fn same_proof(instance: &Instance, natives: &[Native]) {
    let expected = instance.with_witness(|witness| Upstream::default().prove(&instance.key, &witness).unwrap());
    for native in natives {
        let first = native.commit_phase_one(&instance.key, &instance.trace, &instance.blinds()).unwrap();
        let proof = instance.with_witness(|witness| {
            let witness = Witness { resident: first.resident.as_ref(), ..witness };
            native.prove(&instance.key, &witness).unwrap()
        });
        assert!(proof == expected, "{}, {}", instance.air, native.name());
    }
}

/// On every path that this machine has.
fn same_proofs(k: u32, times: u64, airs: impl IntoIterator<Item = AirId>) {
    let params = Arc::new(Params::new(k));
    let natives: Vec<Native> = Path::available().iter().map(|path| Native::new(*path)).collect();
    let planned = plan(times, k);
    for air in airs {
        same_proof(&Instance::first(&params, &planned, air), &natives);
    }
}

#[test]
fn every_air_of_the_machine_gives_upstreams_bytes() {
    same_proofs(10, 20, AirId::ALL);
}

#[test]
fn larger_tables_give_upstreams_bytes() {
    same_proofs(12, 80, [AirId::Add]);
}

#[test]
#[ignore = "long: upstream's prover at k = 14"]
fn every_air_gives_upstreams_bytes_at_full_size() {
    same_proofs(14, 700, AirId::ALL);
}

#[test]
fn thread_counts_and_instructions_do_not_change_the_bytes() {
    let planned = plan(20, 10);
    let instance = Instance::first(&Arc::new(Params::new(10)), &planned, AirId::Compare);
    let prove = |threads: usize, path| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| instance.with_witness(|witness| Native::new(path).prove(&instance.key, &witness).unwrap()))
    };
    let expected = prove(1, Path::Portable);
    for path in Path::available() {
        assert!(prove(4, *path) == expected, "{path:?}");
    }
}

/// Empty tables and the toy machine: zero columns, few interactions, constraints of low degree.
#[test]
fn empty_tables_give_upstreams_bytes() {
    let (toy, native) = (Toy::shared(), Native::default());
    let honest = honest();
    for (committed, partial) in honest.committed.iter().zip(&honest.partials) {
        let prover = Prover::new(toy.keys.clone(), toy.program.clone(), Arc::new(Native::default()), SEED, partial.prover);
        let made = prover.commit(partial.id, trace(partial.id, K)).unwrap();
        assert_eq!(made.commitment, committed.commitment);
        assert_eq!(prover.prove(&honest.round, &made).unwrap(), *partial);
    }
    for air in [1, 4] {
        let key = toy.keys.air(air).unwrap();
        let trace = Trace::new(&key.spec);
        let challenge = honest.round.challenge();
        let second = quintet_air::phase_two(&key.spec, &trace, challenge.alpha, challenge.beta);
        let mut publics = Publics([F::from(0); public::COUNT]);
        (publics.0[public::ALPHA], publics.0[public::BETA]) = (challenge.alpha, challenge.beta);
        publics.0[public::AIR] = F::from(u64::from(air));
        publics.0[public::SUM] = second.sum;
        let blinds = ProofBlinds::derive(&key.layout, &SEED.phase_one(&key.spec, 0), &Digest([0; 32]), &publics);
        let witness = Witness { trace: &trace, resident: None, second: &second, publics, blinds };
        assert!(native.prove(key, &witness).unwrap() == toy.backend.prove(key, &witness).unwrap(), "AIR {air}");
    }
}
