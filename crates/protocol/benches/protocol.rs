//! Times of what every sidecar does for every block, on one core.
//!
//! `cargo bench -p quintet-protocol --bench protocol` runs criterion, then writes means and limits to
//! `target/bench/protocol.json` and fails if a limit is missed. Limits are of processor time, so that other load on the
//! machine does not decide.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::Criterion;
use quintet_protocol::rewards::{FullProofParts, Payees, Share, aggregation_rewards, commit_rewards, partial_rewards};
use quintet_protocol::{Assignment, CandidateTable, History, ProverRecord, Selection, reuse, select};
use quintet_types::{
    Epoch, InstanceIndex, JobId, LedgerEntry, Phase, ProverIndex, PublicKeyBytes, Root, Slot, Spec, ValidatorIndex,
};

const REGISTERED: u64 = 1_000_000;
const INSTANCES: u64 = 400;
const GAS: u64 = 60_000_000;

struct Fixture {
    spec: Spec,
    candidates: CandidateTable,
    busy: BTreeSet<ProverIndex>,
    selection: Selection,
    assignment: Assignment,
    proofs: Vec<FullProofParts>,
}

impl Fixture {
    fn new() -> Self {
        let spec = Spec::default();
        let registry: Vec<_> = (0..REGISTERED)
            .map(|index| ProverRecord {
                index: ProverIndex(index),
                pubkey: PublicKeyBytes::ZERO,
                stake_gwei: spec.min_prover_stake_gwei,
                activation: Epoch(0),
                exit: None,
                pauses: Vec::new(),
            })
            .collect();
        // A third of them with the best of histories: no shortcut for equal weights applies.
        let strong = (0..999).fold(History::default(), |history, _| history.after(1, 1, spec.history_shift));
        let histories = (0..REGISTERED).step_by(3).map(|index| (ProverIndex(index), strong)).collect();
        let candidates = CandidateTable::new(&registry, &histories, Epoch(9), &spec);
        let busy: BTreeSet<_> = (0..800).map(|n| ProverIndex(n * 1237)).collect();
        let selection = draw(1, &candidates, &busy, &spec);
        let assignment = Assignment::new(&selection, INSTANCES, &spec).expect("400 instances are within bounds");
        // Everybody proves and aggregates; each takes its own partial where it has one.
        let proofs = selection
            .provers
            .iter()
            .map(|&submitter| FullProofParts { submitter, makers: makers(&assignment, submitter) })
            .collect();
        Self { spec, candidates, busy, selection, assignment, proofs }
    }

    /// Rewards of T1, T2 and T3.
    fn rewards(&self) -> Vec<LedgerEntry> {
        let (job, spec) = (JobId::default(), &self.spec);
        let payees = Payees { leader: ValidatorIndex(1), attesters: &[] };
        let provers = &self.selection.provers;
        let loads = self.assignment.proving_loads();
        let shares: Vec<_> = provers.iter().zip(loads).map(|(&prover, n)| Share { prover, assigned: n, valid: n }).collect();
        let mut entries = commit_rewards(job, provers, &vec![true; provers.len()], payees, spec);
        entries.extend(partial_rewards(job, &shares, payees, spec));
        let t3 = aggregation_rewards(job, Phase::T3, &self.assignment, &self.proofs, payees, spec);
        entries.extend(t3.expect("each proof names a maker for each instance"));
        entries
    }
}

fn draw(slot: u64, candidates: &CandidateTable, busy: &BTreeSet<ProverIndex>, spec: &Spec) -> Selection {
    let id = JobId::new(Slot(slot), Root::ZERO);
    select(&id, &Root::repeat_byte(7), GAS, candidates, busy, spec).expect("a million provers are enough")
}

fn makers(assignment: &Assignment, submitter: ProverIndex) -> Vec<ProverIndex> {
    (0..INSTANCES as u32)
        .map(InstanceIndex)
        .map(|instance| {
            let offers = assignment.proving_seats(instance).iter().map(|&seat| assignment.provers()[seat as usize]);
            let own = assignment.must_prove(submitter, instance).then_some(submitter);
            let preferred = || reuse::preferred(&assignment.seed, instance, offers);
            own.or_else(preferred).expect("each instance has provers")
        })
        .collect()
}

/// Mean processor time and median wall time of 201 runs.
fn measure<T>(mut work: impl FnMut(u64) -> T) -> (Duration, Duration) {
    const RUNS: u32 = 201;
    let cpu = cpu_time();
    let mut walls: Vec<_> = (0..RUNS)
        .map(|run| {
            let start = Instant::now();
            black_box(work(run.into()));
            start.elapsed()
        })
        .collect();
    let wall: Duration = walls.iter().sum();
    let spent = cpu_time().zip(cpu).map_or(wall, |(after, before)| after - before);
    walls.sort_unstable();
    (spent / RUNS, walls[walls.len() / 2])
}

/// Processor time of this thread, where the system tells (Linux).
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn criterion_groups(fixture: &Fixture) {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let mut slot = 0;
    criterion.bench_function("select 200 of 1,000,000", |b| {
        b.iter(|| {
            slot += 1;
            draw(slot, &fixture.candidates, &fixture.busy, &fixture.spec)
        });
    });
    criterion.bench_function("assign 400 instances to 200", |b| {
        b.iter(|| Assignment::new(&fixture.selection, INSTANCES, &fixture.spec));
    });
    criterion.bench_function("rewards of 200 provers, 400 instances", |b| b.iter(|| fixture.rewards()));
    criterion.final_summary();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fixture = Fixture::new();
    criterion_groups(&fixture);
    let results = [
        ("selection", 5_000, measure(|slot| draw(slot, &fixture.candidates, &fixture.busy, &fixture.spec))),
        ("assignment", 50_000, measure(|_| Assignment::new(&fixture.selection, INSTANCES, &fixture.spec))),
        ("rewards", 1_000, measure(|_| fixture.rewards())),
    ];
    let mut table = serde_json::Map::new();
    let mut missed = Vec::new();
    for (name, limit_us, (cpu, wall)) in results {
        let [cpu_us, wall_us] = [cpu, wall].map(|time| time.as_micros() as u64);
        println!("{name}: {cpu_us} µs of processor time, limit {limit_us} µs; median wall time {wall_us} µs");
        let row = serde_json::json!({ "mean_cpu_us": cpu_us, "median_wall_us": wall_us, "limit_us": limit_us });
        table.insert(name.into(), row);
        if cpu_us > limit_us {
            missed.push(name);
        }
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")), PathBuf::from);
    std::fs::create_dir_all(target.join("bench"))?;
    std::fs::write(target.join("bench/protocol.json"), serde_json::to_string_pretty(&table)?)?;
    if missed.is_empty() { Ok(()) } else { Err(format!("too slow: {missed:?}").into()) }
}
