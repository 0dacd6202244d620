//! Posting a settlement: once, with two thirds, never again while the first may still come, and not at all where the contract would refuse it.

use std::{sync::Arc, time::Duration};

use alloy_sol_types::{SolCall as _, SolError as _};
use quintet_sidecar::{
    metrics::{Metrics, OutcomeLabels},
    service::Shared,
    staking::{Settler, StakingRegistry, ValidatorKeys},
};
use quintet_staking::{
    Signed,
    bindings::Settlement as Abi,
    tx::{FeePolicy, LocalKey, Sender, SenderConfig, Timing},
};
use quintet_types::{TreeHash as _, ValidatorIndex};

use crate::{
    contracts::{CHAIN_ID, contracts, known, registry, validator, with_posted},
    execution::ExecutionNode,
    settling::{earn, entries, finalize},
    world::{GENESIS_MS, World, secrets, spec},
};

/// The first account of every development node.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// Nothing runs out.
const PATIENT: Timing = Timing {
    confirmations: 2,
    poll: Duration::from_millis(10),
    replace_after: Duration::from_secs(300),
    repeat_after: Duration::from_secs(300),
    give_up_after: Duration::from_secs(300),
};

/// A sidecar with settlements 1 and 2, short slots, and an execution node.
struct Posting {
    shared: Shared,
    source: Arc<StakingRegistry>,
    node: ExecutionNode,
    metrics: Metrics,
    settler: Settler,
    folder: tempfile::TempDir,
}

impl Posting {
    /// It holds the keys of these validators.
    async fn start(keys: &[u8], timing: Timing) -> Self {
        let source = registry(known(secrets(), GENESIS_MS / 1000 + 1_000_000));
        let short = quintet_types::Spec { slot_duration_ms: 20, ..spec() };
        let mut world = World::staked(short, Arc::clone(&source) as _);
        earn(&mut world, &entries()[..4]);
        finalize(&mut world, 50);
        let (core, folder) = world.into_parts();
        let (shared, node, metrics) = (Shared::new(core), ExecutionNode::start().await, Metrics::default());
        let config = SenderConfig {
            endpoints: vec![node.url.clone()],
            chain_id: CHAIN_ID,
            journal: folder.path().join("transactions"),
            fees: FeePolicy::default(),
            timing,
        };
        let sender = Sender::new(config, Box::new(LocalKey::from_hex(KEY, "here").unwrap())).unwrap();
        let keys = ValidatorKeys::new(keys.iter().copied().map(validator));
        let settler = Settler::new(shared.clone(), keys, Vec::new(), Some(sender), metrics.clone());
        Self { shared, source, node, metrics, settler, folder }
    }

    /// Another validator's signature under settlement 1 arrives.
    async fn signed_by(&self, index: u8) {
        let secret = validator(index);
        let pending = {
            let mut core = self.shared.write();
            let root = core.settlements.get(1).unwrap().statement.tree_hash_root();
            let root = core.check_statement(1, root).unwrap();
            let signed = Signed { pubkey: secret.public_key().into(), signature: secret.sign(&root.0) };
            core.add_signatures(1, [(ValidatorIndex(index.into()), signed)]).unwrap().1
        };
        pending.await.unwrap();
    }

    fn outcomes(&self, result: &str) -> u64 {
        self.metrics.settlement_posts.get_or_create(&OutcomeLabels { result: result.into() }).get()
    }

    /// Slots pass until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..2000 {
            self.settler.step().await.unwrap();
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}; {:?}", self.node.given());
    }

    /// Slots pass, in which nothing is to happen.
    async fn pass(&mut self, slots: u32) {
        for _ in 0..slots {
            self.settler.step().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The posting that the node was given, and who is absent in it.
    fn post(&self, place: usize) -> (u64, Vec<u64>) {
        let given = &self.node.given()[place];
        assert_eq!(given.to, contracts().settlement);
        let call = Abi::postCall::abi_decode(&given.data).unwrap();
        (call.statement.number, call.absent)
    }

    /// The contract has settlement `number`, and that is final.
    fn is_posted(&self, number: u64) {
        let statement = self.shared.read().settlements.get(number).unwrap().statement;
        self.source.update(Arc::new(with_posted(&self.source.known(), &statement)));
    }
}

#[tokio::test]
async fn two_of_four_post_nothing_and_three_post_once() {
    let mut posting = Posting::start(&[1, 2], PATIENT).await;
    posting.node.take_from(0);
    posting.pass(8).await;
    assert_eq!(posting.node.given(), []);

    posting.signed_by(4).await;
    posting.until("it is posted", |posting| posting.outcomes("ok") == 1).await;
    assert_eq!(posting.post(0), (1, vec![3]), "validator 3 has not signed");
    posting.signed_by(3).await;
    posting.pass(8).await;
    assert_eq!(posting.node.given().len(), 1, "finality will show it");
    posting.is_posted(1);
    posting.pass(8).await;
    assert_eq!(posting.node.given().len(), 1, "two have signed settlement 2");
    assert_eq!(posting.metrics.settlements_posted.get(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_is_followed_whoever_signs_meanwhile() {
    let hasty = Timing { give_up_after: Duration::from_millis(100), ..PATIENT };
    let mut posting = Posting::start(&[1, 2, 4], hasty).await;
    posting.until("nobody knows", |posting| posting.outcomes("unknown") == 1).await;
    let first = posting.node.given();
    assert_eq!((first.len(), posting.post(0)), (1, (1, vec![3])));

    // A call with the fourth signature would be another transaction.
    posting.signed_by(3).await;
    posting.until("still nobody knows", |posting| posting.outcomes("unknown") == 3).await;
    assert_eq!(posting.node.given(), first);
    posting.node.include(first[0].hash);
    posting.until("the chain says so", |posting| posting.outcomes("ok") == 1).await;
    assert_eq!((posting.node.given(), posting.node.included()), (first, 1));
}

#[tokio::test]
async fn a_posting_that_was_included_while_nobody_asked_is_heard_of() {
    let hasty = Timing { give_up_after: Duration::from_millis(100), ..PATIENT };
    let mut posting = Posting::start(&[1, 2, 4], hasty).await;
    posting.until("nobody knows", |posting| posting.outcomes("unknown") == 1).await;
    let first = posting.node.given();
    // Included, and then the contract would refuse a second one; nobody asks it.
    posting.node.include(first[0].hash);
    posting.node.refuse(Some(Abi::WrongNumber { expected: 2, got: 1 }.abi_encode().into()));
    posting.until("the chain says so", |posting| posting.outcomes("ok") == 1).await;
    assert_eq!((posting.outcomes("reverted"), posting.node.given()), (0, first));
}

#[tokio::test]
async fn a_stuck_posting_is_replaced_with_a_higher_fee_under_its_nonce() {
    let quick = Timing { replace_after: Duration::from_millis(50), ..PATIENT };
    let mut posting = Posting::start(&[1, 2, 4], quick).await;
    posting.until("it is given to the node", |posting| !posting.node.given().is_empty()).await;
    let first = posting.node.given()[0].clone();
    posting.node.take_from(first.max_fee + 1);
    posting.until("the replacement is in the chain", |posting| posting.outcomes("ok") == 1).await;
    let given = posting.node.given();
    assert!(
        given.len() >= 2 && given.iter().all(|given| (given.nonce, &given.data) == (first.nonce, &first.data)),
        "{given:?}"
    );
    assert!(given.windows(2).all(|pair| pair[1].max_fee * 10 >= pair[0].max_fee * 11), "{given:?}");
    assert_eq!(posting.node.included(), 1);
}

#[tokio::test]
async fn what_the_contract_would_refuse_costs_nothing_and_the_next_settlement_follows() {
    let mut posting = Posting::start(&[1, 2, 4], PATIENT).await;
    posting.node.take_from(0);
    // Somebody else was first.
    posting.node.refuse(Some(Abi::WrongNumber { expected: 2, got: 1 }.abi_encode().into()));
    posting.until("it is refused", |posting| posting.outcomes("reverted") == 2).await;
    assert_eq!(posting.node.given(), []);
    posting.node.refuse(None);
    posting.is_posted(1);
    posting.until("settlement 2 is posted", |posting| posting.outcomes("ok") == 1).await;
    assert_eq!((posting.post(0).0, posting.node.given().len()), (2, 1));
}

#[tokio::test]
async fn a_dry_run_tries_and_sends_nothing() {
    let mut posting = Posting::start(&[1, 2, 4], PATIENT).await;
    posting.node.take_from(0);
    posting.settler = posting.settler.dry_run(true);
    posting.until("it was tried", |posting| posting.outcomes("dry_run") == 1).await;
    posting.pass(8).await;
    assert_eq!((posting.node.given(), posting.outcomes("ok")), (Vec::new(), 0));
    assert!(!posting.folder.path().join("transactions").exists(), "nothing is written down either");
}
