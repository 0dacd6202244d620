//! The record from outside: one object a turn, restarts, copies, twins, pruning, exchange.

use std::{collections::HashMap, path::Path, sync::Arc};

use proptest::{collection::vec, prelude::*};
use quintet_keys::{KeystoreError, SecretKey};
use quintet_signer::{
    Exchange, Imported, KeystoreBackend, OpenError, RecordedSigner, SignError, Signed, SigningRecord, SigningRequest,
    ValidatorSigner as _,
};
use quintet_types::{PublicKeyBytes, Root, SigningVariant, Slot, compute_signing_root};

use crate::{prevote, spec, turn};

const KEY: PublicKeyBytes = PublicKeyBytes::repeat_byte(0xaa);

fn network() -> Root {
    spec().genesis_validators_root
}

fn open(dir: &Path) -> SigningRecord {
    SigningRecord::open(dir, network()).unwrap()
}

#[tokio::test]
async fn second_object_for_a_turn_is_refused_and_both_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let secret = SecretKey::generate().unwrap();
    let key = secret.public_key().into();
    let signer = RecordedSigner::new(Arc::new(KeystoreBackend::from_secrets([secret])), open(dir.path()), Arc::new(spec()));
    let signature = signer.sign(&key, prevote(9, 1)).await.unwrap();
    assert_eq!(signer.sign(&key, prevote(9, 1)).await.unwrap(), signature);
    let error = signer.sign(&key, prevote(9, 2)).await.unwrap_err();
    for object in [1, 2] {
        let root = prevote(9, object).wrapped_root(SigningVariant::Direct, &spec());
        assert!(error.to_string().contains(&root.to_string()), "{error}");
    }
    // Everything else about a turn makes another one.
    signer.sign(&key, SigningRequest::turn(turn(9, 1), Root::repeat_byte(2), &spec())).await.unwrap();
    signer.sign(&key, prevote(10, 2)).await.unwrap();
    // Another domain is a mistake, even for an object that was signed.
    let mistaken = SigningRequest { domain: Root::repeat_byte(1), ..prevote(9, 1) };
    assert!(matches!(signer.sign(&key, mistaken).await, Err(SignError::WrongDomain { .. })));
    let unknown = signer.sign(&KEY, prevote(9, 1)).await.unwrap_err();
    assert!(matches!(unknown, SignError::UnknownKey(KEY)), "{unknown}");
}

#[tokio::test]
async fn restarts_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let record = open(dir.path());
        record.permit(KEY, prevote(9, 1)).await.unwrap();
        assert!(matches!(record.permit(KEY, prevote(9, 2)).await, Err(SignError::Conflict(_))));
        let found = record.lookup(KEY, turn(9, 0)).await.unwrap().unwrap();
        assert_eq!(compute_signing_root(found.object_root, found.domain), prevote(9, 1).signing_root());
        assert_eq!(record.lookup(PublicKeyBytes::ZERO, turn(9, 0)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn racing_requests_never_both_pass() {
    let dir = tempfile::tempdir().unwrap();
    let record = open(dir.path());
    let racers: Vec<_> = (0..64u8)
        .map(|n| {
            let record = record.clone();
            tokio::spawn(async move { record.permit(KEY, prevote(9, n % 8)).await.map(|permit| permit.request().object_root) })
        })
        .collect();
    let mut passed = Vec::new();
    for racer in racers {
        passed.extend(racer.await.unwrap().ok());
    }
    assert_eq!(passed.len(), 8);
    assert!(passed.iter().all(|root| *root == passed[0]));
}

#[test]
fn one_process_at_a_time_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path());
    let error = SigningRecord::open(dir.path(), network()).unwrap_err();
    assert!(matches!(error, OpenError::Keystore { source: KeystoreError::InUse { .. }, .. }), "{error}");
    drop(held);
    open(dir.path());
}

#[tokio::test]
async fn copy_is_refused_until_it_is_adopted() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(dir.path()).permit(KEY, prevote(9, 1)).await.unwrap();
    for entry in dir.path().read_dir().unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), other.path().join(entry.file_name())).unwrap();
    }
    assert!(matches!(SigningRecord::open(other.path(), network()), Err(OpenError::Copied { .. })));
    SigningRecord::adopt(other.path(), network(), Slot(20)).unwrap();
    let record = open(other.path());
    let error = record.permit(KEY, prevote(19, 1)).await.unwrap_err();
    assert!(matches!(error, SignError::BelowFloor { floor: Slot(20), .. }), "{error}");
    record.permit(KEY, prevote(20, 1)).await.unwrap();
    // The original is as it was.
    open(dir.path()).permit(KEY, prevote(9, 1)).await.unwrap();
    // Neither a lost log nor a lost identity passes for a new record.
    std::fs::remove_file(dir.path().join("identity.json")).unwrap();
    assert!(matches!(SigningRecord::open(dir.path(), network()), Err(OpenError::Copied { .. })));
    drop(record);
    std::fs::remove_file(other.path().join("record.log")).unwrap();
    assert!(matches!(SigningRecord::open(other.path(), network()), Err(OpenError::Malformed { .. })));
}

#[test]
fn record_of_another_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let error = SigningRecord::open(dir.path(), Root::repeat_byte(3)).unwrap_err();
    assert!(matches!(error, OpenError::OtherNetwork { .. }), "{error}");
}

#[tokio::test]
async fn size_is_bounded_by_pruning_and_by_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let size = || std::fs::metadata(dir.path().join("record.log")).unwrap().len();
    let record = SigningRecord::open_with(dir.path(), network(), 400).unwrap();
    for slot in 0..400 {
        record.permit(KEY, prevote(slot, 1)).await.unwrap();
    }
    let full = size();
    assert_eq!(record.prune(Slot(390)).await.unwrap(), 390);
    assert_eq!(record.prune(Slot(1)).await.unwrap(), 0);
    assert!(size() < full / 10, "{} of {full}", size());
    assert!(matches!(record.permit(KEY, prevote(389, 1)).await, Err(SignError::BelowFloor { .. })));
    // Without finality the limit holds: the floor rises by itself.
    for slot in 400..2000 {
        record.permit(KEY, prevote(slot, 1)).await.unwrap();
    }
    let floor = record.floor().await.unwrap();
    assert!(floor > Slot(1500) && floor < Slot(2000), "{floor}");
    assert!(size() < 192 * 1500, "{}", size());
    drop(record);
    let record = open(dir.path());
    assert_eq!(record.floor().await.unwrap(), floor);
    assert!(matches!(record.permit(KEY, prevote(1999, 2)).await, Err(SignError::Conflict(_))));
}

#[tokio::test]
async fn what_is_exported_protects_elsewhere() {
    let (here, there, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (open(here.path()), open(there.path()));
    for slot in [3, 9, 10] {
        ours.permit(KEY, prevote(slot, 1)).await.unwrap();
    }
    ours.prune(Slot(5)).await.unwrap();
    theirs.permit(KEY, prevote(10, 2)).await.unwrap();
    let file = files.path().join("export.json");
    let exchange = ours.export().await.unwrap();
    exchange.write(&file).unwrap();
    assert_eq!(exchange.len(), 2);
    let read = Exchange::read(&file).unwrap();
    assert_eq!(read, exchange);

    assert_eq!(theirs.import(read.clone()).await.unwrap(), Imported { added: 1, known: 0, conflicting: 1 });
    assert_eq!(theirs.import(read.clone()).await.unwrap(), Imported { added: 0, known: 1, conflicting: 1 });
    assert!(matches!(theirs.permit(KEY, prevote(9, 2)).await, Err(SignError::Conflict(_))));
    assert!(matches!(theirs.permit(KEY, prevote(4, 2)).await, Err(SignError::BelowFloor { .. })));
    theirs.permit(KEY, prevote(10, 2)).await.unwrap();

    let other = SigningRecord::open(&files.path().join("other"), Root::repeat_byte(3)).unwrap();
    assert!(matches!(other.import(read).await, Err(SignError::Record(_))));
    std::fs::write(&file, r#"{"metadata":{}}"#).unwrap();
    assert!(matches!(Exchange::read(&file), Err(OpenError::Malformed { .. })));
}

#[derive(Debug, Clone)]
enum Step {
    Sign { slot: u64, round: u32, object: u8 },
    Prune(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u64..12, 0u32..2, 0u8..3).prop_map(|(slot, round, object)| Step::Sign { slot, round, object }),
        1 => (0u64..12).prop_map(Step::Prune),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is asked in whatever order: for a turn there is one object, ever, and it is on record as long as anything may be signed for it.
    #[test]
    fn record_follows_its_model(steps in vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut record, mut model, mut floor) = (open(dir.path()), HashMap::new(), 0);
        for step in steps {
            match step {
                Step::Sign { slot, round, object } => {
                    let request = SigningRequest::turn(turn(slot, round), Root::repeat_byte(object), &spec());
                    let outcome = runtime.block_on(record.permit(KEY, request));
                    if slot < floor {
                        let below = matches!(outcome, Err(SignError::BelowFloor { .. }));
                        prop_assert!(below);
                    } else {
                        let first = *model.entry((slot, round)).or_insert(object);
                        prop_assert_eq!(outcome.is_ok(), first == object);
                        let found = runtime.block_on(record.lookup(KEY, turn(slot, round))).unwrap();
                        prop_assert_eq!(found, Some(Signed { object_root: Root::repeat_byte(first), domain: request.domain }));
                    }
                }
                Step::Prune(slot) => {
                    runtime.block_on(record.prune(Slot(slot))).unwrap();
                    floor = floor.max(slot);
                }
                Step::Restart => {
                    drop(record);
                    record = open(dir.path());
                }
            }
        }
    }
}
