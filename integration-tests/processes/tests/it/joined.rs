//! Four sidecars as processes, a validator each, that close phases together over links that the test can cut; daemons post to different ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use quintet_api::{GatewayClient, JobFilter, JobState};
use quintet_devnet::launch::{Children, Files, Programs, SidecarFiles, Validators, devnet_spec, join_sidecars};
use quintet_devnet::{Devnet, DevnetConfig};
use quintet_types::{JobId, LedgerEntry, Phase, Reason, Root, Spec};

use crate::net::{free_port, phase_slots};
use crate::relay::Relay;

/// Length of a slot.
const SLOT: Duration = Duration::from_secs(2);
/// Sidecars.
pub(crate) const COUNT: usize = 4;

/// The network. Relays lie between each two sidecars, by (who dials, who is dialled).
pub(crate) struct Joined {
    pub(crate) files: Files,
    pub(crate) children: Children,
    spec: Spec,
    programs: Programs,
    chain: Devnet,
    pub(crate) sidecars: Vec<SidecarFiles>,
    pub(crate) clients: Vec<GatewayClient>,
    links: BTreeMap<(usize, usize), Relay>,
    further: Vec<String>,
}

impl Joined {
    /// Starts chain and sidecars, without provers. A job waits until it gets four of these.
    pub(crate) async fn start(phase_slots: u64, further: &[&str], change: impl FnOnce(&mut Spec)) -> Self {
        let mut spec = devnet_spec(SLOT, phase_slots).unwrap();
        spec.min_provers = 4;
        change(&mut spec);
        spec.check().unwrap();
        // Named, they are kept, with the logs of all processes.
        let keep = std::env::var_os("QUINTET_TEST_KEEP").map(PathBuf::from);
        let files = Files::create(keep.as_deref(), 8, &spec).unwrap();
        let config = DevnetConfig { slot_duration: SLOT, txs_per_block: 1, ..DevnetConfig::default() };
        let chain = Devnet::start(config).await.unwrap();
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses: Vec<_> = (0..COUNT).map(|_| (local(free_port()), free_port())).collect();
        let mut links = BTreeMap::new();
        for (from, to) in (0..COUNT).flat_map(|from| (0..from).map(move |to| (from, to))) {
            links.insert((from, to), Relay::start(from, to, addresses[to].1).await);
        }
        let sidecars = join_sidecars(&files, &addresses, 1, &Validators::File, |from, to| links[&(from, to)].address).unwrap();
        let client = |sidecar: &SidecarFiles| {
            GatewayClient::new(&format!("http://{}", sidecar.gateway), Duration::from_secs(20)).unwrap()
        };
        let clients = sidecars.iter().map(client).collect();
        let further = further.iter().map(|&argument| argument.to_owned()).collect();
        let (programs, children) = (Programs::find().unwrap(), Children::default());
        let mut net = Self { files, children, spec, programs, chain, sidecars, clients, links, further };
        for place in 0..COUNT {
            net.run(place);
        }
        for client in &net.clients {
            let until = Instant::now() + Duration::from_secs(180);
            while client.identity().await.is_err() {
                net.children.check().unwrap();
                assert!(Instant::now() < until, "a sidecar does not answer");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        net
    }

    fn run(&mut self, place: usize) {
        let chain = self.chain.url();
        self.sidecars[place].start(&self.programs, &self.files, &mut self.children, &chain, self.further.clone()).unwrap();
    }

    /// Starts all provers; each posts to the next sidecar.
    fn provers(&mut self) {
        let provers = self.files.provers().to_vec();
        for (number, prover) in provers.iter().enumerate() {
            let arguments = [
                "run".to_owned(),
                "--aggregate".to_owned(),
                format!("--gateway=http://{}", self.sidecars[number % COUNT].gateway),
                format!("--beacon-url={}", self.chain.url()),
                format!("--stake-key={}", prover.keystore.display()),
                format!("--password-file={}", self.files.password().display()),
                format!("--data-dir={}", prover.data.display()),
            ];
            let name = format!("prover-{number}");
            self.children.spawn(&name, &self.programs.prover, arguments.into_iter(), self.files.log(&name)).unwrap();
        }
    }

    /// Cuts all links between one side and the others, or mends them.
    pub(crate) fn set_up(&self, side: &[usize], up: bool) {
        let crosses = |(from, to): &(usize, usize)| side.contains(from) != side.contains(to);
        self.links.iter().filter(|(ends, _)| crosses(ends)).for_each(|(_, relay)| relay.set_up(up));
    }

    /// Jobs in a state, as one sidecar has them, oldest first.
    pub(crate) async fn jobs(&self, place: usize, wanted: impl Fn(JobState) -> bool) -> Vec<JobId> {
        let (mut found, mut filter) = (Vec::new(), JobFilter { limit: Some(1000), ..JobFilter::default() });
        // Most blocks' jobs are nobody's, so that those that were served are soon pages apart.
        loop {
            let Ok(page) = self.clients[place].jobs(&filter).await else { return Vec::new() };
            found.extend(page.data.iter().filter(|job| wanted(job.state)).map(|job| job.job));
            filter.after = page.next;
            if filter.after.is_none() {
                found.reverse();
                return found;
            }
        }
    }

    /// Waits until one sidecar has `count` jobs in a state.
    pub(crate) async fn until(
        &mut self,
        place: usize,
        count: usize,
        seconds: u64,
        wanted: impl Fn(JobState) -> bool,
    ) -> Vec<JobId> {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            self.children.check().unwrap();
            let jobs = self.jobs(place, &wanted).await;
            if jobs.len() >= count {
                return jobs;
            }
            if Instant::now() > until {
                self.children.print_tails();
                panic!("sidecar {place} has {} of {count} such jobs after {seconds} s", jobs.len());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits until the first sidecar has a job in a state that is none of `known`.
    async fn another(&mut self, known: &[JobId], seconds: u64, wanted: fn(JobState) -> bool) -> JobId {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            self.children.check().unwrap();
            if let Some(job) = self.jobs(0, wanted).await.into_iter().find(|job| !known.contains(job)) {
                return job;
            }
            if Instant::now() > until {
                self.children.print_tails();
                panic!("no further job after {} within {seconds} s", known.len());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits until all sidecars have closed a job's phases with the same bundles, and have the same entries for it.
    pub(crate) async fn agreed(&mut self, job: &JobId) -> Vec<LedgerEntry> {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let (mut bundles, mut ledgers) = (Vec::new(), Vec::new());
            for client in &self.clients {
                let detail = client.job(job).await;
                let closed = |detail: quintet_api::JobDetail| -> Vec<(Phase, Option<Root>)> {
                    detail.phases.iter().map(|phase| (phase.phase, phase.bundle_root)).collect()
                };
                bundles.push(detail.map(closed).unwrap_or_default());
                ledgers.push(client.ledger_entries(job).await.unwrap_or_default());
            }
            let same = bundles.iter().all(|of| *of == bundles[0]) && ledgers.iter().all(|of| *of == ledgers[0]);
            if same && bundles[0].iter().all(|(_, root)| root.is_some()) && !ledgers[0].is_empty() {
                return ledgers.swap_remove(0);
            }
            if Instant::now() > until {
                self.children.print_tails();
                panic!("sidecars differ in {job}: {bundles:#?} {ledgers:#?}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until the ledgers of all sidecars have one root, over everything that was ever booked.
    async fn one_root(&mut self) -> Root {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let mut roots = Vec::new();
            for client in &self.clients {
                roots.push(client.ledger().await.map(|ledger| ledger.root).ok());
            }
            // They do not close a phase at the same moment.
            if let Some(root) = roots[0]
                && roots.iter().all(|other| *other == Some(root))
            {
                return root;
            }
            assert!(Instant::now() < until, "ledgers differ: {roots:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    pub(crate) async fn stop(mut self) {
        self.children.stop().await;
        self.chain.shutdown().await;
    }
}

const fn finalized(state: JobState) -> bool {
    matches!(state, JobState::Finalized)
}

/// Nobody proves anything: T1 ends with a bundle of nothing, certified, and each selected prover is fined the same everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_certify_that_nothing_came() {
    let mut net = Joined::start(phase_slots(4), &["--set=limits.fill=0"], |spec| spec.max_attempts = 1).await;
    let job = net.until(0, 1, 180, |state| matches!(state, JobState::Failed)).await[0];
    let entries = net.agreed(&job).await;
    let selected = net.clients[0].job(&job).await.unwrap().selected;
    assert_eq!(entries.len(), selected.len(), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.phase == Phase::T1 && entry.reason == Reason::Missed), "{entries:?}");
    net.stop().await;
}

/// One sidecar is killed while a job is open, and comes back, and again, before every `every`th job. Jobs end in a state that is wanted.
async fn jobs_with_a_kill(mut net: Joined, (jobs, every): (usize, usize), wanted: fn(JobState) -> bool) {
    let phase_ms = net.spec.phase_slots * net.spec.slot_duration_ms;
    let mut done = Vec::new();
    for number in 1..=jobs {
        if number % every == 0 {
            let victim = number / every % (COUNT - 1) + 1;
            let open = |state| matches!(state, JobState::T1 | JobState::T2 | JobState::T3);
            net.until(0, 1, 300, open).await;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..phase_ms))).await;
            net.children.kill(&format!("sidecar-{victim}")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..phase_ms / 2))).await;
            net.run(victim);
        }
        let job = net.another(&done, 600, wanted).await;
        // Now, since sidecars forget jobs some epochs after these are final.
        net.agreed(&job).await;
        println!("job {number} of {jobs}: {job}");
        done.push(job);
    }
    let root = net.one_root().await;
    println!("{} jobs, the same entries in {COUNT} sidecars, one ledger root {root}", done.len());
    net.stop().await;
}

/// The network with its provers.
async fn with_provers() -> Joined {
    let mut net = Joined::start(phase_slots(12), &[], |_| ()).await;
    net.provers();
    net
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: proves two blocks"]
async fn a_killed_sidecar_comes_back_to_the_same_ledger() {
    jobs_with_a_kill(with_provers().await, (2, 2), finalized).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: proves six blocks, a sidecar is killed in each"]
async fn who_is_killed_in_each_job_comes_back_to_the_same_ledger() {
    jobs_with_a_kill(with_provers().await, (6, 1), finalized).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: proves twenty blocks, a sidecar is killed four times"]
async fn twenty_jobs_and_four_kills_end_with_one_ledger() {
    jobs_with_a_kill(with_provers().await, (20, 5), finalized).await;
}

/// What the machine's proofs have no part in: nobody serves the jobs, everybody selected is fined, leaders and attesters are paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: twenty phases, a sidecar is killed four times"]
async fn twenty_jobs_that_nobody_serves_and_four_kills_end_with_one_ledger() {
    let net = Joined::start(phase_slots(4), &["--set=limits.fill=0"], |spec| spec.max_attempts = 1).await;
    jobs_with_a_kill(net, (20, 5), |state| matches!(state, JobState::Failed)).await;
}

/// Two and two have no majority and wait for each other; three and one have, and the one follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: proves two blocks, with deadlines that move"]
async fn partitions_delay_and_heal_and_contradict_nothing() {
    for side in [&[0, 1][..], &[3]] {
        let mut net = Joined::start(phase_slots(12), &[], |_| ()).await;
        net.provers();
        let job = net.until(0, 1, 300, |state| state == JobState::T2).await[0];
        net.set_up(side, false);
        let phase = Duration::from_millis(net.spec.phase_slots * net.spec.slot_duration_ms);
        tokio::time::sleep(phase + phase / 2).await;
        let states = |net: &Joined| {
            let clients = net.clients.clone();
            async move {
                let mut states = Vec::new();
                for client in clients {
                    states.push(client.job(&job).await.unwrap().summary.state);
                }
                states
            }
        };
        let apart = states(&net).await;
        let behind: Vec<usize> = (0..COUNT).filter(|&place| apart[place] == JobState::T2).collect();
        println!("{side:?} cut off: {apart:?}");
        if side.len() == 2 {
            assert_eq!(behind.len(), COUNT, "neither half has more than two thirds");
        } else {
            assert_eq!(behind, [3], "the three go on");
        }
        net.set_up(side, true);
        net.until(0, 1, 600, finalized).await;
        net.agreed(&job).await;
        net.stop().await;
    }
}

/// Everything takes 200 ms to 1 s on each link, and 5 % of it longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: proves a block"]
async fn slow_and_lossy_links_cost_time_only() {
    let mut net = Joined::start(phase_slots(12), &[], |_| ()).await;
    net.links.values().for_each(|relay| relay.set_bad(true));
    net.provers();
    let job = net.until(0, 1, 900, finalized).await[0];
    net.agreed(&job).await;
    net.stop().await;
}
