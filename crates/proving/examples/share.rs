//! What one prover's share of a job costs, against the whole job: time, processor time and peak memory of committing to and proving some of
//! an execution's instances in a process that does nothing else.
//!
//! `cargo run -p quintet-proving --example share -- ELF K INSTANCE…`, or `all` in place of the instances. The digests of the others' instances
//! are stand-ins, which changes the challenge and no cost.

use std::{env, error::Error, fs, sync::Arc, time::Instant};

use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest, ProvingJob};
use quintet_types::{InstanceIndex, JobId, PublicKeyBytes, Root};

/// Seconds of processor time and peak memory in MiB of this process, as Linux counts them.
fn used() -> (f64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap_or_default();
    (ticks / 100.0, kib / 1024)
}

fn report(step: &str, start: Instant, before: f64) {
    let (cpu, peak) = used();
    println!("{step:<28} {:>8.2} s {:>8.2} s CPU {peak:>6} MiB peak", start.elapsed().as_secs_f64(), cpu - before);
}

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [elf, k, share @ ..] = arguments.as_slice() else { return Err("usage: share ELF K all|INSTANCE…".into()) };
    let k = k.parse()?;
    let cache = ParamsCache::new(ParamsCache::default_folder().ok_or("no cache folder")?);
    let circuits = Circuits::new(Guest::from_elf("share", &fs::read(elf)?)?, Box::new(move |k| cache.load(k, &|_| {})));
    circuits.at(k)?;
    report("keys", started, 0.0);

    let (start, cpu) = (Instant::now(), used().0);
    let id = JobId::new(1.into(), Root::repeat_byte(1));
    let job = ProvingJob::new(&circuits, id, Arc::from([]), k..=k, u64::MAX)?;
    println!("{} instances", job.instances());
    report("count & plan", start, cpu);

    let share: Vec<InstanceIndex> = match share {
        [all] if all == "all" => (0..job.instances() as u32).map(InstanceIndex).collect(),
        some => some.iter().map(|number| number.parse().map(InstanceIndex)).collect::<Result<_, _>>()?,
    };
    let prover = job.prover(&PublicKeyBytes::repeat_byte(1));
    let (start, cpu) = (Instant::now(), used().0);
    let committed = share.iter().map(|&instance| job.commit(&prover, instance)).collect::<Result<Vec<_>, _>>()?;
    report("traces and commitments", start, cpu);

    let mut digests = vec![Root::ZERO; job.instances()];
    for one in &committed {
        digests[one.instance.0 as usize] = one.digest();
    }
    let round = job.round(&digests)?;
    let (start, cpu) = (Instant::now(), used().0);
    let mut bytes = 0;
    for instance in &committed {
        bytes += instance.prove(&prover, &round)?.proof.len();
    }
    report("proofs", start, cpu);
    println!("{} instances proven, {bytes} bytes", committed.len());
    Ok(())
}
