//! Signatures made by this code, written down for the contracts' own tests (`contracts/fixtures/signatures.json`).
//!
//! The file is compared, not written, unless `QUINTET_BLESS=1`.

use alloy_primitives::{Address, B256, FixedBytes, U128, address, keccak256};
use quintet_keys::{ProofOfPossession, PublicKey, SecretKey, Signature};
use quintet_staking::{
    AccountKind, DOMAIN_SETTLEMENT, Leaf, LeafTree, Statement, g1_words, g2_words, prover_possession_binding,
    validator_possession_binding,
};
use quintet_types::{
    Epoch, JobId, Phase, Root, Slot,
    domain::{DOMAIN_FULL_PROOF, compute_domain, compute_signing_root, submission_domain_type},
    submission::SubmissionHeader,
};
use serde_json::{Value, json};
use tree_hash::TreeHash as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/fixtures/signatures.json");
const CHAIN_ID: u64 = 31337;
const DEPLOYER: Address = address!("5151515151515151515151515151515151515151");
const FORK_VERSION: FixedBytes<4> = FixedBytes([0x10, 0, 0, 0x38]);
const GENESIS_VALIDATORS_ROOT: Root = Root::repeat_byte(0x5a);

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).unwrap()
}

fn owner(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn key(secret: &SecretKey) -> Value {
    let key: PublicKey = secret.public_key();
    json!({ "pubkey": key.to_string(), "point": hexed(g1_words(&key)) })
}

fn hexed(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn point(signature: &Signature) -> String {
    hexed(g2_words(signature))
}

/// A key with its proof of possession.
fn registration(byte: u8, binding: impl Fn(Address) -> B256) -> Value {
    let secret = secret(byte);
    let binding = binding(owner(byte));
    let proof = ProofOfPossession::prove_bound(&secret, &binding);
    let mut value = key(&secret);
    value["secret"] = json!(hexed([byte; 32]));
    value["owner"] = json!(owner(byte));
    value["binding"] = json!(binding);
    value["possession"] = json!(point(proof.signature()));
    value
}

/// Two headers of one job and phase by the prover of `byte`, signed as the daemon signs.
fn equivocation(byte: u8, phase: Phase) -> Value {
    let secret = secret(byte);
    let job = JobId { slot: Slot(1_234_567), block_root: Root::repeat_byte(0xb1), sub_block: 3, attempt: 1 };
    let headers: Vec<_> = [0x0a, 0x0b]
        .map(|body| {
            let header = SubmissionHeader {
                job_root: job.root(),
                phase,
                prover: secret.public_key().into(),
                body_root: Root::repeat_byte(body),
            };
            let domain = compute_domain(submission_domain_type(phase), FORK_VERSION, GENESIS_VALIDATORS_ROOT);
            let signing_root = compute_signing_root(header.tree_hash_root(), domain);
            json!({
                "body_root": header.body_root,
                "header_root": header.tree_hash_root(),
                "signing_root": signing_root,
                "signature": point(&secret.sign(&signing_root)),
            })
        })
        .into();
    json!({ "phase": phase.number(), "job_root": job.root(), "a": headers[0], "b": headers[1] })
}

fn settlement(contract: Address) -> Value {
    let leaves: Vec<_> = (0..5u64)
        .map(|i| Leaf {
            kind: if i < 3 { AccountKind::Prover } else { AccountKind::Validator },
            index: if i < 3 { i } else { i - 3 },
            rewards: 1_000_000_000 * u128::from(i + 1),
            penalties: if i < 3 { 500_000_000 * u128::from(i) } else { 0 },
        })
        .collect();
    let tree = LeafTree::new(&leaves);
    let statement = Statement {
        chain_id: CHAIN_ID,
        contract,
        number: 1,
        end_epoch: Epoch(225),
        leaves_root: tree.root(),
        total_rewards: U128::from(leaves.iter().map(|leaf| leaf.rewards).sum::<u128>()),
        total_penalties: U128::from(leaves.iter().map(|leaf| leaf.penalties).sum::<u128>()),
        ledger_root: Root::repeat_byte(0x1e),
    };
    let domain = compute_domain(DOMAIN_SETTLEMENT, FORK_VERSION, GENESIS_VALIDATORS_ROOT);
    let signing_root = statement.signing_root(domain);
    let signatures = [0x11u8, 0x12, 0x13, 0x14].map(|byte| secret(byte).sign(&signing_root));
    let shown: Vec<_> = leaves
        .iter()
        .enumerate()
        .map(|(place, leaf)| {
            json!({
                "kind": leaf.kind as u8, "index": leaf.index, "rewards": leaf.rewards as u64, "penalties": leaf.penalties as u64,
                "hash": leaf.hash(), "proof": tree.proof(place),
            })
        })
        .collect();
    json!({
        "number": statement.number,
        "end_epoch": statement.end_epoch.0,
        "leaves_root": statement.leaves_root,
        "total_rewards": statement.total_rewards.to::<u64>(),
        "total_penalties": statement.total_penalties.to::<u64>(),
        "ledger_root": statement.ledger_root,
        "signing_root": signing_root,
        "all": point(&Signature::aggregate(&signatures).unwrap()),
        "without_third": point(&Signature::aggregate([&signatures[0], &signatures[1], &signatures[3]]).unwrap()),
        "leaves": shown,
    })
}

/// Hashes to G2 by blst: a signature under the secret 1 is the hashed point itself.
fn hashes() -> Vec<Value> {
    let mut one = [0; 32];
    one[31] = 1;
    let one = blst::min_pk::SecretKey::from_bytes(&one).unwrap();
    let dst = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    let long = "q128_".to_owned() + &"q".repeat(128);
    [String::new(), "abc".into(), "abcdef0123456789".into(), long]
        .into_iter()
        .map(|message| {
            let plain = one.sign(message.as_bytes(), dst.as_bytes(), &[]).compress();
            json!({ "message": hexed(&message), "dst": dst, "point": point(&Signature::from_bytes(&plain).unwrap()) })
        })
        .collect()
}

/// Address of a contract that `DEPLOYER` makes; the nonce in RLP, one byte.
fn created(nonce: u8) -> Address {
    let encoded = [&[0xd6, 0x94], DEPLOYER.as_slice(), &[nonce]].concat();
    Address::from_slice(&keccak256(encoded)[12..])
}

fn vectors() -> Value {
    let contracts = [0x80, 1, 2].map(created);
    let [registry, validators, settlement_contract] = contracts;
    let provers = [1u8, 2, 3, 4].map(|byte| registration(byte, |owner| prover_possession_binding(CHAIN_ID, registry, owner)));
    let enrolments = [0x11u8, 0x12, 0x13, 0x14]
        .map(|byte| registration(byte, |owner| validator_possession_binding(CHAIN_ID, validators, owner)));
    let equivocations = [Phase::T1, Phase::T2, Phase::T3].map(|phase| equivocation(1, phase));
    json!({
        "origin": "crates/staking/tests/it/vectors.rs",
        "chain_id": CHAIN_ID,
        "deployer": DEPLOYER,
        "registry": registry,
        "validator_set": validators,
        "settlement_contract": settlement_contract,
        "fork_version": FORK_VERSION,
        "genesis_validators_root": GENESIS_VALIDATORS_ROOT,
        "submission_domain_t3": compute_domain(DOMAIN_FULL_PROOF, FORK_VERSION, GENESIS_VALIDATORS_ROOT),
        "provers": provers,
        "validators": enrolments,
        "equivocations": equivocations,
        "settlement": settlement(settlement_contract),
        "hash_to_g2": hashes(),
    })
}

#[test]
fn the_contracts_are_tested_with_what_this_code_signs() {
    let made = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("QUINTET_BLESS").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert_eq!(kept, made, "rerun with QUINTET_BLESS=1 if the change is meant");
}
