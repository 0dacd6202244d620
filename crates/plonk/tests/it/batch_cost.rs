//! What verifying 800 partial proofs costs, with 0, 1 and 40 bad ones. Run it with
//! `cargo test --release -p quintet-plonk --test it -- --ignored --nocapture batch`; `QUINTET_BATCH_K` sets the size,
//! `QUINTET_BATCH_DISTINCT` how many different proofs the 800 are made of.

use std::time::Instant;

use quintet_air::F;
use quintet_plonk::PartialProof;

use crate::toy::{Toy, plan, trace};

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Seconds of processor time that this process has used, on Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

#[test]
#[ignore = "takes minutes"]
fn batch_of_800_partials() {
    let toy = Toy::new(setting("QUINTET_BATCH_K", 10) as u32);
    let k = toy.keys.k();
    let committed: Vec<_> = plan(k).instances.iter().map(|id| toy.prover(0).commit(*id, trace(*id, k)).unwrap()).collect();
    let round = toy.round(&committed);
    let distinct: Vec<PartialProof> = (0..setting("QUINTET_BATCH_DISTINCT", 40))
        .map(|n| toy.prover(n as u8).prove(&round, &committed[n % committed.len()]).unwrap())
        .collect();
    let partials: Vec<PartialProof> = distinct.iter().cycle().take(800).cloned().collect();
    println!("k = {k}, {} of 800 proofs are different, {} bytes each at most", distinct.len(), partials[0].proof.len());

    let single = (Instant::now(), cpu_seconds());
    round.verify_partial(&partials[0]).unwrap();
    println!("one alone: {:.3} s, {:.2} s of processor", single.0.elapsed().as_secs_f64(), cpu_seconds() - single.1);
    for bad in [0, 1, 40] {
        let mut batch = partials.clone();
        for n in 0..bad {
            batch[(n * 331 + 7) % 800].sum += F::from(1);
        }
        let start = (Instant::now(), cpu_seconds());
        let refused = round.verify_partials(&batch).iter().filter(|result| result.is_err()).count();
        println!("{bad} bad: {:.2} s, {:.2} s of processor", start.0.elapsed().as_secs_f64(), cpu_seconds() - start.1);
        assert_eq!(refused, bad);
    }
}
