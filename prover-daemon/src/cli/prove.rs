//! `quintet-prover prove`: one block through all phases, with several simulated provers in this process.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use quintet_machine::AirId;
use quintet_plonk::{Encode as _, PartialProof, ProofFile, Prover, Round};
use quintet_protocol::{Assignment, Selection};
use quintet_proving::{CommittedInstance, ProvingJob};
use quintet_types::{InstanceIndex, ProverIndex, PublicKeyBytes, Root, Spec};
use rayon::prelude::*;
use serde::Serialize;

use super::backend::BackendFlag;
use crate::{block_file::Block, params, progress};

/// Prove one block from a file.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Beacon block, JSON or SSZ, as the Beacon API gives it.
    #[arg(long, value_name = "FILE")]
    block: PathBuf,
    /// Number of simulated provers, who share the instances as on a network without redundancy.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    provers: u64,
    /// Log₂ of the rows of every instance; chosen by the plan within 11 to 20 if absent (14 is mainnet's smallest).
    #[arg(long, value_parser = clap::value_parser!(u32).range(11..=20))]
    k: Option<u32>,
    /// Write the full proof to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Print the table as JSON and no progress.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendFlag,
}

/// A line of the table: the instances of one AIR.
#[derive(Debug, Default, Serialize)]
struct AirLine {
    air: &'static str,
    instances: u64,
    rows: u64,
    proof_bytes: u64,
}

/// What was done and how long it took.
#[derive(Debug, Serialize)]
struct Report {
    block_root: Root,
    block_number: u64,
    transactions: usize,
    cycles: u64,
    k: u32,
    provers: u64,
    backend: String,
    instances: usize,
    airs: Vec<AirLine>,
    partial_bytes: u64,
    full_proof_bytes: u64,
    seconds: BTreeMap<&'static str, f64>,
}

/// One simulated prover.
struct Simulated {
    prover: Prover,
    duties: Vec<InstanceIndex>,
    commits: Vec<CommittedInstance>,
}

impl Prove {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let block = Block::read(&self.block)?;
        let mut seconds = BTreeMap::new();
        let circuits = params::circuits(self.params_dir.clone(), self.json)?;
        let (circuits, _) = self.backend.apply(circuits, |warning| eprintln!("warning: {warning}"))?;
        let spec = Spec::default();
        let range = self.k.map_or(spec.k_min as u32..=spec.k_max as u32, |k| k..=k);

        let input = Arc::clone(&block.input);
        let (job, time) = timed(|| Ok(ProvingJob::new(&circuits, block.job(), input, range, spec.max_full_proof_bytes)?))?;
        seconds.insert("count_and_plan", time);
        let mut provers = self.simulated(&job)?;

        let (digests, time) = timed(|| self.commit(&job, &mut provers))?;
        seconds.insert("t1", time);
        let round = job.round(&digests)?;
        let (partials, time) = timed(|| self.prove(&round, &provers))?;
        seconds.insert("t2", time);
        let (checked, time) = timed(|| check(&round, partials))?;
        seconds.insert("verify_partials", time);
        let partial_bytes = checked.iter().map(|partial| partial.proof.len() as u64).sum();
        let airs = lines(&job, &checked);

        let aggregator = &provers[0].prover;
        let source = |id: quintet_plonk::InstanceId| {
            let place = job.shape().place(id).unwrap_or(usize::MAX);
            job.trace(InstanceIndex(place as u32)).map_err(Into::into)
        };
        let (proof, time) = timed(|| Ok(aggregator.aggregate(&round, checked, &source)?))?;
        seconds.insert("t3", time);
        let verify = || round.verify_full(&proof).context("the proof that was just made is not valid");
        let ((), time) = timed(verify)?;
        seconds.insert("verify_full", time);

        let file = ProofFile { k: job.shape().k, statement: job.statement(), proof };
        let bytes = file.encode();
        if let Some(out) = &self.out {
            std::fs::write(out, &bytes).with_context(|| format!("writing {}", out.display()))?;
        }
        let report = Report {
            block_root: block.info.block_root,
            block_number: block.output.block_number,
            transactions: block.transactions(),
            cycles: job.plan().cycles,
            k: job.shape().k,
            provers: self.provers,
            backend: circuits.backend().name().to_owned(),
            instances: job.instances(),
            airs,
            partial_bytes,
            full_proof_bytes: bytes.len() as u64,
            seconds,
        };
        if self.json {
            quintet_node::outln!("{}", serde_json::to_string_pretty(&report)?)
        } else {
            report.print()
        }
        Ok(())
    }

    /// The provers, each with the instances that the protocol's assignment gives it, without redundancy.
    fn simulated(&self, job: &ProvingJob) -> anyhow::Result<Vec<Simulated>> {
        let spec = Spec { redundancy_factor: 1, t1_redundancy: 1, ..Spec::default() };
        let provers = (0..self.provers).map(ProverIndex).collect();
        let selection = Selection { seed: job.plan_root(), provers, reserves: Vec::new() };
        let assignment = Assignment::new(&selection, job.instances() as u64, &spec)?;
        let simulated = |&prover: &ProverIndex| {
            let mut key = PublicKeyBytes::default();
            key.0[40..].copy_from_slice(&prover.0.to_be_bytes());
            Simulated { prover: job.prover(&key), duties: assignment.to_prove(prover), commits: Vec::new() }
        };
        Ok(selection.provers.iter().map(simulated).collect())
    }

    /// T1: every prover commits to its share. All digests together are D.
    fn commit(&self, job: &ProvingJob, provers: &mut [Simulated]) -> anyhow::Result<Vec<Root>> {
        let bar = progress::bar("T1 commitments", job.instances() as u64, self.json);
        for simulated in provers.iter_mut() {
            let commit = |&instance: &InstanceIndex| {
                let committed = job.commit(&simulated.prover, instance);
                bar.inc(1);
                committed
            };
            simulated.commits = simulated.duties.par_iter().map(commit).collect::<Result<_, _>>()?;
        }
        bar.finish();
        let by_instance: BTreeMap<InstanceIndex, Root> =
            provers.iter().flat_map(|p| p.commits.iter().map(|c| (c.instance, c.digest()))).collect();
        ensure!(by_instance.len() == job.instances(), "the assignment leaves an instance uncommitted");
        Ok(by_instance.into_values().collect())
    }

    /// T2: every prover proves its share under the one challenge.
    fn prove(&self, round: &Round, provers: &[Simulated]) -> anyhow::Result<Vec<PartialProof>> {
        let bar = progress::bar("T2 partial proofs", round.plan().instances.len() as u64, self.json);
        let mut partials = Vec::new();
        for simulated in provers {
            let prove = |committed: &CommittedInstance| {
                let partial = committed.prove(&simulated.prover, round);
                bar.inc(1);
                partial
            };
            partials.extend(simulated.commits.par_iter().map(prove).collect::<Result<Vec<_>, _>>()?);
        }
        bar.finish();
        Ok(partials)
    }
}

/// What the receivers of partial proofs do: verify all of them at once.
fn check(round: &Round, partials: Vec<PartialProof>) -> anyhow::Result<Vec<PartialProof>> {
    for (partial, verdict) in partials.iter().zip(round.verify_partials(&partials)) {
        verdict.with_context(|| format!("the partial proof of {} is not valid", partial.id))?;
    }
    Ok(partials)
}

/// Runs `work` and measures its wall-clock time in seconds.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let started = Instant::now();
    let done = work()?;
    Ok((done, started.elapsed().as_secs_f64()))
}

/// Instances by AIR.
fn lines(job: &ProvingJob, partials: &[PartialProof]) -> Vec<AirLine> {
    let mut lines: BTreeMap<u16, AirLine> = BTreeMap::new();
    for entry in &job.plan().entries {
        let name = AirId::try_from(entry.air).map_or("unknown", AirId::name);
        let line = lines.entry(entry.air).or_insert(AirLine { air: name, ..AirLine::default() });
        line.instances += 1;
        line.rows += entry.rows;
    }
    for partial in partials {
        if let Some(line) = lines.get_mut(&partial.id.air) {
            line.proof_bytes += partial.proof.len() as u64;
        }
    }
    lines.into_values().collect()
}

impl Report {
    fn print(&self) {
        quintet_node::outln!(
            "block {} ({} transactions), {} cycles, k = {}",
            self.block_number,
            self.transactions,
            self.cycles,
            self.k
        );
        quintet_node::outln!("{:<12} {:>9} {:>12} {:>12}", "AIR", "instances", "rows", "proof bytes");
        for line in &self.airs {
            quintet_node::outln!("{:<12} {:>9} {:>12} {:>12}", line.air, line.instances, line.rows, line.proof_bytes);
        }
        quintet_node::outln!("{:<12} {:>9} {:>12} {:>12}", "total", self.instances, "", self.partial_bytes);
        quintet_node::outln!("full proof: {} bytes, {} provers, {}", self.full_proof_bytes, self.provers, self.backend);
        for (phase, seconds) in &self.seconds {
            quintet_node::outln!("{phase:<16} {seconds:>8.2} s");
        }
    }
}
