//! How many signed T1 submissions a second a gateway takes on one core, from the socket to the disk.
//!
//! `make bench-gateway` builds and runs it; results go to `target/bench/gateway.json`. Two processes: the server is a real gateway (HTTP, BLS, sled with
//! fsync) held to one core, the load comes from this one, on another core where there is one. The server's processor time is read from the system, so that
//! other load on the machine does not decide; the rate by the clock and the latencies are what they are on the machine at that time.

mod load;
mod server;
mod world;

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use load::{Outcome, at_rate, closed_loop};
use world::World;

/// Provers that send one submission to each of five jobs: one job to warm up, two for the rate, two for the latency.
const PROVERS: u64 = 1000;
/// Core of the server.
const SERVER_CORE: usize = 0;
/// What the gateway has to take, a second.
const WANTED: f64 = 1000.0;
/// What 99 of 100 submissions may take at that rate.
const WANTED_P99: Duration = Duration::from_millis(100);

/// A kind of load: how many instances each submission commits to.
const SIZES: [(&str, usize); 2] = [("2 commitments", 2), ("16 commitments", 16)];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str| arguments.iter().position(|argument| argument == flag).map(|place| arguments[place + 1].parse());
    let provers = number("--provers").transpose()?.unwrap_or(PROVERS);
    if let Some(commitments) = number("--server").transpose()? {
        return server::serve(&World::new(commitments as usize, provers)?);
    }
    let cores = std::thread::available_parallelism()?.get();
    let pinned = cores > 1 && pin_self(1..cores);
    let mut results = Vec::new();
    for (name, commitments) in SIZES {
        results.push(measure(name, commitments, provers, pinned)?);
    }
    let report = serde_json::json!({
        "what": "signed T1 submissions over HTTP/1.1 on loopback: decoded, checked, verified in batches of up to 64, flushed to disk, acknowledged",
        "machine": machine(),
        "server": format!("all threads of one process on core {SERVER_CORE}{}", if pinned { "" } else { " (taskset missing: not pinned)" }),
        "load": if pinned { "another process on the other cores" } else { "another process, same cores" },
        "wanted": { "per_second": WANTED, "p99_ms": WANTED_P99.as_millis() as u64 },
        "results": results,
    });
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench/gateway.json");
    std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
    std::fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("{}", std::fs::canonicalize(&file)?.display());
    Ok(())
}

fn measure(name: &str, commitments: usize, provers: u64, pinned: bool) -> anyhow::Result<serde_json::Value> {
    let world = World::new(commitments, provers)?;
    let jobs = world.requests()?;
    let bytes = jobs[0][0].len();
    let me = std::env::current_exe()?;
    let mut command = if pinned { Command::new("taskset") } else { Command::new(&me) };
    if pinned {
        command.args(["-c", &SERVER_CORE.to_string()]).arg(&me);
    }
    command.args(["--server", &commitments.to_string(), "--provers", &provers.to_string()]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut line)?;
    let address = line.trim().parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (last, first) = jobs.split_last().expect("there are jobs");
    let half = first.len() / 2;
    let flat = |jobs: &[Vec<Vec<u8>>]| jobs.iter().flatten().cloned().collect::<Vec<_>>();

    // The last job's are for warming up: keys become points, the store its files.
    runtime.block_on(closed_loop(address, last.clone(), 64))?;
    let before = cpu_time(server.id())?;
    let full = runtime.block_on(closed_loop(address, flat(&first[..half]), 64))?;
    let between = cpu_time(server.id())?;
    let paced = runtime.block_on(at_rate(address, flat(&first[half..]), WANTED, 256))?;
    let after = cpu_time(server.id())?;
    drop(server.stdin.take());
    server.wait()?;

    let per = |outcome: &Outcome, spent: Duration| spent.as_secs_f64() * 1e3 / outcome.latencies.len() as f64;
    let (cpu_full, cpu_paced) = (per(&full, between - before), per(&paced, after - between));
    let p99 = paced.quantile(0.99);
    println!(
        "{name}, {bytes} bytes: {:.0}/s by the clock, {cpu_full:.3} ms of processor time each ({:.0}/s on a core of its own); at {WANTED}/s p50 {:?}, p99 {p99:?}",
        full.per_second(),
        1e3 / cpu_full,
        paced.quantile(0.5),
    );
    Ok(serde_json::json!({
        "name": name,
        "request_bytes": bytes,
        "connections": 64,
        "submissions": full.latencies.len() + paced.latencies.len(),
        "closed_loop": {
            "per_second": full.per_second().round(),
            "server_cpu_ms_each": round(cpu_full),
            "per_second_of_cpu": (1e3 / cpu_full).round(),
            "p50_ms": ms(full.quantile(0.5)),
            "p99_ms": ms(full.quantile(0.99)),
        },
        "paced": {
            "per_second": paced.per_second().round(),
            "server_cpu_ms_each": round(cpu_paced),
            "p50_ms": ms(paced.quantile(0.5)),
            "p99_ms": ms(p99),
            "max_ms": ms(paced.quantile(1.0)),
        },
        "met": { "rate": full.per_second() >= WANTED, "rate_by_cpu": 1e3 / cpu_full >= WANTED, "p99": p99 <= WANTED_P99 },
    }))
}

fn ms(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1e3)
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Keeps this process (threads to come included) off the server's core.
fn pin_self(cores: std::ops::Range<usize>) -> bool {
    let list = format!("{}-{}", cores.start, cores.end - 1);
    let done = Command::new("taskset").args(["-cp", &list, &std::process::id().to_string()]).stdout(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// Processor time of a process, all threads, user and system.
fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name, which stands in brackets; fields 14 and 15, in hundredths of a second on Linux.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Ok(Duration::from_millis(10 * (ticks(11) + ticks(12))))
}

fn machine() -> serde_json::Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    serde_json::json!({
        "cpu": model.trim_start_matches([' ', '\t', ':']),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_average": read("/proc/loadavg").split(' ').next().unwrap_or_default(),
        "profile": if cfg!(debug_assertions) { "dev" } else { "bench" },
        "unix_time": unix_time(),
    })
}

/// Unix seconds, which need no calendar.
fn unix_time() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
