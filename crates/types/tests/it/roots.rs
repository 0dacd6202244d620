//! Hash tree roots against values of an independent implementation, so that no change of format goes unnoticed.

use quintet_types::domain::DOMAIN_PARTIAL_PROOFS;
use quintet_types::spec::Network;
use quintet_types::*;
use sha2::{Digest, Sha256};

fn expected(name: &str) -> Root {
    let file: serde_json::Value = serde_json::from_str(include_str!("../data/roots.json")).unwrap();
    serde_json::from_value(file[name].clone()).unwrap()
}

const JOB: JobId = JobId { slot: Slot(5), block_root: Root::repeat_byte(0x11), sub_block: 1, attempt: 2 };
const KEY: PublicKeyBytes = PublicKeyBytes::repeat_byte(0x22);

#[test]
fn job_header_and_signing_root() {
    assert_eq!(JOB.root(), expected("job"));
    let header = SubmissionHeader { job_root: JOB.root(), phase: Phase::T2, prover: KEY, body_root: Root::repeat_byte(0x33) };
    assert_eq!(header.tree_hash_root(), expected("header"));
    assert_eq!(header.signing_root(DOMAIN_PARTIAL_PROOFS, &Network::Hoodi.spec()), expected("signing_root"));
}

#[test]
fn partial_id() {
    let partial = PartialProof {
        instance: InstanceIndex(7),
        digest: Root::repeat_byte(0x44),
        sum: Root::repeat_byte(0x55),
        proof: (0..100).collect::<Vec<u8>>().try_into().unwrap(),
    };
    assert_eq!(partial.id(&JOB, &KEY), expected("partial_id"));
}

#[test]
fn ledger_entry() {
    let entry = LedgerEntry {
        job: JOB,
        phase: Phase::T3,
        account: Account::Prover(ProverIndex(9)),
        reason: Reason::Reused,
        amount: Reward(-5),
    };
    assert_eq!(entry.tree_hash_root(), expected("ledger_entry"));
}

#[test]
fn plan() {
    let entries = [(0, 0, 100), (0, 1, 200), (3, 0, 50)].map(|(air, index, rows)| PlanEntry { air, index, rows });
    let plan = Plan {
        k: 14,
        program_id: Root::repeat_byte(1),
        machine_id: Root::repeat_byte(2),
        input_root: Root::repeat_byte(3),
        entries: entries.to_vec().try_into().unwrap(),
        outputs: vec![1, 2, 3, 4, 5].try_into().unwrap(),
        exit_code: 0,
        cycles: 350,
    };
    assert_eq!(plan.root(), expected("plan"));
}

#[test]
fn bloom_hash() {
    let ids: Vec<Root> = (0..20u8).map(|n| <[u8; 32]>::from(Sha256::digest([n])).into()).collect();
    let bloom = BloomHash::new(20, &ids);
    assert_eq!(Root::from(<[u8; 32]>::from(Sha256::digest(&bloom.0[..]))), expected("bloom"));
}
