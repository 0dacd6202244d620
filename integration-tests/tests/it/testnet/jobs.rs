//! Jobs over real clients, from announcement to rewards.

use std::{collections::BTreeMap, time::Duration};

use quintet_api::{JobDetail, JobState};
use quintet_beacon::{BeaconClient, BlockId, ClientConfig};
use quintet_integration_tests::testnet::{Chain, Testnet};
use quintet_types::{Account, Balance};

use super::stack::{SLOT, Stack};

async fn a_block_is_proven_and_paid(chain: Chain) {
    let stack = Stack::start(chain).await;
    let job = stack.job(JobState::Finalized, &[]).await;
    it_is_the_nodes_block(&stack.testnet, &job, &stack).await;
    it_is_paid(&stack, &job).await;
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm"]
async fn a_block_of_lodestar_and_ethereumjs_is_proven_and_paid() {
    a_block_is_proven_and_paid(Chain::Capella).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm"]
async fn a_fulu_block_is_proven_and_paid() {
    a_block_is_proven_and_paid(Chain::Fulu).await;
}

/// Phases go by the clock: neither sidecar nor provers need the node once a job is announced. Not with Lodestar, which takes
/// itself for syncing for ever when it wakes up more than eight slots later.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm"]
async fn a_job_ends_while_the_beacon_node_hangs_and_the_next_comes_after_it_is_back() {
    let stack = Stack::start(Chain::Fulu).await;
    let job = stack.job(JobState::T1, &[]).await;
    stack.testnet.freeze().await.unwrap();
    let first = stack.job(JobState::Finalized, &[]).await;
    assert_eq!(first.summary.job.slot, job.summary.job.slot, "no other job can have been opened");
    it_is_paid(&stack, &first).await;
    stack.testnet.thaw().await.unwrap();
    let second = stack.job(JobState::Finalized, &[first.summary.job]).await;
    it_is_the_nodes_block(&stack.testnet, &second, &stack).await;
    it_is_paid(&stack, &second).await;
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm"]
async fn a_job_survives_a_restart_of_the_beacon_node() {
    let mut stack = Stack::start(Chain::Fulu).await;
    let job = stack.job(JobState::T1, &[]).await;
    stack.testnet.stop_consensus().await.unwrap();
    tokio::time::sleep(3 * SLOT).await;
    let head = stack.testnet.restart_consensus().await.unwrap();
    assert!(head > job.summary.job.slot.0 + 2, "slots were missed");
    let first = stack.job(JobState::Finalized, &[]).await;
    assert_eq!(first.summary.job.slot, job.summary.job.slot, "one job at a time");
    it_is_the_nodes_block(&stack.testnet, &first, &stack).await;
    it_is_paid(&stack, &first).await;
    // The sidecar follows the node again.
    let until = std::time::Instant::now() + 20 * SLOT;
    while stack.gateway.syncing().await.unwrap().head_slot.0 < head {
        assert!(std::time::Instant::now() < until, "the sidecar does not follow");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stack.end().await;
}

/// Slot, root, RANDAO mix and transactions are those that the node has.
async fn it_is_the_nodes_block(testnet: &Testnet, job: &JobDetail, stack: &Stack) {
    let client = BeaconClient::connect(ClientConfig::new([testnet.beacon_url()])).await.unwrap();
    let id = job.summary.job;
    let block = client.block(BlockId::Slot(id.slot)).await.unwrap().expect("the block is canonical");
    assert_eq!(block.block_root, id.block_root);
    assert_eq!(block.gas_used(), Some(job.summary.gas_used));
    assert_eq!(block.payload().unwrap().transactions.len() as u64, job.summary.transactions);
    let mix = match client.randao(BlockId::Slot(id.slot)).await.unwrap() {
        Some(mix) => mix,
        // Lodestar 1.5.1 has no such route.
        None => client.randao_from_state(BlockId::Slot(id.slot)).await.unwrap().expect("the state is there").1,
    };
    assert_eq!(stack.gateway.selection(&id).await.unwrap().randao_mix, mix);
}

/// A full proof of all instances, and a reward for every selected prover and for the validator.
async fn it_is_paid(stack: &Stack, job: &JobDetail) {
    let id = job.summary.job;
    let proofs = stack.gateway.submissions(&id, "full_proofs").await.unwrap();
    assert!(job.full_proof.is_some() && proofs.iter().any(|proof| proof.valid.len() == job.instances.len()), "{proofs:?}");
    let mut sums: BTreeMap<Account, Balance> = BTreeMap::new();
    for reward in stack.gateway.rewards(&id).await.unwrap() {
        *sums.entry(reward.entry.account).or_insert(Balance(0)) += reward.entry.amount;
    }
    let selection = stack.gateway.selection(&id).await.unwrap();
    assert!(selection.selected.len() >= 2);
    for prover in selection.selected {
        assert!(sums.get(&Account::Prover(prover)).is_some_and(|sum| sum.0 > 0), "prover {prover}: {sums:?}");
    }
    assert!(sums.iter().any(|(account, sum)| matches!(account, Account::Validator(_)) && sum.0 > 0), "{sums:?}");
    let accounts = stack.gateway.ledger().await.unwrap().accounts;
    assert!(sums.keys().all(|account| accounts.iter().any(|entry| entry.account == *account)), "{accounts:?}");
}
