//! The follower against a real execution client.

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use quintet_keys::SecretKey;
use quintet_protocol::{Pause, ProverRecord};
use quintet_staking::{
    BranchError, Contracts, FollowError, Follower, FollowerConfig, StateAt, bindings::ProverRegistry as Abi,
};
use quintet_types::{Epoch, Slot, Spec, spec::Network};
use serde_json::json;

use crate::anvil::{Anvil, CHAIN_ID, EPOCH_SECONDS, ETHER, OWNER, SETTLEMENT_EPOCHS};

fn provers(follower: &Follower) -> Vec<ProverRecord> {
    follower.view().provers_before(u64::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_is_followed_to_the_final_block_and_survives_a_restart() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (contracts, deployed_at) = anvil.deploy_all();
    let registry = contracts.registry;
    anvil.register(registry, 1, ETHER);
    anvil.register(registry, 2, 3 * ETHER);

    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    follower.poll().await.unwrap();
    assert!(follower.view().registered() < 2, "the head is not final");
    anvil.mine(3);
    follower.poll().await.unwrap();
    let found = provers(&follower);
    assert_eq!(found.iter().map(|prover| prover.stake_gwei).collect::<Vec<_>>(), [1_000_000_000, 3_000_000_000]);
    assert_eq!(found[1].pubkey.0, SecretKey::from_bytes(&[2; 32]).unwrap().public_key().to_bytes());
    let first_activation = found[0].activation;

    // Everything that can happen to a prover, with a restart in between.
    anvil.call(registry, &Abi::pauseCall { index: 0 }, 0);
    let penalty = Abi::takePenaltyCall { index: 0, amount: U256::from(ETHER / 4) };
    anvil.send_from(contracts.settlement, Some(registry), penalty.abi_encode(), 0);
    drop(follower);
    anvil.call(registry, &Abi::resumeCall { index: 0 }, 0);
    anvil.mine(8);
    anvil.call(registry, &Abi::topUpCall { index: 0 }, ETHER / 2);
    anvil.call(registry, &Abi::requestExitCall { index: 1 }, 0);
    anvil.mine(3);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    assert_eq!(provers(&follower), found);
    assert_eq!(follower.poll().await.unwrap(), 5);
    let now = provers(&follower);
    assert_eq!(now[0].stake_gwei, 1_250_000_000);
    assert!(now[0].activation > first_activation);
    assert!(matches!(now[0].pauses[..], [Pause { until: Some(_), .. }]));
    assert!(now[1].exit.is_some_and(|exit| exit > now[1].activation || exit.0 >= 5));

    // The past as it was: four epochs back, for a whole epoch the same.
    let spec = Spec { slots_per_epoch: 4, slot_duration_ms: 2000, registry_lookback_epochs: 1, ..Network::Mainnet.spec() };
    let known = follower.checkpoint().unwrap().timestamp;
    let epoch = Epoch((known - anvil.genesis) / EPOCH_SECONDS + 1);
    let first = follower.registry_at(epoch.start_slot(4), anvil.genesis, &spec).unwrap();
    assert_eq!(first, follower.registry_at(epoch.start_slot(4).plus(3), anvil.genesis, &spec).unwrap());
    assert_eq!(first, follower.view().provers_before(anvil.genesis + (epoch.0 - 1) * EPOCH_SECONDS));
    assert_eq!(follower.registry_at(Slot(4), anvil.genesis, &spec).unwrap(), []);
    let later = follower.registry_at(epoch.plus(1).start_slot(4), anvil.genesis, &spec).unwrap_err();
    assert_eq!(later.known, known);

    // Nothing new, nothing changed.
    assert_eq!(follower.poll().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_chain_or_contract_is_refused() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (contracts, deployed_at) = anvil.deploy_all();
    anvil.mine(4);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    follower.poll().await.unwrap();
    drop(follower);

    let config = |chain_id, contracts, url: &str| FollowerConfig {
        endpoints: vec![url.to_owned()],
        chain_id,
        contracts,
        deployed_at,
        store: folder.path().to_owned(),
    };
    let others = Contracts { registry: OWNER, ..contracts };
    let foreign = Follower::open(config(CHAIN_ID, others, &anvil.url)).unwrap_err();
    assert!(matches!(foreign, FollowError::ForeignStore { contracts: of, .. } if of == contracts), "{foreign}");
    assert!(matches!(Follower::open(config(1, contracts, "no url")), Err(FollowError::Url(_))));

    // A second chain with the same id: what was final there is another block.
    let other = Anvil::start().unwrap();
    other.rpc("evm_increaseTime", json!([77]));
    other.mine(9);
    let mut follower = Follower::open(config(CHAIN_ID, contracts, &other.url)).unwrap();
    let reorg = follower.poll().await.unwrap_err();
    assert!(matches!(reorg, FollowError::FinalizedReorg { .. }), "{reorg}");
    drop(follower);

    let elsewhere = |chain_id, contracts| {
        let folder = tempfile::tempdir().unwrap();
        let config = FollowerConfig { store: folder.path().to_owned(), ..config(chain_id, contracts, &anvil.url) };
        (Follower::open(config).unwrap(), folder)
    };
    let (mut follower, _folder) = elsewhere(5, contracts);
    let wrong = follower.poll().await.unwrap_err();
    assert!(matches!(wrong, FollowError::WrongChain { expected: 5, got: CHAIN_ID, .. }), "{wrong}");
    let swapped = Contracts { validators: contracts.settlement, settlement: contracts.validators, ..contracts };
    let (mut follower, _folder) = elsewhere(CHAIN_ID, swapped);
    let unfit = follower.poll().await.unwrap_err();
    assert!(matches!(unfit, FollowError::Deployment { .. }), "{unfit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_a_reorg_takes_back_is_never_seen_and_an_outage_takes_nothing_away() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (contracts, deployed_at) = anvil.deploy_all();
    anvil.register(contracts.registry, 1, ETHER);
    anvil.mine(3);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    follower.poll().await.unwrap();
    assert_eq!(follower.view().registered(), 1);
    let deployment = follower.known().deployment.unwrap();
    assert_eq!((deployment.settlement_epochs, deployment.min_members), (SETTLEMENT_EPOCHS, 2));
    assert_eq!((deployment.genesis_time, deployment.seconds_per_slot), (anvil.genesis, 2));

    // Prover 1 with one key; the chain goes back and gives the place to another.
    let before = anvil.rpc("evm_snapshot", json!([]));
    anvil.register(contracts.registry, 2, ETHER);
    follower.poll().await.unwrap();
    assert_eq!(follower.view().registered(), 1, "the head is not final");
    anvil.rpc("evm_revert", json!([before]));
    anvil.register(contracts.registry, 3, ETHER);
    anvil.mine(3);
    follower.poll().await.unwrap();
    let key = |byte| SecretKey::from_bytes(&[byte; 32]).unwrap().public_key().to_bytes();
    let keys = |follower: &Follower| provers(follower).iter().map(|prover| prover.pubkey.0).collect::<Vec<_>>();
    assert_eq!(keys(&follower), [key(1), key(3)]);

    // No node answers: an error, and what was known is known.
    drop(anvil);
    let known = follower.known();
    let gone = follower.poll().await.unwrap_err();
    assert!(matches!(gone, FollowError::Request { .. }), "{gone}");
    assert_eq!(follower.known(), known);
    drop(follower);
    let config = FollowerConfig {
        endpoints: vec!["http://127.0.0.1:1".into()],
        chain_id: CHAIN_ID,
        contracts,
        deployed_at,
        store: folder.path().to_owned(),
    };
    assert_eq!(*Follower::open(config).unwrap().known(), *known, "and after a restart too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_finality_each_branch_has_its_own_provers_also_after_a_restart() {
    let Some(anvil) = Anvil::final_after(40) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (contracts, deployed_at) = anvil.deploy_all();
    anvil.register(contracts.registry, 1, ETHER);
    anvil.mine(2);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    follower.poll().await.unwrap();
    assert_eq!(follower.view().registered(), 0, "nothing of it is final");
    let key = |byte| SecretKey::from_bytes(&[byte; 32]).unwrap().public_key().to_bytes();
    let keys = |state: &StateAt| state.provers.iter().map(|prover| prover.pubkey.0).collect::<Vec<_>>();

    // One branch, read while it is the head; then the chain goes back and another prover has the place.
    let before = anvil.rpc("evm_snapshot", json!([]));
    anvil.register(contracts.registry, 2, ETHER);
    anvil.call(contracts.registry, &Abi::pauseCall { index: 0 }, 0);
    let (left, after) = anvil.head();
    let one = follower.state_at(left, after).await.unwrap();
    assert_eq!(keys(&one), [key(1), key(2)]);
    assert_eq!(one.provers[0].pauses.len(), 1);
    anvil.rpc("evm_revert", json!([before]));
    anvil.register(contracts.registry, 3, ETHER);
    anvil.mine(3);
    let (right, later) = anvil.head();
    let other = follower.state_at(right, later).await.unwrap();
    assert_eq!(keys(&other), [key(1), key(3)]);
    assert_eq!(keys(&follower.state_at(left, after).await.unwrap()), [key(1), key(2)], "what was read stays");
    assert_eq!(follower.view().registered(), 0);

    // A restart reads it again, and finality, wherever it is, changes nothing.
    drop(follower);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    assert_eq!(*follower.state_at(right, later).await.unwrap(), *other);
    let gone = follower.state_at(left, after).await.unwrap_err();
    assert!(matches!(gone, BranchError::Missing { block, .. } if block == left), "{gone}");
    anvil.mine(36);
    follower.poll().await.unwrap();
    assert_eq!(follower.view().registered(), 1, "the first is final, the second is not");
    assert_eq!(*follower.state_at(right, later).await.unwrap(), *other);
    anvil.mine(40);
    follower.poll().await.unwrap();
    assert_eq!(*follower.state_at(right, later).await.unwrap(), *other);
}
