//! Eight provers that do not keep to the protocol, each a process with a staked key, beside four honest ones: the job finalizes all the same, and
//! the ledger of each culprit is what the rules say, to the unit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use quintet_api::{JobDetail, JobState};
use quintet_types::{Account, JobId, LedgerEntry, Phase, ProverIndex, Reason, Reward, Submission};
use serde_json::Value;

use crate::net::{Net, free_port, phase_slots};

/// The villains, in the order in which the draw gives them their keys.
const ROLES: [&str; 8] = ["silent", "late", "wrong-digest", "other-trace", "thief", "equivocation", "garbage", "replay"];
/// Honest provers, two of whom aggregate.
const HONEST: usize = 4;
/// All keys: a job takes at most half of those that are free.
const KEYS: usize = 2 * (ROLES.len() + HONEST);
/// Slots of a phase. Silent provers keep a phase open to its end.
const PHASE_SLOTS: u64 = 20;

/// What one villain sent, and how it was answered.
#[derive(Debug)]
struct Deed {
    phase: String,
    what: String,
    code: u64,
}

fn deeds(log: &Path) -> Vec<Deed> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .map(|line| Deed {
            phase: line["phase"].as_str().unwrap().to_owned(),
            what: line["what"].as_str().unwrap().to_owned(),
            code: line["code"].as_u64().unwrap(),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: three phases run to their deadlines, with thirteen processes"]
async fn a_job_finalizes_among_villains_and_each_pays_to_the_unit() {
    let mut net = Net::start(KEYS, 1, phase_slots(PHASE_SLOTS), |spec| {
        spec.provers_per_proof = (ROLES.len() + HONEST) as u64;
        spec.gas_per_prover = 0;
        spec.redundancy_factor = 3;
        spec.t1_redundancy = 4;
    })
    .await;
    let job = net.first_job().await;
    let (id, selected) = (job.summary.job, job.selected.clone());
    assert_eq!(selected.len(), ROLES.len() + HONEST);
    let metrics = format!("127.0.0.1:{}", free_port());
    let metrics_flag = format!("--metrics={metrics}");
    for (number, key) in selected[ROLES.len()..].iter().enumerate() {
        let gateway = net.gateway.clone();
        let flags: &[&str] = match number {
            0 => &["--aggregate", &metrics_flag],
            1 => &["--aggregate"],
            _ => &[],
        };
        net.daemon(&format!("honest-{number}"), key, &gateway, flags);
    }
    let mut logs = BTreeMap::new();
    for (role, key) in ROLES.into_iter().zip(&selected) {
        logs.insert(role, net.villain(role, key));
    }

    let phases = Duration::from_secs(2 * phase_slots(PHASE_SLOTS) * 5 + 60);
    let detail = net.until(&id, phases, JobState::is_final).await;
    let entries = net.client.ledger_entries(&id).await.unwrap();
    let deeds: BTreeMap<&str, Vec<Deed>> = logs.iter().map(|(role, log)| (*role, deeds(log))).collect();
    let shown = format!("{detail:#?}\n{entries:#?}\n{deeds:#?}");
    assert_eq!(detail.summary.state, JobState::Finalized, "{shown}");
    check_deeds(&deeds);

    let view = net.client.selection(&id).await.unwrap();
    let assigned: BTreeMap<_, u64> =
        net.client.assignments(&id).await.unwrap().into_iter().map(|entry| (entry.prover, entry.prove.len() as u64)).collect();
    assert_eq!(full_proofs(&net, &detail).await, 2, "{shown}");
    for (place, role) in ROLES.into_iter().enumerate() {
        let prover = view.selected[place];
        let expected = penalties(&net, &id, role, prover, assigned[&selected[place]], &deeds[role]);
        let found: BTreeSet<LedgerEntry> = entries_of(&entries, prover).cloned().collect();
        assert_eq!(found, expected, "{role}\n{shown}");
    }
    for prover in &view.selected[ROLES.len()..] {
        let sum: i128 = entries_of(&entries, *prover).map(|entry| i128::from(entry.amount.0)).sum();
        assert!(sum > 0, "honest prover {prover} earned {sum}\n{shown}");
    }
    check_honest(&net, &metrics).await;
    net.stop().await;
}

/// What an honest prover says of itself.
async fn check_honest(net: &Net, metrics: &str) {
    let status = net.status(metrics).await;
    assert_eq!(status["daemon"]["mode"], "following", "{status}");
    assert_eq!(status["daemon"]["missed"], serde_json::json!([]), "{status}");
    let text = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    for phase in ["T1", "T2", "T3"] {
        let line = format!("quintet_prover_submissions_total{{phase=\"{phase}\"}} 1");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

/// What the gateway took and what it refused at the door.
fn check_deeds(deeds: &BTreeMap<&str, Vec<Deed>>) {
    let codes = |role: &str, phase: &str| -> Vec<u64> {
        deeds[role].iter().filter(|deed| deed.phase == phase).map(|deed| deed.code).collect()
    };
    let refused = |code: &u64| (400..500).contains(code);
    assert!(deeds["silent"].is_empty());
    for phase in ["T1", "T2"] {
        assert!(codes("late", phase).iter().all(refused) && !codes("late", phase).is_empty(), "{:?}", deeds["late"]);
    }
    assert_eq!(codes("wrong-digest", "T1"), [200]);
    assert_eq!((codes("other-trace", "T1"), codes("other-trace", "T2")), (vec![200], vec![200]));
    assert_eq!((codes("thief", "T1"), codes("thief", "T2")), (vec![200], vec![200]));
    assert!(deeds["thief"].iter().any(|deed| deed.phase == "T3" && deed.what == "stolen"), "{:?}", deeds["thief"]);
    let twice = codes("equivocation", "T1");
    assert!(twice[0] == 200 && refused(&twice[1]), "{twice:?}");
    let garbage = codes("garbage", "T1");
    assert!(garbage.len() == 2 && garbage.iter().all(refused), "{garbage:?}");
    let replay = codes("replay", "T1");
    assert!(refused(&replay[0]) && refused(&replay[1]) && replay[2] == 200, "{replay:?}");
    assert_eq!(codes("replay", "T2"), [200]);
}

/// Number of valid full proofs; none of them is a villain's.
async fn full_proofs(net: &Net, detail: &JobDetail) -> usize {
    let id = detail.summary.job;
    let mut valid = 0;
    for view in net.client.submissions(&id, "full_proofs").await.unwrap() {
        let place = detail.selected.iter().position(|key| *key == view.prover).unwrap();
        if view.valid.len() == detail.instances.len() {
            assert!(place >= ROLES.len(), "{} has a valid full proof", ROLES[place]);
            let found = net.client.submission(&id, "full_proofs", &view.body_root).await.unwrap();
            assert!(matches!(found, Submission::FullProof(_)));
            valid += 1;
        }
    }
    valid
}

fn entries_of(entries: &[LedgerEntry], prover: ProverIndex) -> impl Iterator<Item = &LedgerEntry> {
    entries.iter().filter(move |entry| entry.account == Account::Prover(prover))
}

/// What a villain owes by the rules, written out by hand.
fn penalties(net: &Net, id: &JobId, role: &str, prover: ProverIndex, assigned: u64, deeds: &[Deed]) -> BTreeSet<LedgerEntry> {
    let spec = &net.spec;
    let entry = |phase, reason, units: i64| LedgerEntry {
        job: *id,
        phase,
        account: Account::Prover(prover),
        reason,
        amount: Reward::from_units(units),
    };
    let mut owed = BTreeSet::new();
    if matches!(role, "silent" | "late" | "wrong-digest" | "garbage") {
        owed.insert(entry(Phase::T1, Reason::Missed, spec.penalty_t1_prover));
    }
    if role == "wrong-digest" {
        owed.insert(entry(Phase::T1, Reason::WrongDigest, spec.penalty_wrong_digest));
    }
    if role == "equivocation" {
        owed.insert(entry(Phase::T1, Reason::Equivocation, spec.penalty_equivocation));
    }
    // None of them had a valid partial.
    owed.insert(entry(Phase::T2, Reason::Missed, spec.penalty_t2_prover));
    owed.insert(entry(Phase::T3, Reason::NonParticipation, spec.penalty_prover_t3));
    // Both full proofs leave out each of its instances: twice the penalty, averaged over the two.
    owed.insert(entry(Phase::T3, Reason::NotReused, spec.penalty_prover_notreused_t3 * assigned as i64));
    if deeds.iter().any(|deed| deed.phase == "T3" && deed.code == 200) {
        owed.insert(entry(Phase::T3, Reason::FalseFullProof, spec.penalty_false_full_proof));
    }
    owed
}
