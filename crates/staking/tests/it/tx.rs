//! The sender of transactions against a real execution client: what is stuck, lost, taken or refused.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolValue;
use quintet_keys::{ProofOfPossession, SecretKey};
use quintet_staking::{
    bindings::ProverRegistry as Abi,
    g1_words, g2_words, prover_possession_binding,
    tx::{FeePolicy, LocalKey, Progress, Receipt, Request, Sender, SenderConfig, Timing, TxError},
};
use serde_json::json;

use crate::anvil::{Anvil, CHAIN_ID, ETHER, OWNER};

/// The key of [`OWNER`], which every development node knows.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Patient enough for a busy machine where nothing is expected to run out.
const TIMING: Timing = Timing {
    confirmations: 1,
    poll: Duration::from_millis(50),
    replace_after: Duration::from_secs(300),
    repeat_after: Duration::from_millis(500),
    give_up_after: Duration::from_secs(60),
};

fn sender(endpoints: &[&str], journal: &Path, timing: Timing) -> Sender {
    let config = SenderConfig {
        endpoints: endpoints.iter().map(|&url| url.to_owned()).collect(),
        chain_id: CHAIN_ID,
        journal: journal.to_owned(),
        fees: FeePolicy::default(),
        timing,
    };
    Sender::new(config, Box::new(LocalKey::from_hex(KEY, "this test").unwrap())).unwrap()
}

fn register(registry: Address, byte: u8, stake: u64) -> Request {
    let secret = SecretKey::from_bytes(&[byte; 32]).unwrap();
    let proof = ProofOfPossession::prove_bound(&secret, &prover_possession_binding(CHAIN_ID, registry, OWNER));
    let call = Abi::registerCall {
        pubkey: Bytes::copy_from_slice(&secret.public_key().to_bytes()),
        key: SolValue::abi_decode(&g1_words(&secret.public_key())).unwrap(),
        possession: SolValue::abi_decode(&g2_words(proof.signature())).unwrap(),
        withdrawalAddress: OWNER,
    };
    Request::call(registry, &call, "register a prover").with_value(U256::from(stake))
}

fn top_up(registry: Address, wei: u64) -> Request {
    Request::call(registry, &Abi::topUpCall { index: 0 }, "top up").with_value(U256::from(wei))
}

/// Collects what is heard, and does something at each.
async fn heard(
    sender: &Sender,
    request: &Request,
    mut act: impl FnMut(&Progress) + Send,
) -> (Result<Receipt, TxError>, Vec<Progress>) {
    let mut all = Vec::new();
    let outcome = sender
        .send(request, &mut |progress| {
            act(&progress);
            all.push(progress);
        })
        .await;
    (outcome, all)
}

fn nonce(anvil: &Anvil) -> u64 {
    let count = anvil.rpc("eth_getTransactionCount", json!([OWNER, "latest"]));
    u64::from_str_radix(&count.as_str().unwrap()[2..], 16).unwrap()
}

fn held(anvil: &Anvil, account: Address) -> U256 {
    anvil.rpc("eth_getBalance", json!([account, "latest"])).as_str().unwrap().parse().unwrap()
}

fn hashes(all: &[Progress]) -> Vec<B256> {
    all.iter().filter_map(|progress| if let Progress::Sent { hash, .. } = progress { Some(*hash) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn a_request_is_shown_sent_and_refused_in_words() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.rpc("evm_setAutomine", json!([true]));
    let sender = sender(&["http://127.0.0.1:1", &anvil.url], folder.path(), TIMING);

    let before = nonce(&anvil);
    let small = sender.preview(&register(registry, 1, ETHER / 2)).await.unwrap_err();
    assert!(small.to_string().contains("below the minimum of 1.0"), "{small}");
    let preview = sender.preview(&register(registry, 1, ETHER)).await.unwrap();
    assert!(preview.gas > 100_000 && preview.highest_fee() > U256::ZERO, "{preview}");
    assert_eq!(nonce(&anvil), before, "a dry run sends nothing");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and writes nothing");

    let (receipt, all) = heard(&sender, &register(registry, 1, ETHER), |_| {}).await;
    let receipt = receipt.unwrap();
    let event: Abi::Registered = receipt.event(registry).unwrap();
    assert_eq!((event.index, event.owner, hashes(&all)), (0, OWNER, vec![receipt.hash]));
    assert!(receipt.gas_used <= preview.gas && receipt.fee <= preview.highest_fee());
    let again = sender.send(&register(registry, 1, ETHER), &mut |_| {}).await.unwrap_err();
    assert!(matches!(again, TxError::WouldRevert(_)) && again.to_string().contains("belongs to prover 0"), "{again}");

    let poor = top_up(registry, 1).with_value(U256::from(1_000_000) * U256::from(ETHER));
    assert!(sender.send(&poor, &mut |_| {}).await.is_err());
    assert_eq!(nonce(&anvil), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn what_is_stuck_is_replaced_with_a_higher_fee_and_happens_once() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.register(registry, 1, ETHER);
    let before = nonce(&anvil);
    let timing = Timing { replace_after: Duration::from_millis(500), ..TIMING };
    let sender = sender(&[&anvil.url], folder.path(), timing);
    let (receipt, all) = heard(&sender, &top_up(registry, 5), |progress| match progress {
        // What was paid is not enough for the blocks that come.
        Progress::Sent { fees, replaces: false, .. } => {
            anvil.rpc("anvil_setNextBlockBaseFeePerGas", json!([format!("{:#x}", fees.max + 1)]));
            anvil.mine(1);
        }
        Progress::Sent { replaces: true, .. } => anvil.mine(1),
        _ => {}
    })
    .await;
    let sent = hashes(&all);
    assert!(sent.len() >= 2, "{all:?}");
    assert_eq!(receipt.unwrap().hash, *sent.last().unwrap());
    assert_eq!(nonce(&anvil), before + 1, "one nonce");
    assert_eq!(held(&anvil, registry), U256::from(ETHER + 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn an_unknown_outcome_is_followed_by_the_next_call_and_not_sent_twice() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.register(registry, 1, ETHER);
    let before = nonce(&anvil);
    let hasty = sender(&[&anvil.url], folder.path(), Timing { give_up_after: Duration::from_millis(300), ..TIMING });
    let unknown = hasty.send(&top_up(registry, 5), &mut |_| {}).await.unwrap_err();
    let TxError::Unknown { hashes: sent, nonce: used, .. } = &unknown else { panic!("{unknown}") };
    assert_eq!((sent.len(), *used), (1, before));

    // Another request, by another process: the next nonce, and both are included.
    let patient = sender(&[&anvil.url], folder.path(), TIMING);
    let (other, _) = heard(&patient, &top_up(registry, 7), |progress| {
        if matches!(progress, Progress::Sent { .. }) {
            anvil.mine(1);
        }
    })
    .await;
    other.unwrap();
    let (receipt, all) = heard(&patient, &top_up(registry, 5), |progress| {
        if matches!(progress, Progress::Sent { .. } | Progress::Resumed { .. }) {
            anvil.mine(1);
        }
    })
    .await;
    assert_eq!(receipt.unwrap().hash, sent[0]);
    assert!(hashes(&all).is_empty(), "{all:?}");
    assert_eq!(nonce(&anvil), before + 2);

    // Included while nobody asked.
    let unknown = hasty.send(&top_up(registry, 11), &mut |_| {}).await.unwrap_err();
    let TxError::Unknown { hashes: sent, .. } = &unknown else { panic!("{unknown}") };
    anvil.mine(1);
    let (receipt, all) = heard(&patient, &top_up(registry, 11), |_| {}).await;
    assert_eq!(receipt.unwrap().hash, sent[0]);
    assert!(matches!(all[0], Progress::Resumed { .. }) && hashes(&all).is_empty(), "{all:?}");
    assert_eq!(nonce(&anvil), before + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn a_nonce_that_another_wallet_used_is_given_up_for_the_next() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.register(registry, 1, ETHER);
    let before = nonce(&anvil);
    let sender = sender(&[&anvil.url], folder.path(), TIMING);
    let mut raced = false;
    let (receipt, all) = heard(&sender, &top_up(registry, 5), |progress| {
        if let Progress::Sent { hash, .. } = progress {
            if !std::mem::replace(&mut raced, true) {
                anvil.rpc("anvil_dropTransaction", json!([hash]));
                let other = json!([{ "from": OWNER, "to": OWNER, "value": "0x1", "nonce": format!("{before:#x}") }]);
                anvil.rpc("eth_sendTransaction", other);
            }
            anvil.mine(1);
        }
    })
    .await;
    assert!(all.contains(&Progress::NonceTaken { nonce: before }), "{all:?}");
    assert_eq!(receipt.unwrap().hash, hashes(&all)[1]);
    assert_eq!(nonce(&anvil), before + 2);
    assert_eq!(held(&anvil, registry), U256::from(ETHER + 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn two_senders_of_one_account_take_turns() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.register(registry, 1, ETHER);
    let before = nonce(&anvil);
    anvil.rpc("evm_setAutomine", json!([true]));
    let senders: Vec<_> = (0..4).map(|_| sender(&[&anvil.url], folder.path(), TIMING)).collect();
    let tasks: Vec<_> = senders
        .into_iter()
        .zip(1u64..)
        .map(|(sender, wei)| tokio::spawn(async move { sender.send(&top_up(registry, wei), &mut |_| {}).await }))
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(nonce(&anvil), before + 4);
    assert_eq!(held(&anvil, registry), U256::from(ETHER + 10));
}

/// A way to a node that passes transactions on, swallows the answer, and is gone from then on.
struct Treacherous {
    url: String,
    gone: Arc<AtomicBool>,
    passed: Arc<AtomicUsize>,
}

impl Treacherous {
    fn before(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (gone, passed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (node, was_gone, was_passed) = (node.trim_start_matches("http://").to_owned(), gone.clone(), passed.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if was_gone.load(Ordering::SeqCst) {
                    continue;
                }
                let (node, gone, passed) = (node.clone(), was_gone.clone(), was_passed.clone());
                std::thread::spawn(move || serve(client, &node, &gone, &passed));
            }
        });
        Self { url, gone, passed }
    }
}

/// One connection: requests of a few kilobytes, one after the other.
fn serve(mut client: TcpStream, node: &str, gone: &AtomicBool, passed: &AtomicUsize) {
    while let Some(request) = read_message(&mut client) {
        if gone.load(Ordering::SeqCst) {
            return;
        }
        let mut node = TcpStream::connect(node).unwrap();
        node.write_all(&request).unwrap();
        let Some(reply) = read_message(&mut node) else { return };
        if request.windows(22).any(|window| window == b"eth_sendRawTransaction") {
            passed.fetch_add(1, Ordering::SeqCst);
            gone.store(true, Ordering::SeqCst);
            return;
        }
        client.write_all(&reply).unwrap();
    }
}

/// An HTTP message whose length is announced.
fn read_message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut message, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let got = from.read(&mut buffer).ok().filter(|&got| got > 0)?;
        message.extend_from_slice(&buffer[..got]);
        let Some(head) = message.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
        let length: usize = text.split("content-length:").nth(1)?.lines().next()?.trim().parse().ok()?;
        if message.len() >= head + 4 + length {
            return Some(message);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: starts anvil"]
async fn a_node_that_is_gone_after_the_sending_leaves_an_unknown_that_is_found_again() {
    let Some(anvil) = Anvil::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = anvil.deploy_all().0.registry;
    anvil.register(registry, 1, ETHER);
    let before = nonce(&anvil);
    let way = Treacherous::before(&anvil.url);
    let alone = sender(&[&way.url], folder.path(), Timing { give_up_after: Duration::from_secs(2), ..TIMING });
    let (outcome, all) = heard(&alone, &top_up(registry, 5), |_| {}).await;
    let unknown = outcome.unwrap_err();
    assert!(matches!(unknown, TxError::Unknown { .. }), "{unknown}");
    assert!(all.iter().any(|progress| matches!(progress, Progress::NoAnswer { .. })), "{all:?}");
    assert!(way.gone.load(Ordering::SeqCst) && way.passed.load(Ordering::SeqCst) == 1);
    // While no node answers nothing is sent, however often it is asked for.
    let unreachable = alone.send(&top_up(registry, 5), &mut |_| {}).await.unwrap_err();
    assert!(matches!(unreachable, TxError::Unreachable(_)), "{unreachable}");

    let (receipt, all) = heard(&sender(&[&way.url, &anvil.url], folder.path(), TIMING), &top_up(registry, 5), |progress| {
        if matches!(progress, Progress::Resumed { .. }) {
            anvil.mine(1);
        }
    })
    .await;
    receipt.unwrap();
    assert!(hashes(&all).is_empty(), "{all:?}");
    assert_eq!(nonce(&anvil), before + 1);
    assert_eq!(held(&anvil, registry), U256::from(ETHER + 5));
}
