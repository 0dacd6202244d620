//! `quintet-prover bench`: what this machine does, AIR by AIR, and how many instances it can take on: to be known before one stakes.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use quintet_beacon::decode::decode_block_file;
use quintet_machine::AirId;
use quintet_plonk::Round;
use quintet_proving::{Circuits, CommittedInstance, ProvingJob, payload_input};
use quintet_types::{InstanceIndex, JobId, PublicKeyBytes, Root, Spec, spec::Network};
use rayon::prelude::*;
use serde::Serialize;

use super::backend::BackendFlag;
use crate::{params, progress};

/// A block with four transactions, as a beacon node gave it.
const BLOCK: &[u8] = include_bytes!("../../../integration-tests/tests/data/block-fulu-26.json");
/// AIRs that most of the work is in.
const HEAVY: [AirId; 3] = [AirId::Cpu, AirId::Memory, AirId::Keccak];
/// Part of a phase that computing may take: the rest is for the plan, the network and other work.
const USABLE: f64 = 0.8;

/// Measure what this machine proves in a slot, and how many instances it can take on.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Only cpu, memory and keccak, one instance each.
    #[arg(long)]
    quick: bool,
    /// Log₂ of the rows; the network's smallest if absent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(11..=20))]
    k: Option<u32>,
    /// The network whose phases have to be met: mainnet, hoodi, devnet, or a parameter file.
    #[arg(long, default_value = "mainnet")]
    network: String,
    /// Threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    backend: BackendFlag,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Print JSON and no progress.
    #[arg(long)]
    json: bool,
}

/// One AIR: seconds of an instance that has the machine to itself.
#[derive(Debug, Serialize)]
struct Line {
    air: &'static str,
    commit_s: f64,
    prove_s: f64,
    proof_bytes: usize,
}

/// What was measured, and what follows.
#[derive(Debug, Serialize)]
struct Report {
    backend: String,
    threads: usize,
    k: u32,
    airs: Vec<Line>,
    /// Instances a second with all threads at work on a mix of instances.
    commits_per_s: f64,
    proofs_per_s: f64,
    network: String,
    phase_s: f64,
    /// Instances that one phase is long enough for.
    commits_per_phase: u64,
    proofs_per_phase: u64,
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if let Some(threads) = self.threads {
            ensure!(threads > 0, "--threads must be at least 1");
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting threads")?;
        }
        let spec = self.spec()?;
        let k = self.k.unwrap_or(spec.k_min as u32);
        let circuits = params::circuits(self.params_dir.clone(), self.json)?;
        let (circuits, _) = self.backend.apply(circuits, |warning| eprintln!("warning: {warning}"))?;
        let job = sample(&circuits, k)?;
        let prover = job.prover(&PublicKeyBytes::default());
        let mut firsts: BTreeMap<AirId, InstanceIndex> = BTreeMap::new();
        for instance in job.plan().instances() {
            firsts.entry(AirId::try_from(job.instance(instance)?.air)?).or_insert(instance);
        }
        firsts.retain(|air, _| !self.quick || HEAVY.contains(air));
        let bar = progress::bar("one of each", 2 * firsts.len() as u64, self.json);
        let mut airs = Vec::new();
        for (air, instance) in firsts {
            let (committed, commit_s) = timed(|| Ok(job.commit(&prover, instance)?))?;
            bar.inc(1);
            let round = round(&job, &[&committed])?;
            let (partial, prove_s) = timed(|| Ok(committed.prove(&prover, &round)?))?;
            bar.inc(1);
            let proof_bytes = partial.proof.len();
            round.verify_partial(&partial).with_context(|| format!("the proof of {air} does not verify"))?;
            airs.push(Line { air: air.name(), commit_s, prove_s, proof_bytes });
        }
        bar.finish_and_clear();
        let (commits_per_s, proofs_per_s) = if self.quick { alone(&airs) } else { self.together(&job)? };
        let phase = Duration::from_millis(spec.phase_slots.saturating_mul(spec.slot_duration_ms)).as_secs_f64();
        let report = Report {
            backend: circuits.backend().name().to_owned(),
            threads: rayon::current_num_threads(),
            k,
            airs,
            commits_per_s,
            proofs_per_s,
            network: spec.config_name,
            phase_s: phase,
            commits_per_phase: (USABLE * phase * commits_per_s) as u64,
            proofs_per_phase: (USABLE * phase * proofs_per_s) as u64,
        };
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&report)?)
        } else {
            report.print()
        }
        Ok(())
    }

    fn spec(&self) -> anyhow::Result<Spec> {
        if let Ok(network) = self.network.parse::<Network>() {
            return Ok(network.spec());
        }
        let text = std::fs::read_to_string(&self.network)
            .with_context(|| format!("{} is neither mainnet, hoodi, devnet nor a parameter file", self.network))?;
        Spec::from_toml(&text).with_context(|| format!("reading {}", self.network))
    }

    /// Rates of commitments and proofs with every thread at work on instances of its own, as the daemon does it.
    fn together(&self, job: &ProvingJob) -> anyhow::Result<(f64, f64)> {
        let prover = job.prover(&PublicKeyBytes::default());
        let mix: Vec<InstanceIndex> = job.plan().instances().take(4 * rayon::current_num_threads()).collect();
        let bar = progress::bar("all threads", 2 * mix.len() as u64, self.json);
        let commit = |&instance: &InstanceIndex| {
            let made = job.commit(&prover, instance);
            bar.inc(1);
            made
        };
        let (commits, commit_s) = timed(|| Ok(mix.par_iter().map(commit).collect::<Result<Vec<_>, _>>()?))?;
        let round = round(job, &commits.iter().collect::<Vec<_>>())?;
        let prove = |committed: &CommittedInstance| {
            let made = committed.prove(&prover, &round);
            bar.inc(1);
            made
        };
        let (proofs, prove_s) = timed(|| Ok(commits.par_iter().map(prove).collect::<Result<Vec<_>, _>>()?))?;
        bar.finish_and_clear();
        Ok((commits.len() as f64 / commit_s, proofs.len() as f64 / prove_s))
    }
}

/// The sample block's job at a size.
fn sample(circuits: &Circuits, k: u32) -> anyhow::Result<ProvingJob> {
    let block = decode_block_file(BLOCK).context("the sample block")?;
    let input: Arc<[u8]> = payload_input(block.payload().context("the sample block's payload")?)?.encode()?.into();
    Ok(ProvingJob::new(circuits, JobId::new(block.slot, block.block_root), input, k..=k, u64::MAX)?)
}

/// A round in which the digests of all other instances are stand-ins, which changes the challenge and no cost.
fn round(job: &ProvingJob, commits: &[&CommittedInstance]) -> anyhow::Result<Round> {
    let mut digests = vec![Root::ZERO; job.instances()];
    for committed in commits {
        digests[committed.instance.as_usize()] = committed.digest();
    }
    Ok(job.round(&digests)?)
}

/// Rates out of single instances, one after the other.
fn alone(airs: &[Line]) -> (f64, f64) {
    let count = airs.len() as f64;
    (count / airs.iter().map(|line| line.commit_s).sum::<f64>(), count / airs.iter().map(|line| line.prove_s).sum::<f64>())
}

fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let started = Instant::now();
    let done = work()?;
    Ok((done, started.elapsed().as_secs_f64().max(1e-6)))
}

impl Report {
    fn print(&self) {
        quintet_node::outln!("backend {}, {} threads, k = {}", self.backend, self.threads, self.k);
        quintet_node::outln!("{:<14} {:>10} {:>10} {:>12}", "AIR", "commit s", "prove s", "proof bytes");
        for line in &self.airs {
            quintet_node::outln!("{:<14} {:>10.3} {:>10.3} {:>12}", line.air, line.commit_s, line.prove_s, line.proof_bytes);
        }
        quintet_node::outln!("a second: {:.2} commitments or {:.2} proofs", self.commits_per_s, self.proofs_per_s);
        quintet_node::outln!(
            "{}, phases of {} s: T1 is met with up to {} instances, T2 with up to {}",
            self.network,
            self.phase_s,
            self.commits_per_phase,
            self.proofs_per_phase
        );
        if self.proofs_per_phase == 0 {
            quintet_node::outln!("this machine does not finish a single proof in a phase: do not stake with it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_the_sum_of_times() {
        let line = |commit_s, prove_s| Line { air: "x", commit_s, prove_s, proof_bytes: 0 };
        assert_eq!(alone(&[line(0.5, 2.0), line(1.5, 6.0)]), (1.0, 0.25));
    }
}
