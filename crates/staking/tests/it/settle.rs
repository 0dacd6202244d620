//! A settlement on a real chain: enrolled validators, a quorum without one of them, and what an account claims.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, address};
use quintet_keys::SecretKey;
use quintet_protocol::Totals;
use quintet_staking::{DOMAIN_SETTLEMENT, Follower, Known, LedgerSettlement, NoQuorum, Quorum, Signed, calls, tx::Request};
use quintet_types::{Account, Epoch, ProverIndex, PublicKeyBytes, Root, ValidatorIndex, compute_domain};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::anvil::{Anvil, CHAIN_ID, EPOCH_SECONDS, ETHER, OWNER, SETTLEMENT_EPOCHS};

/// The contract of EIP-4788.
const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
/// Where rewards go.
const PAYOUT: Address = address!("00000000000000000000000000000000000000aa");

fn secret(index: u64) -> SecretKey {
    SecretKey::from_bytes(&[0x60 + index as u8; 32]).unwrap()
}

fn hash(left: B256, right: B256) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest([left, right].concat())))
}

fn chunk(value: u64) -> B256 {
    let mut chunk = B256::ZERO;
    chunk[..8].copy_from_slice(&value.to_le_bytes());
    chunk
}

/// An active validator whose way to the block root has zeros beside it, and that root.
fn proof(index: u64, timestamp: u64) -> (calls::ValidatorProof, B256) {
    let pubkey: PublicKeyBytes = secret(index).public_key().into();
    let validator = calls::ValidatorRecord {
        pubkey,
        withdrawal_credentials: B256::repeat_byte(1),
        effective_balance: 32_000_000_000,
        slashed: false,
        activation_eligibility_epoch: 0,
        activation_epoch: 0,
        exit_epoch: u64::MAX,
        withdrawable_epoch: u64::MAX,
    };
    let (low, high) = (B256::from_slice(&pubkey[..32]), B256::right_padding_from(&pubkey[32..]));
    let fields =
        [hash(low, high), validator.withdrawal_credentials, chunk(validator.effective_balance), chunk(0), chunk(0), chunk(0)];
    let mut level: Vec<B256> = fields.into_iter().chain([chunk(u64::MAX), chunk(u64::MAX)]).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| hash(pair[0], pair[1])).collect();
    }
    let path = u128::from(index) | 11 << 41 | 3 << 47;
    let root = (0..50).fold(level[0], |node, height| match path >> height & 1 {
        0 => hash(node, B256::ZERO),
        _ => hash(B256::ZERO, node),
    });
    (calls::ValidatorProof { timestamp, index, validator, branch: vec![B256::ZERO; 50] }, root)
}

fn send(anvil: &Anvil, request: &Request) {
    anvil.send(Some(request.to), request.data.to_vec(), 0);
}

/// Enrols validators 1 to 4. The contract of EIP-4788 answers each time with the root that is wanted.
fn enrol_all(anvil: &Anvil, validators: Address) {
    for index in 1..=4 {
        let (proof, root) = proof(index, anvil.timestamp());
        // push32 root, mstore at 0, return 32 bytes.
        let code = [&[0x7f][..], root.as_slice(), &[0x60, 0, 0x52, 0x60, 0x20, 0x60, 0, 0xf3]].concat();
        anvil.rpc("anvil_setCode", json!([BEACON_ROOTS, Bytes::from(code)]));
        send(anvil, &calls::enrol(validators, CHAIN_ID, OWNER, &secret(index), PAYOUT, &proof));
    }
}

fn epoch(anvil: &Anvil) -> Epoch {
    Epoch((anvil.timestamp() - anvil.genesis) / EPOCH_SECONDS)
}

async fn polled(follower: &mut Follower) -> std::sync::Arc<Known> {
    follower.poll().await.unwrap();
    follower.known()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_validators_of_four_settle_and_an_account_is_paid() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (contracts, deployed_at) = anvil.deploy_all();
    anvil.register(contracts.registry, 1, ETHER);
    enrol_all(&anvil, contracts.validators);
    // Past the delay of enrolments and the end of the first period.
    anvil.mine(4 * SETTLEMENT_EPOCHS + 8);
    let mut follower = anvil.follow(contracts, deployed_at, folder.path());
    let known = polled(&mut follower).await;
    let deployment = known.deployment.unwrap();
    assert_eq!(known.members.counting_in(epoch(&anvil)).count(), 4, "whoever posts lets them join");

    let totals = BTreeMap::from([
        (Account::Prover(ProverIndex(0)), Totals { rewards: 5_000, penalties: 2_000 }),
        (Account::Validator(ValidatorIndex(3)), Totals { rewards: 700, penalties: 0 }),
    ]);
    let place = (CHAIN_ID, contracts.settlement);
    let settlement = LedgerSettlement::new(place, 1, Epoch(SETTLEMENT_EPOCHS), &totals, Root::repeat_byte(7));
    let signing_root = settlement.statement.signing_root(compute_domain(DOMAIN_SETTLEMENT, [0; 4].into(), Root::ZERO));
    let sign = |index: u64| {
        let secret = secret(index);
        let signed = Signed { pubkey: secret.public_key().into(), signature: secret.sign(&signing_root.0) };
        (ValidatorIndex(index), signed)
    };
    let too_few = Quorum::assemble(&deployment, &known.members, epoch(&anvil), &[sign(1), sign(4)].into());
    assert!(matches!(too_few, Err(NoQuorum::TooFew { .. })));
    let quorum = Quorum::assemble(&deployment, &known.members, epoch(&anvil), &[1, 2, 4].map(sign).into()).unwrap();
    assert_eq!(quorum.absent, [3]);
    let post = quorum.post_call(&settlement.statement).unwrap();
    send(&anvil, &Request::call(contracts.settlement, &post, "post"));
    anvil.mine(3);
    let known = polled(&mut follower).await;
    let posted = known.latest_posted().unwrap();
    assert_eq!((posted.number, posted.leaves_root), (1, settlement.statement.leaves_root));
    assert!(known.members.iter().all(|(_, member)| !member.is_due_in(epoch(&anvil))), "they have joined");

    // The leaf that the ledger gives is one that the contract pays, after the penalty went out of the stake into the pool.
    anvil.rpc("anvil_setBalance", json!([PAYOUT, "0x0"]));
    anvil.send(Some(contracts.settlement), Vec::new(), ETHER);
    for account in totals.keys() {
        let (leaf, proof) = settlement.claim(account).unwrap();
        send(&anvil, &calls::claim(contracts.settlement, 1, &leaf, proof));
    }
    let balance = anvil.rpc("eth_getBalance", json!([PAYOUT, "latest"]));
    assert_eq!(balance.as_str().unwrap().parse::<U256>().unwrap(), U256::from(700_000), "700 units of 1000 wei");
    anvil.mine(3);
    let known = polled(&mut follower).await;
    assert_eq!(known.registry.provers_before(u64::MAX)[0].stake_gwei, ETHER / 1_000_000_000 - 1, "2,000,000 wei, rounded down");
    assert_eq!(known.posted.len(), 1, "payments are no settlements");
}
