//! kill −9 at random moments of a run over recorded submissions: nothing acknowledged is lost, and the ledger is that of a run that nobody disturbed.
//!
//! The sidecars live in a process of their own, this test binary started again. Several share one, each in its folder and thread and at another point
//! of its run, because a process spends seconds on making the circuits. The parent holds the clock and is the provers and the beacon node: it knows what was
//! acknowledged, and hands in again what was not.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use quintet_sidecar::{core::Refusal, db};
use quintet_store::{Options, Store};
use quintet_types::{Epoch, JobId, Phase, PublicKeyBytes, Submission};

use crate::{
    provers::{sign, sign_full},
    recording::recording,
    world::{GENESIS_MS, World, block, secret, spec},
};

/// Set for the child: the folder with a folder for each sidecar.
const FOLDER: &str = "QUINTET_SIDECAR_TEST_FOLDER";
/// Set for the child: for each sidecar how many of its steps were acknowledged.
const DONE: &str = "QUINTET_SIDECAR_TEST_DONE";

/// One thing that happens to a sidecar.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// The recorded block becomes the head.
    Head,
    /// Time passes to so many milliseconds after the start of the block's slot.
    Clock(u64),
    /// The prover of a seat commits.
    Commit(usize),
    /// The prover of a seat has signed another T1 body and hands that in.
    Equivocate(usize),
    /// The prover of a seat hands in its partials.
    Prove(usize),
    /// The prover of a seat hands in its full proof.
    Aggregate(usize),
    /// The prover of a seat hands in a full proof that is none.
    Lie(usize),
    /// The recorded block is final.
    Final,
}

use Step::{Aggregate, Clock, Commit, Equivocate, Final, Head, Lie, Prove};

/// The run: the last prover misses T1, the second equivocates, the third sends a false full proof.
fn script() -> Vec<Step> {
    let spec = spec();
    let slot = spec.slot_duration_ms;
    let deadline = |phase: u64| Clock((spec.t1_delay_slots + phase * spec.phase_slots) * slot + spec.arrival_tolerance_ms + 1);
    let holes = Clock((spec.t1_delay_slots + spec.phase_slots) * slot - slot / 2);
    vec![
        Head,
        Commit(1),
        Commit(0),
        Equivocate(1),
        Commit(2),
        holes,
        deadline(1),
        Prove(3),
        Prove(1),
        Clock((spec.t1_delay_slots + spec.phase_slots + 1) * slot),
        Prove(0),
        Prove(2),
        deadline(2),
        Aggregate(3),
        Lie(2),
        Aggregate(0),
        Aggregate(1),
        deadline(3),
        Final,
    ]
}

/// True time of a step: that of the last clock step before it.
fn time(step: usize) -> u64 {
    let start = GENESIS_MS + 26 * spec().slot_duration_ms;
    let script = script();
    let passed = script[..step].iter().filter_map(|step| if let Clock(ms) = step { Some(*ms) } else { None });
    start + passed.max().unwrap_or(0)
}

fn job() -> JobId {
    JobId::new(block().slot, block().block_root)
}

/// What a step hands in, if it is accepted: (phase, prover).
fn accepted(world: &World, step: Step) -> Option<(Phase, PublicKeyBytes)> {
    let (phase, seat) = match step {
        Commit(seat) => (Phase::T1, seat),
        Prove(seat) => (Phase::T2, seat),
        Aggregate(seat) | Lie(seat) => (Phase::T3, seat),
        _ => return None,
    };
    Some((phase, world.selected(&job())[seat]))
}

fn perform(world: &mut World, step: Step) {
    let job = job();
    let key = |world: &World, seat: usize| world.selected(&job)[seat];
    let submission = match step {
        Head => {
            // The follower resumes behind the head that the store knows.
            if world.core.chain.head != job.block_root {
                world.head(&block());
            }
            return world.settle();
        }
        Clock(ms) => return world.pass_to(GENESIS_MS + 26 * spec().slot_duration_ms + ms),
        Final => return world.core.on_finalized(Epoch(9), job.block_root).unwrap(),
        Equivocate(seat) => {
            let key = key(world, seat);
            let Submission::Commitments(mut second) = world.commitments(&job, &key) else { unreachable!() };
            second.body.commitments = Default::default();
            let second = sign(secret(&key), world.spec(), Submission::Commitments(second));
            assert!(matches!(world.submit(second), Err(Refusal::Duplicate(_))));
            return;
        }
        Commit(seat) => world.commitments(&job, &key(world, seat)),
        Prove(seat) => world.partials(&job, &key(world, seat)),
        Aggregate(seat) => world.full_proof(&job, &key(world, seat), Phase::T3),
        Lie(seat) => {
            let key = key(world, seat);
            let mut body = recording().full_proofs[&key].clone();
            body.aggregation[0] ^= 1;
            sign_full(secret(&key), world.spec(), &job, Phase::T3, body)
        }
    };
    world.submit(submission).unwrap();
}

/// Goes on behind the `done` steps that were acknowledged, and says of each step when it is.
fn run(number: usize, folder: &Path, done: usize) {
    let mut world = World::at(folder, time(done), spec());
    let script = script();
    for step in &script[..done] {
        if let Some((phase, key)) = accepted(&world, *step) {
            let there = world.live(&job()).received.contains_key(&(phase, world.index(&key)));
            assert!(there, "sidecar {number} lost {step:?}, which it had acknowledged");
        }
    }
    for (place, step) in script.iter().enumerate().skip(done) {
        world.settle();
        perform(&mut world, *step);
        say(&format!("done {number} {place}"));
    }
    say(&format!("ledger {number} {} {}", world.ledger_root(), world.core.books.ledger.entries().count()));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Not a test of its own: the process that the tests below start and kill.
#[test]
fn child_that_runs_until_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let done: Vec<usize> = std::env::var(DONE).unwrap().split(',').map(|count| count.parse().unwrap()).collect();
    say("");
    std::thread::scope(|scope| {
        for (number, done) in done.into_iter().enumerate() {
            let folder = Path::new(&folder).join(number.to_string());
            scope.spawn(move || run(number, &folder, done));
        }
    });
    // Whoever is to be killed never ends by itself, however quick it was.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn start(folder: &Path, done: &[usize]) -> Child {
    let done: Vec<String> = done.iter().map(ToString::to_string).collect();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_runs_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(DONE, done.join(","))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Numbers that are not predictable, and shown, so that a failure can be looked into.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

/// What was acknowledged is in the stores, whoever opens them.
fn nothing_is_lost(folder: &Path, done: &[usize]) {
    for (number, done) in done.iter().enumerate().filter(|(_, done)| **done > 0) {
        let path = folder.join(number.to_string()).join("store");
        let store = Store::open(&path, &db::SCHEMA, &Options { create: false, ..Options::default() }).unwrap();
        let handed_in =
            script()[..*done].iter().filter(|step| matches!(step, Commit(_) | Prove(_) | Aggregate(_) | Lie(_))).count();
        let there = store.prefix(&db::SUBMISSIONS, &job().root().0).count();
        assert!(there >= handed_in, "sidecar {number}: {handed_in} submissions were acknowledged, {there} are there");
    }
}

/// Runs `sidecars` sidecars, kills their process `kills` times, and lets them end; one more runs undisturbed with the last process.
fn killed(sidecars: usize, kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let steps = script().len();
    let mut done = vec![0; sidecars];
    let mut ledgers = BTreeMap::new();
    for round in 0..=kills {
        let last = round == kills;
        if last {
            done.push(0);
        }
        let left: usize = done.iter().map(|done| steps - done).sum();
        // The last one ends with its ledgers. Kills are about evenly spread over what is left, which is nothing if the others were late.
        let share = (left / (kills + 1 - round)) as u64;
        let mut until = if last { left + done.len() } else { left.min(1 + dice.below(2 * share) as usize) };
        let mut child = start(folder.path(), &done);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        while until > 0 {
            let Some(line) = lines.next() else { break };
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["done", number, place] => {
                    let number: usize = number.parse().unwrap();
                    assert_eq!(place.parse(), Ok(done[number]));
                    done[number] += 1;
                    until -= 1;
                }
                ["ledger", number, root, entries] => {
                    ledgers.insert(number.to_owned(), (root.to_owned(), entries.to_owned()));
                    until -= usize::from(last);
                }
                _ => {}
            }
        }
        if !last {
            // Not in step with what it just said.
            std::thread::sleep(Duration::from_micros(dice.below(30_000)));
            child.kill().unwrap();
        }
        // Closes its input, which lets the last one end.
        let status = child.wait().unwrap();
        assert_eq!(status.code(), last.then_some(0), "the process went down by itself, see above");
        // What it said between our last look and its end was acknowledged too.
        for line in lines {
            if let ["done", number, place] = line.split(' ').collect::<Vec<_>>()[..]
                && let (Ok(number), Ok(place)) = (number.parse::<usize>(), place.parse::<usize>())
            {
                done[number] = done[number].max(place + 1);
            }
        }
        nothing_is_lost(folder.path(), &done);
        println!("after process {round}: {done:?} of {steps} steps");
    }
    assert_eq!(ledgers.len(), sidecars + 1);
    let undisturbed = ledgers[&sidecars.to_string()].clone();
    assert!(undisturbed.1.parse::<usize>().unwrap() > 20, "there is something in the ledger: {undisturbed:?}");
    for (number, ledger) in &ledgers {
        assert_eq!(*ledger, undisturbed, "sidecar {number}");
    }
}

#[test]
fn twenty_kills_lose_nothing_acknowledged_and_change_no_ledger() {
    killed(5, 4);
}

#[test]
#[ignore = "long: 200 kills, ten minutes"]
fn two_hundred_kills_lose_nothing_acknowledged_and_change_no_ledger() {
    killed(10, 20);
}
