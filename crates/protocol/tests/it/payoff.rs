//! What strategies earn in a job that is finalized in T3, under mainnet's parameters: one prover deviates, all others
//! are honest.

use std::collections::BTreeSet;

use quintet_protocol::{Job, JobState, JudgedFullProof, PhaseContent};
use quintet_types::{Phase, ProverIndex, Reward, Spec};

use crate::support::*;

pub(crate) const PROVERS: u64 = 200;
pub(crate) const INSTANCES: u64 = 400;

/// What the deviating prover hands in, and in time.
#[derive(Debug, Clone, Copy)]
struct Deeds {
    commits: bool,
    proves: bool,
    aggregates: bool,
    /// The leader leaves all other full proofs out of its bundle.
    alone_in_t3: bool,
}

/// One row of the table.
pub(crate) struct Row {
    pub(crate) strategy: &'static str,
    pub(crate) does: &'static str,
    /// Whether it proves its instances.
    pub(crate) proves: bool,
    /// Whether it needs a certificate that honest attesters would refuse.
    pub(crate) needs_false_certificate: bool,
    /// T1, T2, T3, averaged over seats, rounded down.
    pub(crate) phases: [Reward; 3],
    pub(crate) total: Reward,
}

const NOTHING: Deeds = Deeds { commits: false, proves: false, aggregates: false, alone_in_t3: false };

/// Seats that are averaged over: reuse favours some partials by chance.
const SEATS: usize = 10;

fn row(strategy: &'static str, does: &'static str, deeds: Deeds) -> Row {
    let spec = Spec::default();
    let fresh = open_job(PROVERS, INSTANCES, &spec);
    let sums = (0..SEATS).map(|n| play(fresh.clone(), n * PROVERS as usize / SEATS, deeds, &spec));
    let summed = sums.fold([Reward::ZERO; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
    let phases = summed.map(|sum| sum.share(1, SEATS as u64));
    let total = phases.into_iter().sum();
    Row { strategy, does, proves: deeds.proves, needs_false_certificate: deeds.alone_in_t3, phases, total }
}

/// What the prover in `seat` earns in T1, T2 and T3.
fn play(mut job: Job, seat: usize, deeds: Deeds, spec: &Spec) -> [Reward; 3] {
    let all = selected(&job);
    let deviator = all[seat];
    let others: Vec<ProverIndex> = all.iter().copied().filter(|prover| *prover != deviator).collect();
    let with = |included: bool| if included { all.clone() } else { others.clone() };
    let t1 = close_t1(&mut job, &with(deeds.commits), spec);
    let provers = with(deeds.proves);
    let t2 = close_t2(&mut job, &provers, spec);
    let makers = makers(job.assignment().unwrap(), &provers.iter().copied().collect::<BTreeSet<_>>()).unwrap();
    let submitters = if deeds.alone_in_t3 { vec![deviator] } else { with(deeds.aggregates) };
    let proofs = submitters.into_iter().map(|p| (p, JudgedFullProof::Valid(makers.clone()))).collect();
    let t3 = close(&mut job, PhaseContent::FullProofs(proofs), spec);
    assert_eq!(t3.state, JobState::Finalized(Phase::T3));
    [t1, t2, t3].map(|closed| total(&closed.entries, deviator))
}

/// What a prover that was not selected earns with a full proof in T3.
fn outsider() -> Row {
    let spec = Spec::default();
    let mut job = job_in_t3(PROVERS, INSTANCES, &spec);
    let all = selected(&job);
    let outsiders: Vec<_> = (0..).map(ProverIndex).filter(|p| !all.contains(p)).take(8).collect();
    let submitters = [all, outsiders.clone()].concat();
    let t3 = total(&close_full(&mut job, &submitters, &spec).entries, outsiders[0]);
    Row {
        strategy: "not selected",
        does: "one of 8 others that hand in a full proof of others' partials in T3",
        proves: false,
        needs_false_certificate: false,
        phases: [Reward::ZERO, Reward::ZERO, t3],
        total: t3,
    }
}

pub(crate) fn table() -> Vec<Row> {
    let honest = Deeds { commits: true, proves: true, aggregates: true, alone_in_t3: false };
    vec![
        row("honest", "commits, proves, aggregates", honest),
        row("honest, no aggregation", "commits and proves, hands in nothing in T3", Deeds { aggregates: false, ..honest }),
        row("idle", "hands in nothing at all", NOTHING),
        row("copies T1", "hands in others' digests in T1, nothing later", Deeds { commits: true, ..NOTHING }),
        row("T3 only", "hands in a full proof of others' partials", Deeds { aggregates: true, ..NOTHING }),
        row(
            "colluding leader shows T1",
            "the leader shows it others' digests before T1 closes; it copies them, and aggregates others' partials",
            Deeds { commits: true, aggregates: true, ..NOTHING },
        ),
        row("late", "commits and aggregates in time, its partials come too late", Deeds { proves: false, ..honest }),
        row("always late", "does all the work, everything comes too late", NOTHING),
        outsider(),
        row(
            "colluding leader drops T3",
            "the leader bundles its full proof alone; attesters that saw others refuse to certify",
            Deeds { aggregates: true, alone_in_t3: true, ..NOTHING },
        ),
    ]
}

/// DESIGN: a strategy without proving earns at most a quarter of the honest one. Certified bundles are assumed to hold
/// every submission that came in time, which is what certificates are for; the last row shows what they prevent.
#[test]
fn no_strategy_without_proving_earns_more_than_a_quarter_of_the_honest_one() {
    let table = table();
    let honest = table[0].total;
    for row in table.iter().filter(|row| !row.proves && !row.needs_false_certificate) {
        assert!(row.total.0 * 4 <= honest.0, "{}: {} of {honest}", row.strategy, row.total);
    }
}

#[test]
fn proving_and_aggregating_each_pay() {
    let table = table();
    let of = |name| table.iter().find(|row| row.strategy == name).unwrap().total;
    assert!(of("honest") > of("honest, no aggregation"));
    assert!(of("honest, no aggregation") > of("T3 only"));
    assert!(of("copies T1") > of("idle"), "committing avoids a penalty");
    assert!(of("idle") < Reward::ZERO);
}
