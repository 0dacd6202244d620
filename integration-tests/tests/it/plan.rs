//! A block of the devnet makes a job that is worth sharing.

use std::collections::BTreeMap;

use quintet_beacon::{BeaconClient, BlockId, ClientConfig};
use quintet_devnet::{ChainFlags, Clock, Devnet, DevnetConfig, VirtualClock, launch::devnet_spec};
use quintet_machine::AirId;
use quintet_plonk::ParamsCache;
use quintet_proving::{Circuits, Guest, ProvingJob, payload_input};
use quintet_types::{JobId, Slot};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_devnet_block_has_ten_transactions_three_cpu_and_two_memory_instances() {
    let clock = VirtualClock::new();
    let config = DevnetConfig { clock: Clock::Virtual(clock.clone()), ..DevnetConfig::default() };
    let devnet = Devnet::start(ChainFlags::default().apply(config)).await.unwrap();
    clock.advance(1);
    devnet.reached(Slot(1)).await;
    let client = BeaconClient::connect(ClientConfig::new([devnet.url()])).await.unwrap();
    let block = client.block(BlockId::Head).await.unwrap().unwrap();
    assert!(block.payload().unwrap().transactions.len() >= 10);

    let input = payload_input(block.payload().unwrap()).unwrap().encode().unwrap();
    let cache = ParamsCache::new(ParamsCache::default_folder().unwrap());
    let circuits = Circuits::new(Guest::payload().unwrap(), Box::new(move |k| cache.load(k, &|_| {})));
    let id = JobId::new(block.slot, block.block_root);
    let spec = devnet_spec(std::time::Duration::from_secs(4), 45).unwrap();
    let range = spec.k_min as u32..=spec.k_max as u32;
    let plan = move || ProvingJob::new(&circuits, id, input.into(), range, spec.max_full_proof_bytes).unwrap();
    let job = tokio::task::spawn_blocking(plan).await.unwrap();

    let mut counts: BTreeMap<AirId, usize> = BTreeMap::new();
    for entry in &job.plan().entries {
        *counts.entry(AirId::try_from(entry.air).unwrap()).or_default() += 1;
    }
    println!("{} instances at k = {}: {counts:?}", job.instances(), job.shape().k);
    assert!(counts[&AirId::Cpu] >= 3 && counts[&AirId::Memory] >= 2, "{counts:?}");
    // Two cores prove it in minutes.
    assert!(job.instances() <= 90, "{counts:?}");
}
