//! One instance of an AIR, proven by our prover on each path, by upstream's and by its fastest fork, in one run on one machine. Compared is
//! processor time: a machine may be busy with other things.

mod fork;
mod measure;
#[path = "../../tests/it/workload.rs"]
mod workload;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use quintet_arith::Path;
use quintet_machine::AirId;
use quintet_plonk::{Backend, Native, Params, ParamsCache, Upstream, Witness};
use serde::Serialize;

use measure::{Cost, measure};
use workload::{Instance, plan};

/// Rounds of the workload that fill the tables at k = 16.
const ROUNDS: u64 = 2900;

#[derive(Parser)]
struct Args {
    /// Sizes.
    #[arg(long, value_delimiter = ',', default_value = "14,16")]
    k: Vec<u32>,
    /// AIRs.
    #[arg(long, value_delimiter = ',', default_value = "cpu,keccak")]
    air: Vec<String>,
    /// Only our prover.
    #[arg(long)]
    ours: bool,
    /// Our paths by name, of those that this machine has; all of them if none is named.
    #[arg(long, value_delimiter = ',')]
    path: Vec<String>,
    /// Proofs of each, of which the fastest counts.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Where results go.
    #[arg(long, default_value = "target/bench/prover.json")]
    out: PathBuf,
}

/// One prover's figures for one AIR at one size.
#[derive(Serialize)]
struct Line {
    prover: &'static str,
    air: String,
    k: u32,
    columns: usize,
    rows: usize,
    commit: Option<Cost>,
    prove: Cost,
    /// Processor time of the fastest prover that we have, over this one's.
    against_ours: f64,
}

fn ours(instance: &Instance, path: Path, repeat: u32) -> Result<(Cost, Cost, Vec<u8>)> {
    let native = Native::new(path);
    // What is made once a size and AIR is not part of a proof.
    native.prepare(&instance.key);
    let (commit, first) = measure(repeat, || native.commit_phase_one(&instance.key, &instance.trace, &instance.blinds()))?;
    let (prove, proof) = instance.with_witness(|witness| {
        let witness = Witness { resident: first.resident.as_ref(), ..witness };
        measure(repeat, || native.prove(&instance.key, &witness))
    })?;
    Ok((commit, prove, proof))
}

fn bench(params: &Arc<Params>, args: &Args, k: u32, name: &str, lines: &mut Vec<Line>) -> Result<()> {
    let air = AirId::ALL.into_iter().find(|air| air.name() == name).with_context(|| format!("no AIR {name}"))?;
    let instance = Instance::first(params, &plan(ROUNDS, k), air);
    let (columns, rows) = (instance.key.spec.columns.len(), instance.key.spec.rows());
    let start = lines.len();
    let mut push = |prover, commit: Option<Cost>, prove: Cost| {
        lines.push(Line { prover, air: name.to_owned(), k, columns, rows, commit, prove, against_ours: 0.0 });
    };
    let mut expected = None;
    for path in Path::available() {
        if !args.path.is_empty() && !args.path.iter().any(|name| name == path.name()) {
            continue;
        }
        let (commit, prove, proof) = ours(&instance, *path, args.repeat)?;
        let name = match path {
            Path::Portable => "ours, portable",
            Path::Avx2 => "ours, AVX2",
            Path::Ifma => "ours, IFMA",
        };
        push(name, Some(commit), prove);
        ensure!(expected.get_or_insert_with(|| proof.clone()) == &proof, "the paths differ");
    }
    if !args.ours {
        let upstream = Upstream::default();
        upstream.prepare(&instance.key)?;
        let (cost, proof) = instance.with_witness(|witness| measure(1, || upstream.prove(&instance.key, &witness)))?;
        ensure!(expected.as_ref() == Some(&proof), "upstream's proof is another");
        push("upstream 0.4.1, asm", None, cost);
        push("zakura 2.2.0, asm", None, fork::prove(&instance)?);
    }
    let total = |line: &Line| line.prove.cpu_s + line.commit.map_or(0.0, |commit| commit.cpu_s);
    let best = lines[start..].iter().filter(|line| line.commit.is_some()).map(total).fold(f64::INFINITY, f64::min);
    for line in &mut lines[start..] {
        line.against_ours = total(line) / best;
        println!(
            "{:8} k = {:2} {:20} commit {:7} s, prove {:7.2} s CPU ({:6.2} s wall), peak {:5} MiB, × {:.2}",
            line.air,
            line.k,
            line.prover,
            line.commit.map_or("–".into(), |commit| format!("{:.2}", commit.cpu_s)),
            line.prove.cpu_s,
            line.prove.wall_s,
            line.prove.peak_mib,
            line.against_ours
        );
    }
    Ok(())
}

fn main() -> Result<()> {
    let args = Args::parse();
    let cache = ParamsCache::new(ParamsCache::default_folder().context("neither HOME nor XDG_CACHE_HOME is set")?);
    let mut lines = Vec::new();
    for &k in &args.k {
        let (cost, params) = measure(1, || cache.load(k, &|_| {}))?;
        println!("parameters, k = {k}: {:.2} s wall, {:.2} s CPU", cost.wall_s, cost.cpu_s);
        for name in &args.air {
            bench(&params, &args, k, name, &mut lines)?;
        }
    }
    if let Some(folder) = args.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&args.out, serde_json::to_vec_pretty(&lines)?)?;
    println!("written to {}", args.out.display());
    Ok(())
}
