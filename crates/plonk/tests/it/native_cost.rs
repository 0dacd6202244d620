//! What a proof costs with each path and with upstream: a quick look; `make bench-prover` compares with optimised peers.

use std::{fs, time::Instant};

use quintet_arith::Path;
use quintet_machine::AirId;
use quintet_plonk::{Backend, Native, ParamsCache, Upstream, Witness};

use crate::workload::{Instance, plan};

/// Processor time of this process, in seconds, to a hundredth.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

fn measure<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (start, wall) = (cpu(), Instant::now());
    let made = work();
    println!("{what:40} {:7.2} s CPU {:7.2} s", cpu() - start, wall.elapsed().as_secs_f64());
    made
}

#[test]
#[ignore = "a measurement: QUINTET_COST_K, QUINTET_COST_AIRS, QUINTET_COST_UPSTREAM"]
fn cost_of_a_proof() {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let k: u32 = variable("QUINTET_COST_K", "14").parse().unwrap();
    let with_upstream = variable("QUINTET_COST_UPSTREAM", "1") == "1";
    let airs = variable("QUINTET_COST_AIRS", "cpu,keccak");
    let cache = ParamsCache::new(ParamsCache::default_folder().unwrap());
    let params = measure("parameters", || cache.load(k, &|_| {}).unwrap());
    let planned = measure("plan", || plan(2900 >> 16u32.saturating_sub(k), k));
    for air in AirId::ALL.into_iter().filter(|air| airs.split(',').any(|name| name == air.name())) {
        let instance = measure(&format!("{air}: trace and keys"), || Instance::first(&params, &planned, air));
        measure("second phase", || instance.with_witness(|_| ()));
        let mut proofs = Vec::new();
        for path in Path::available() {
            let native = Native::new(*path);
            native.prepare(&instance.key);
            let commit = || native.commit_phase_one(&instance.key, &instance.trace, &instance.blinds()).unwrap();
            let first = measure(&format!("{path:?}: commit"), commit);
            proofs.push(instance.with_witness(|witness| {
                let witness = Witness { resident: first.resident.as_ref(), ..witness };
                measure(&format!("{path:?}: prove"), || native.prove(&instance.key, &witness).unwrap())
            }));
        }
        if with_upstream {
            let upstream = Upstream::default();
            upstream.prepare(&instance.key).unwrap();
            proofs.push(
                instance
                    .with_witness(|witness| measure("upstream: prove", || upstream.prove(&instance.key, &witness).unwrap())),
            );
        }
        assert!(proofs.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
