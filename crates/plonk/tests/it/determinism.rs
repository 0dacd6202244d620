//! Honest provers publish the same bytes, whatever their machines.

use quintet_plonk::{BlindSeed, InstanceId, Prover, ProverKey};

use crate::toy::{K, Toy, honest, trace};

#[test]
fn thread_counts_do_not_change_commitments_and_proofs() {
    let honest = honest();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let toy = Toy::new(K);
            assert_eq!(toy.keys.id(), Toy::shared().keys.id());
            assert_eq!(toy.program.id(), Toy::shared().program.id());
            let committed = toy.prover(1).commit(honest.partials[0].id, trace(honest.partials[0].id, K)).unwrap();
            assert_eq!(committed.commitment, honest.committed[0].commitment);
            assert_eq!(toy.prover(1).prove(&honest.round, &committed).unwrap(), honest.partials[0]);
        });
    }
}

#[test]
fn commitments_depend_on_the_block_but_pinned_columns_do_not() {
    let toy = Toy::shared();
    let commit = |seed: BlindSeed, air: u16| {
        let prover = Prover::new(toy.keys.clone(), toy.program.clone(), toy.backend.clone(), seed, ProverKey([1; 48]));
        let id = InstanceId { air, index: 0 };
        prover.commit(id, trace(id, K)).unwrap().commitment.points
    };
    let seed = BlindSeed { block_root: [9; 32], sub_block: 0, plan_root: [2; 32] };
    let base = commit(seed, 2);
    for other in [
        BlindSeed { block_root: [8; 32], ..seed },
        BlindSeed { sub_block: 1, ..seed },
        BlindSeed { plan_root: [8; 32], ..seed },
    ] {
        let points = commit(other, 2);
        assert_eq!(points[..4], base[..4], "the program's columns");
        assert!(points[4..].iter().zip(&base[4..]).all(|(a, b)| a != b), "the job's columns");
    }
}
