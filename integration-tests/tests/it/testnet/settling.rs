//! Slashing, settlement and payment on a real execution client over a real beacon chain.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::U256;
use quintet_devnet::interop_key;
use quintet_integration_tests::testnet::{Chain, unavailable};
use quintet_protocol::Totals;
use quintet_staking::{
    DOMAIN_SETTLEMENT, LedgerSettlement, NoQuorum, Quorum, Signed,
    bindings::Settlement,
    calls,
    tx::{FeePolicy, LocalKey, Receipt, Request, Sender, SenderConfig, Timing, TxError},
};
use quintet_types::{
    Account, Epoch, EquivocationEvidence, Phase, ProverIndex, Root, SignatureBytes, SubmissionHeader, TreeHash as _,
    ValidatorIndex, compute_domain, compute_signing_root, domain::submission_domain_type,
};
use serde_json::json;

use super::staking::{KEY, PAYOUT, SLOT, SLOTS_PER_EPOCH, Staked, shown};

/// Stake keys of the two provers.
const PROVERS: [u64; 2] = [100, 101];
const ETHER: u64 = 1_000_000_000_000_000_000;
/// Wei for a unit of the ledger, as the deployment script has it by default.
const WEI_PER_UNIT: u64 = 1000;

impl Staked {
    /// An epoch that the head of the chain has reached: calls are tried as of its block, which is a slot or two behind the clock.
    fn epoch(&self) -> Epoch {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let behind = 4 * SLOT.as_secs();
        Epoch(now.saturating_sub(self.clock.genesis_time + behind) / (SLOT.as_secs() * SLOTS_PER_EPOCH))
    }

    /// The account of the commands, with their journal.
    fn sender(&self) -> Sender {
        let config = SenderConfig {
            endpoints: vec![self.testnet.rpc_url()],
            chain_id: self.deployment.chain_id,
            journal: self.path("transactions"),
            fees: FeePolicy::default(),
            timing: Timing { confirmations: 1, ..Timing::default() },
        };
        Sender::new(config, Box::new(LocalKey::from_hex(KEY, "this test").unwrap())).unwrap()
    }

    /// Two bodies for one phase, signed with a stake key.
    fn equivocation(&self, number: u64) -> EquivocationEvidence {
        let key = interop_key(number).unwrap();
        let (version, validators) = (self.clock.fork_version.into(), self.clock.validators_root);
        let domain = compute_domain(submission_domain_type(Phase::T2), version, validators);
        let signed = |byte| {
            let header = SubmissionHeader {
                job_root: Root::repeat_byte(7),
                phase: Phase::T2,
                prover: key.public_key().into(),
                body_root: Root::repeat_byte(byte),
            };
            let root = compute_signing_root(header.tree_hash_root(), domain);
            (header, SignatureBytes::from(key.sign(&root.0).to_bytes()))
        };
        EquivocationEvidence::new(signed(1), signed(2)).unwrap()
    }
}

async fn sent(sender: &Sender, request: &Request) -> Receipt {
    sender.send(request, &mut |_| {}).await.unwrap_or_else(|error| panic!("{}: {error}", request.what))
}

async fn refused(sender: &Sender, request: &Request) -> String {
    match sender.send(request, &mut |_| {}).await {
        Err(TxError::WouldRevert(reason)) => reason.to_string(),
        other => panic!("{}: {other:?}", request.what),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: real clients from npm, a forge script, and the epochs until enrolments count"]
async fn an_equivocation_is_slashed_and_a_settlement_is_signed_posted_and_paid() {
    if let Some(reason) = unavailable(Chain::Fulu.packages()) {
        println!("SKIPPED: no real clients from npm here: {reason}");
        return;
    }
    let mut staked = Staked::start(&[("SETTLEMENT_EPOCHS", "1")]).await;
    staked.testnet.wait_for_head(SLOTS_PER_EPOCH + 2).await.unwrap();
    for index in 0..4 {
        staked.enrol(index).await;
    }
    for prover in PROVERS {
        staked.deposit(prover).await.unwrap();
    }

    // Both signatures are verified by the client's own precompiles; half of the stake is gone, and once only.
    let evidence = staked.path("evidence.json");
    let view = json!({ "data": { "equivocations": [staked.equivocation(PROVERS[0])], "wrong_digests": [] } });
    std::fs::write(&evidence, serde_json::to_vec(&view).unwrap()).unwrap();
    let evidence = shown(&evidence);
    let submit = ["slash", "submit", "--evidence", &evidence];
    staked.run("quintet-sidecar", &submit, true).await.unwrap();
    let status = staked.run("quintet-prover", &["stake", "status", "--prover", "0"], false).await.unwrap();
    assert_eq!((&status["slashed"], &status["stake_wei"]), (&json!(true), &json!(ETHER.to_string())), "{status}");
    let again = staked.run("quintet-sidecar", &submit, true).await;
    let status = staked.run("quintet-prover", &["stake", "status", "--prover", "0"], false).await.unwrap();
    assert_eq!(status["stake_wei"], json!(ETHER.to_string()), "{again:?}");

    let known = staked.known("four validators", |known| known.members.iter().count() == 4).await;
    let deployment = known.deployment.unwrap();
    while known.members.counting_in(staked.epoch()).count() < 4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    // A ledger's totals, settled up to the epoch that has begun.
    let (validator, prover) = (Account::Validator(ValidatorIndex(2)), Account::Prover(ProverIndex(1)));
    let totals = BTreeMap::from([
        (prover, Totals { rewards: 5_000, penalties: 2_000 }),
        (validator, Totals { rewards: 700, penalties: 0 }),
    ]);
    let contracts = staked.deployment.contracts();
    let place = (staked.deployment.chain_id, contracts.settlement);
    let settlement = LedgerSettlement::new(place, 1, staked.epoch(), &totals, Root::repeat_byte(7));
    let (version, validators) = (staked.clock.fork_version.into(), staked.clock.validators_root);
    let signing_root = settlement.statement.signing_root(compute_domain(DOMAIN_SETTLEMENT, version, validators));
    let sign = |index: u64| {
        let key = interop_key(index).unwrap();
        (ValidatorIndex(index), Signed { pubkey: key.public_key().into(), signature: key.sign(&signing_root.0) })
    };
    let assemble = |signers: &[u64]| {
        let signed = signers.iter().copied().map(sign).collect();
        Quorum::assemble(&deployment, &known.members, staked.epoch(), &signed)
    };
    assert!(matches!(assemble(&[0, 3]), Err(NoQuorum::TooFew { .. })));
    let quorum = assemble(&[0, 1, 3]).unwrap();
    assert_eq!(quorum.absent, [2]);

    // The contract lets the four join, and checks the aggregate of three against the sum of all keys without the fourth.
    let sender = staked.sender();
    let mut all = quorum.post_call(&settlement.statement).unwrap();
    all.absent.clear();
    let unsigned = refused(&sender, &Request::call(contracts.settlement, &all, "post for all four")).await;
    assert!(unsigned.contains("is not one by all validators but []"), "{unsigned}");
    let post = quorum.post_call(&settlement.statement).unwrap();
    let receipt = sent(&sender, &Request::call(contracts.settlement, &post, "post")).await;
    let posted: Settlement::Posted = receipt.event(contracts.settlement).unwrap();
    assert_eq!(posted.signedWeight, U256::from(96_000_000_000u64));
    println!("posted for {} gas", receipt.gas_used);

    // The pool has the part of the slash; more comes from whoever wants. Then everybody is paid once.
    let fund = Request::call(contracts.settlement, &Settlement::fundCall {}, "fund").with_value(U256::from(ETHER));
    sent(&sender, &fund).await;
    for (account, due) in [(prover, 5_000 * WEI_PER_UNIT), (validator, 700 * WEI_PER_UNIT)] {
        let (leaf, proof) = settlement.claim(&account).unwrap();
        let claim = calls::claim(contracts.settlement, 1, &leaf, proof);
        let claimed: Settlement::Claimed = sent(&sender, &claim).await.event(contracts.settlement).unwrap();
        let to = if account == prover { PAYOUT.parse().unwrap() } else { sender.account() };
        assert_eq!((claimed.to, claimed.amount), (to, U256::from(due)));
        let twice = refused(&sender, &claim).await;
        assert!(twice.starts_with("there is nothing to pay"), "{twice}");
    }
    let status = staked.run("quintet-prover", &["stake", "status", "--prover", "1"], false).await.unwrap();
    assert_eq!(status["stake_wei"], json!((2 * ETHER - 2_000 * WEI_PER_UNIT).to_string()), "the penalty came out of the stake");

    // And the follower says the same of it, once it is final.
    let known = staked.known("the settlement", |known| known.latest_posted().is_some()).await;
    assert_eq!(known.latest_posted().unwrap().leaves_root, settlement.statement.leaves_root);
    assert!(known.registry.provers_before(u64::MAX)[0].exit.is_some(), "who was slashed leaves");
    staked.testnet.stop().await.unwrap();
}
