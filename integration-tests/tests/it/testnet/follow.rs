//! The sidecar alone over a real execution client and blocks in today's wire format; nothing is proven.

use std::{path::Path, time::Duration};

use futures::StreamExt as _;
use quintet_api::{EventKind, GatewayClient, JobFilter, JobState, Topic};
use quintet_beacon::{BeaconClient, BlockId, ClientConfig};
use quintet_integration_tests::testnet::{Chain, Process, Program, Testnet, TestnetOptions, free_port, unavailable};
use quintet_keys::SecretKey;
use quintet_types::{Slot, Spec, spec::Network};

use super::stack::program;

const SLOT: Duration = Duration::from_secs(2);
/// Longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a lie is told: whoever was not listening at that moment, or polls, need not have heard it.
const TELLINGS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_follows_a_real_chain_and_believes_no_lie() {
    if let Some(reason) = unavailable(Chain::Fulu.packages()) {
        println!("SKIPPED: no real clients from npm here: {reason}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let options = TestnetOptions { chain: Chain::Fulu, slot: SLOT, transfers: 4 };
    let mut testnet = Testnet::start(&dir.path().join("clients"), options).await.unwrap();
    let (mut sidecar, gateway) = sidecar(dir.path(), &testnet);
    let node = BeaconClient::connect(ClientConfig::new([testnet.beacon_url()])).await.unwrap();

    // A job, with the mix that the node has and the provers drawn by it.
    let first = wait_for_job(&gateway, &mut sidecar, Slot(0)).await;
    the_job_is_that_of_the_nodes_block(&gateway, &node, first).await;

    // Lies, each about one block. What the sidecar says about them is among its events.
    for (lie, verdict) in [("reveal", "is not used: Reveal"), ("payload", "is not used: BlockHash"), ("mix", "RANDAO mix")] {
        let (slot, root, warning) = tell(&mut testnet, &gateway, lie).await;
        assert!(warning.contains(verdict), "{lie}: {warning}");
        let next = wait_for_job(&gateway, &mut sidecar, Slot(slot + 1)).await;
        the_job_is_that_of_the_nodes_block(&gateway, &node, next).await;
        let jobs = gateway.jobs(&JobFilter { limit: Some(1000), ..JobFilter::default() }).await.unwrap().data;
        assert!(jobs.iter().all(|job| job.job.block_root.to_string() != root), "a job for a lie about the {lie}");
    }
    the_lookahead_names_who_proposed(&node).await;
    sidecar.stop().await.unwrap();
    testnet.stop().await.unwrap();
}

/// The state after a block of Fulu names the proposers of its epoch and of the next one: who signs the blocks after it are those.
async fn the_lookahead_names_who_proposed(node: &BeaconClient) {
    let slots_per_epoch = node.spec().preset.slots_per_epoch;
    let (mut named, mut checked) = (None, 0);
    let search = async {
        let mut seen = Slot(0);
        while checked < 3 {
            tokio::time::sleep(SLOT / 4).await;
            let block = node.block(BlockId::Head).await.unwrap().expect("a head");
            if block.slot == seen {
                continue;
            }
            seen = block.slot;
            match &named {
                None => named = node.proposers_after(block.block_root).await.unwrap(),
                Some(lookahead) => {
                    assert_eq!(lookahead.at(seen), Some(block.proposer_index), "slot {seen}");
                    checked += 1;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("blocks of Fulu, one after the other");
    let lookahead = named.expect("a state of Fulu has one");
    assert_eq!(lookahead.proposers.len() as u64, 2 * slots_per_epoch);
}

/// A sidecar that opens a job for every block, for provers that do not exist.
fn sidecar(dir: &Path, testnet: &Testnet) -> (Process, GatewayClient) {
    let spec = Spec {
        job_interval_slots: 1,
        provers_per_proof: 2,
        phase_slots: 1,
        max_attempts: 1,
        k_min: 11,
        k_max: 12,
        slot_duration_ms: SLOT.as_millis() as u64,
        ..Network::Devnet.spec()
    };
    let (network, registry) = (dir.join("network.toml"), dir.join("registry.toml"));
    std::fs::write(&network, spec.to_toml()).unwrap();
    let keys = (0..64).map(|_| SecretKey::generate().unwrap().public_key());
    let entries = keys.map(|key| format!("[[prover]]\npubkey = \"{key}\"\n"));
    std::fs::write(&registry, entries.collect::<String>()).unwrap();
    let port = free_port().unwrap();
    let sidecar = Process::start(Program {
        name: "the sidecar".into(),
        path: program("quintet-sidecar"),
        arguments: vec![
            "run".into(),
            format!("--network={}", network.display()),
            format!("--registry={}", registry.display()),
            format!("--data-dir={}", dir.join("sidecar").display()),
            format!("--beacon-url={}", testnet.beacon_url()),
            format!("--listen=127.0.0.1:{port}"),
        ],
        environment: Vec::new(),
        in_time: false,
        log: dir.join("sidecar.log"),
    });
    (sidecar.unwrap(), GatewayClient::new(&format!("http://127.0.0.1:{port}"), Duration::from_secs(5)).unwrap())
}

/// Waits for a job with provers of a block at `from` or later.
async fn wait_for_job(gateway: &GatewayClient, sidecar: &mut Process, from: Slot) -> quintet_api::JobSummary {
    let search = async {
        loop {
            sidecar.check().unwrap();
            let filter = JobFilter { from_slot: Some(from.0), ..JobFilter::default() };
            let jobs = gateway.jobs(&filter).await.map(|page| page.data).unwrap_or_default();
            let served = |job: &&quintet_api::JobSummary| job.state != JobState::Unserved && job.num_provers >= 2;
            if let Some(job) = jobs.iter().find(served) {
                return job.clone();
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, search).await.expect("a job is opened")
}

async fn the_job_is_that_of_the_nodes_block(gateway: &GatewayClient, node: &BeaconClient, job: quintet_api::JobSummary) {
    let id = job.job;
    let block = node.block(BlockId::Slot(id.slot)).await.unwrap().expect("the block is canonical");
    assert_eq!(block.block_root, id.block_root);
    let mix = node.randao(BlockId::Slot(id.slot)).await.unwrap().expect("the node has the route");
    assert_eq!(Some(mix), block.randao_mix, "the mix follows from the block");
    assert_eq!(gateway.selection(&id).await.unwrap().randao_mix, mix);
}

/// Tells a lie until the sidecar says something about it: slot and root of the block in question, and what it says.
async fn tell(testnet: &mut Testnet, gateway: &GatewayClient, lie: &str) -> (u64, String, String) {
    for _ in 0..TELLINGS {
        let (slot, root) = testnet.forge(lie).await.unwrap();
        if let Ok(warning) = tokio::time::timeout(PATIENCE / 2, warning_about(gateway, slot)).await {
            return (slot, root, warning);
        }
        println!("the {lie} at slot {slot} went unheard");
    }
    panic!("the sidecar says nothing about a lie about the {lie}, told {TELLINGS} times");
}

/// The sidecar's warning about a slot, whenever it comes.
async fn warning_about(gateway: &GatewayClient, slot: u64) -> String {
    loop {
        // From the first event on: the warning may have come before this question.
        if let Ok(mut events) = gateway.events(&Topic::ALL, Some(0)).await {
            while let Some(Ok(event)) = events.next().await {
                if let EventKind::Warning { message } = event.kind
                    && [' ', ':'].iter().any(|end| message.contains(&format!("slot {slot}{end}")))
                {
                    return message;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
