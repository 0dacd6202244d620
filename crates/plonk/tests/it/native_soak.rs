//! Many proofs in one process: the bytes stay the same, and so does the memory.

use std::sync::Arc;

use quintet_machine::AirId;
use quintet_plonk::{Backend, Native, Params, Witness};

use crate::workload::{Instance, plan};

const PROOFS: usize = 500;

/// Proofs after which the process has all the memory that it needs.
const WARM: usize = 100;

/// Resident memory of this process in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory is stated");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

#[test]
#[ignore = "long: 500 proofs"]
fn five_hundred_proofs_in_stable_memory() {
    let (params, native) = (Arc::new(Params::new(10)), Native::default());
    let planned = plan(20, 10);
    let instances: Vec<Instance> = AirId::ALL.into_iter().map(|air| Instance::first(&params, &planned, air)).collect();
    let mut first: Vec<Vec<u8>> = Vec::new();
    let mut warm = 0;
    for number in 0..PROOFS {
        let instance = &instances[number % instances.len()];
        let phase_one = native.commit_phase_one(&instance.key, &instance.trace, &instance.blinds()).unwrap();
        let proof = instance.with_witness(|witness| {
            native.prove(&instance.key, &Witness { resident: phase_one.resident.as_ref(), ..witness }).unwrap()
        });
        match first.get(number % instances.len()) {
            Some(expected) => assert!(*expected == proof, "proof {number} of {}", instance.air),
            None => first.push(proof),
        }
        if number + 1 == WARM {
            warm = resident_kib();
        }
    }
    let end = resident_kib();
    println!("{} MiB after {WARM} proofs, {} MiB after {PROOFS}", warm >> 10, end >> 10);
    assert!(end < warm + warm / 10 + (16 << 10), "memory grew from {warm} KiB to {end} KiB");
}
