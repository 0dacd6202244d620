//! The computed parts of `docs/rewards.md` and `docs/sizing.md`: they must be what the code gives.
//!
//! `UPDATE_DOCS=1 cargo nextest run -p quintet-protocol docs` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use quintet_protocol::{BusyBook, num_provers, schedule};
use quintet_types::spec::Network;
use quintet_types::{JobId, ProverIndex, Reward, Root, Slot, Spec};

use crate::{examples, payoff};

fn doc(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Holds the part of a page between its markers to `expected`.
fn check(page: &str, part: &str, expected: &str) {
    let text = std::fs::read_to_string(doc(page)).unwrap();
    let (begin, end) = (format!("<!-- begin computed: {part} -->\n"), format!("<!-- end computed: {part} -->"));
    let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no part {part}"));
    let (found, tail) = rest.split_once(&end).unwrap();
    let expected = format!("\n{}\n\n", expected.trim_end());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(doc(page), [head, &begin, &expected, &end, tail].concat()).unwrap();
    } else {
        assert!(
            found == expected,
            "docs/{page}, part {part}, is out of date: UPDATE_DOCS=1 cargo nextest run -p quintet-protocol docs"
        );
    }
}

/// Units with two decimals, rounded down.
fn short(amount: Reward) -> String {
    let cents = amount.0.div_euclid(10_000_000);
    let sign = if cents < 0 { "−" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

// One test for all of rewards.md: parallel tests must not write one file.
#[test]
fn rewards_page_shows_the_computed_examples_and_payoffs() {
    let mut shown = String::new();
    for example in examples::all() {
        let _ = writeln!(shown, "**{}** ({}). {}\n", example.name.replace('_', " "), example.phase, example.text);
        let _ = writeln!(shown, "| account | reason | amount |\n|---|---|---:|");
        for (account, reason, amount) in &example.expect {
            let account = match account.split_at(1) {
                ("p", index) => format!("prover {index}"),
                (_, index) => format!("validator {index}"),
            };
            let _ = writeln!(shown, "| {account} | {} | {} |", reason.replace('_', " "), amount.replace('-', "−"));
        }
        shown.push('\n');
    }
    check("rewards.md", "examples", &shown);

    let table = payoff::table();
    let honest = table[0].total;
    let mut shown =
        String::from("| strategy | what it does | T1 | T2 | T3 | total | of honest |\n|---|---|---:|---:|---:|---:|---:|\n");
    for row in table {
        let [t1, t2, t3] = row.phases.map(short);
        let percent = (i128::from(row.total.0) * 100).div_euclid(i128::from(honest.0)).to_string().replace('-', "−");
        let _ =
            writeln!(shown, "| {} | {} | {t1} | {t2} | {t3} | {} | {percent} % |", row.strategy, row.does, short(row.total));
    }
    check("rewards.md", "payoffs", &shown);
}

/// How many registered provers a network needs so that each due job gets `n`, if every job ends with `last` phases.
fn needed(spec: &Spec, n: u64, last: u64) -> (u64, u64) {
    let held = spec.t1_delay_slots + (last + 1) * spec.phase_slots;
    // Blocks after the job's own that find its provers busy: those at slots S + 1 … S + held − 1.
    let overlapping = (held - 1) / spec.job_interval_slots.max(1);
    (overlapping, overlapping * n + 2 * n)
}

/// The smallest registry with which every job of a long run is full, by simulation with the busy rule itself.
fn simulated(spec: &Spec, n: u64, last: u64) -> u64 {
    let full = |registered: u64| {
        let mut book = BusyBook::default();
        let mut next = 0;
        (1..200 * spec.job_interval_slots).map(Slot).all(|slot| {
            if !schedule::job_is_due(slot, Slot(slot.0 - 1), false, spec) {
                return true;
            }
            let busy = book.busy_at(slot, spec, |_, _| true);
            let drawn = num_provers(u64::MAX, registered - busy.len() as u64, spec);
            let mut provers = BTreeSet::new();
            while (provers.len() as u64) < drawn {
                let prover = ProverIndex(next % registered);
                next += 1;
                if !busy.contains(&prover) {
                    provers.insert(prover);
                }
            }
            let id = JobId::new(slot, Root::ZERO);
            book.select(id, provers.into_iter().collect());
            let end = slot.plus(spec.t1_delay_slots + last * spec.phase_slots);
            book.end(&id, end);
            book.prune(Slot(slot.0.saturating_sub(64)));
            drawn == n
        })
    };
    let (mut low, mut high) = (2 * n - 1, 64 * n);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if full(middle) { high = middle } else { low = middle }
    }
    high
}

#[test]
fn sizing_page_shows_what_the_busy_rule_needs() {
    let mut shown = String::from(
        "| network | job every | n | jobs end in | provers held for | jobs that overlap | registered provers needed |\n|---|---|---:|---|---:|---:|---:|\n",
    );
    for network in [Network::Mainnet, Network::Hoodi] {
        let spec = network.spec();
        let n = spec.provers_per_proof;
        for (phase, last) in [("T1", 1), ("T3", 3), ("T5", 5)] {
            let (overlapping, registered) = needed(&spec, n, last);
            assert_eq!(simulated(&spec, n, last), registered, "{network} {phase}: formula against simulation");
            let every = match spec.job_interval_slots {
                1 => "slot".to_owned(),
                slots => format!("{slots} slots"),
            };
            let held = spec.t1_delay_slots + (last + 1) * spec.phase_slots;
            let _ = writeln!(shown, "| {network} | {every} | {n} | {phase} | {held} slots | {overlapping} | {registered} |");
        }
    }
    check("sizing.md", "provers", &shown);
}

#[test]
fn every_test_that_the_protocol_page_names_exists() {
    let page = std::fs::read_to_string(doc("protocol.md")).unwrap();
    let mut sources = String::new();
    let ours = ["tests/it", "src", "src/job", "src/rewards", "../types/tests/it", "../types/src"];
    for folder in ours.into_iter().chain(["../beacon/tests/it", "../beacon/src/follower", "../../sidecar/tests/it"]) {
        for file in std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut named = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        for name in line.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(char::is_uppercase)) {
            assert!(sources.contains(&format!("fn {name}(")), "docs/protocol.md names the test {name}");
            named.insert(name.to_owned());
        }
    }
    let source_tests = sources.lines().filter_map(|line| line.strip_prefix("fn source_")?.split('(').next());
    for test in source_tests {
        assert!(named.contains(&format!("source_{test}")), "docs/protocol.md lacks source_{test}");
    }
}
