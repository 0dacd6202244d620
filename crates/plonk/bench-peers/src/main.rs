//! One instance of an AIR, proven by our prover on each path, by upstream's and by its fastest fork, in one run on one machine. Compared is
//! processor time: a machine may be busy with other things. Provers take turns, and ratios are made within a turn: a machine may be faster in one minute than in
//! the next.

mod fork;
mod measure;
#[path = "../../tests/it/workload.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod workload;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use quintet_arith::Path;
use quintet_machine::AirId;
use quintet_plonk::{Backend, Native, Params, ParamsCache, Upstream, Witness};
use serde::Serialize;

use fork::Fork;
use measure::{Cost, measure};
use workload::{Instance, plan};

/// Names of the peers.
const UPSTREAM: &str = "upstream 0.4.1, asm";
const FORK: &str = "zakura 2.2.0, asm";
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
    /// Turns, each with a proof of every prover.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    turns: u32,
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
    /// What the fastest turn took. The peak of memory is the first turn's, before which only this prover and those of earlier lines were made ready.
    commit: Option<Cost>,
    prove: Cost,
    /// Processor time of each turn.
    turns_s: Vec<f64>,
    /// Upstream's processor time over this one's, median of the turns.
    upstream_over: Option<f64>,
    /// The fork's.
    fork_over: Option<f64>,
}

/// A prover that is made ready when it is first asked.
enum Prover {
    Ours(Path, Option<Native>),
    Upstream(Option<Upstream>),
    Fork(Option<Box<Fork>>),
}

/// What a proof took, with the commitments if they are made before, and the proof if it is to be compared.
type Turn = (Option<Cost>, Cost, Option<Vec<u8>>);

impl Prover {
    fn name(&self) -> &'static str {
        match self {
            Self::Ours(Path::Portable, _) => "ours, portable",
            Self::Ours(Path::Avx2, _) => "ours, AVX2",
            Self::Ours(Path::Ifma, _) => "ours, IFMA",
            Self::Upstream(_) => UPSTREAM,
            Self::Fork(_) => FORK,
        }
    }

    fn prove(&mut self, instance: &Instance) -> Result<Turn> {
        match self {
            Self::Ours(path, native) => {
                // What is made once a size and AIR is not part of a proof.
                let native = native.get_or_insert_with(|| Native::new(*path));
                native.prepare(&instance.key);
                let (commit, first) = measure(|| native.commit_phase_one(&instance.key, &instance.trace, &instance.blinds()))?;
                let (prove, proof) = instance.with_witness(|witness| {
                    let witness = Witness { resident: first.resident.as_ref(), ..witness };
                    measure(|| native.prove(&instance.key, &witness))
                })?;
                Ok((Some(commit), prove, Some(proof)))
            }
            Self::Upstream(upstream) => {
                let upstream = upstream.get_or_insert_with(Upstream::default);
                upstream.prepare(&instance.key)?;
                let (prove, proof) = instance.with_witness(|witness| measure(|| upstream.prove(&instance.key, &witness)))?;
                Ok((None, prove, Some(proof)))
            }
            Self::Fork(fork) => {
                let fork = match fork {
                    Some(fork) => fork,
                    None => fork.insert(Box::new(Fork::new(instance)?)),
                };
                Ok((None, fork.prove()?, None))
            }
        }
    }
}

fn total((commit, prove, _): &Turn) -> f64 {
    prove.cpu_s + commit.map_or(0.0, |commit| commit.cpu_s)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn bench(params: &Arc<Params>, args: &Args, k: u32, name: &str, lines: &mut Vec<Line>) -> Result<()> {
    let air = AirId::ALL.into_iter().find(|air| air.name() == name).with_context(|| format!("no AIR {name}"))?;
    let instance = Instance::first(params, &plan(ROUNDS, k), air);
    let (columns, rows) = (instance.key.spec.columns.len(), instance.key.spec.rows());
    let wanted = |path: &&Path| args.path.is_empty() || args.path.iter().any(|name| name == path.name());
    let mut provers: Vec<Prover> = Path::available().iter().filter(wanted).map(|path| Prover::Ours(*path, None)).collect();
    if !args.ours {
        provers.extend([Prover::Upstream(None), Prover::Fork(None)]);
    }
    let mut expected = None;
    let mut turns: Vec<Vec<Turn>> = provers.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.turns {
        for (prover, turns) in provers.iter_mut().zip(&mut turns) {
            let mut turn = prover.prove(&instance)?;
            if let Some(proof) = turn.2.take() {
                ensure!(*expected.get_or_insert_with(|| proof.clone()) == proof, "the proof by {} is another", prover.name());
            }
            turns.push(turn);
        }
    }
    let times: Vec<Vec<f64>> = turns.iter().map(|turns| turns.iter().map(total).collect()).collect();
    let over = |peer: &str, own: &[f64]| {
        let peer = provers.iter().position(|prover| prover.name() == peer)?;
        Some(median(times[peer].iter().zip(own).map(|(peer, own)| peer / own).collect()))
    };
    for ((prover, turns), own) in provers.iter().zip(&turns).zip(&times) {
        let fastest = turns.iter().min_by(|a, b| total(a).total_cmp(&total(b))).context("no turns")?;
        let (commit, prove) = (fastest.0, Cost { peak_mib: turns[0].1.peak_mib, ..fastest.1 });
        let (upstream_over, fork_over) = (over(UPSTREAM, own), over(FORK, own));
        let ratio = |ratio: Option<f64>| ratio.map_or("–".into(), |ratio| format!("×{ratio:.2}"));
        println!(
            "{name:8} k = {k:2} {:20} commit {:>5} s, prove {:6.2} s CPU ({:6.2} s wall), peak {:5} MiB, against upstream {:>6}, against the fork {:>6}",
            prover.name(),
            commit.map_or("–".into(), |commit| format!("{:.2}", commit.cpu_s)),
            prove.cpu_s,
            prove.wall_s,
            prove.peak_mib,
            ratio(upstream_over),
            ratio(fork_over),
        );
        let (air, turns_s) = (name.to_owned(), own.clone());
        lines.push(Line { prover: prover.name(), air, k, columns, rows, commit, prove, turns_s, upstream_over, fork_over });
    }
    Ok(())
}

fn main() -> Result<()> {
    let args = Args::parse();
    let cache = ParamsCache::new(ParamsCache::default_folder().context("neither HOME nor XDG_CACHE_HOME is set")?);
    let mut lines = Vec::new();
    for &k in &args.k {
        let (cost, params) = measure(|| cache.load(k, &|_| {}))?;
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
