//! `quintet-sidecar validator record`: a record moves with its keys, and merging never forgets what was signed.

use std::path::Path;

use quintet_signer::{PhaseMessage, SignError, SigningRecord, SigningRequest, Turn};
use quintet_types::{JobId, Phase, PublicKeyBytes, Root, Slot, spec::Network};

use super::cli::run;

const KEY: PublicKeyBytes = PublicKeyBytes::repeat_byte(0xaa);

fn open(data: &Path, network: u8) -> SigningRecord {
    SigningRecord::open(&data.join("validator-record"), Root::repeat_byte(network)).unwrap()
}

/// A prevote for an object in a job of a slot.
fn vote(slot: u64, object: u8) -> SigningRequest {
    let job = JobId::new(Slot(slot), Root::repeat_byte(1));
    let turn = Turn { job, phase: Phase::T1, round: 0, kind: PhaseMessage::Prevote };
    SigningRequest::turn(turn, Root::repeat_byte(object), &Network::Devnet.spec())
}

#[tokio::test]
async fn a_signing_record_moves_and_merges_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let record = |data: &str, action: &[&str]| run(&[&["validator", "record", "--data-dir", data], action].concat());
    let (old, new, file) = (path("old"), path("new"), path("record.json"));
    let error = record(&old, &["export", "--out", &file]).2;
    assert!(error.contains("is no signing record"), "{error}");
    {
        let there = open(Path::new(&old), 7);
        there.permit(KEY, vote(9, 1)).await.unwrap();
        there.permit(KEY, vote(10, 1)).await.unwrap();
        there.prune(Slot(9)).await.unwrap();
        // A sidecar that runs has it.
        assert!(!record(&old, &["export", "--out", &file]).0);
    }
    let (good, _, said) = record(&old, &["export", "--out", &file]);
    assert!(good && said.starts_with("2 signatures and the floor, slot 9, are in "), "{said}");
    assert!(!record(&old, &["export", "--out", &file]).0, "no file is written over");

    // Where both say something, what is here stays, and a contradiction is told.
    open(Path::new(&new), 7).permit(KEY, vote(10, 2)).await.unwrap();
    let (good, _, said) = record(&new, &["import", &file]);
    assert!(!good && said.contains("1 added, 0 known before; the floor is slot 9"), "{said}");
    assert!(said.contains("1 turns have another object"), "{said}");
    let merged = open(Path::new(&new), 7);
    assert!(matches!(merged.permit(KEY, vote(9, 2)).await, Err(SignError::Conflict(_))));
    assert!(matches!(merged.permit(KEY, vote(10, 1)).await, Err(SignError::Conflict(_))));
    assert!(matches!(merged.permit(KEY, vote(8, 1)).await, Err(SignError::BelowFloor { .. })));
    drop(merged);
    let (good, _, said) = record(&path("fresh"), &["import", &file]);
    assert!(good && said.starts_with("2 added, 0 known before"), "{said}");

    drop(open(&folder.path().join("other"), 8));
    let error = record(&path("other"), &["import", &file]).2;
    assert!(error.contains("network"), "{error}");
    std::fs::write(&file, b"{}").unwrap();
    assert!(!record(&path("fresh"), &["import", &file]).0);
}

#[tokio::test]
async fn a_copied_record_is_used_once_somebody_says_from_when_on() {
    let folder = tempfile::tempdir().unwrap();
    let (old, copy) = (folder.path().join("old"), folder.path().join("copy"));
    open(&old, 7).permit(KEY, vote(9, 1)).await.unwrap();
    std::fs::create_dir_all(copy.join("validator-record")).unwrap();
    for name in ["record.log", "identity.json", "anchor"] {
        std::fs::copy(old.join("validator-record").join(name), copy.join("validator-record").join(name)).unwrap();
    }
    let data = copy.display().to_string();
    let out = folder.path().join("out.json").display().to_string();
    assert!(!run(&["validator", "record", "export", "--data-dir", &data, "--out", &out]).0);
    let (good, _, said) = run(&["validator", "record", "adopt", "--data-dir", &data, "--floor", "20"]);
    assert!(good, "{said}");
    let adopted = open(&copy, 7);
    assert!(matches!(adopted.permit(KEY, vote(19, 1)).await, Err(SignError::BelowFloor { .. })));
    adopted.permit(KEY, vote(20, 1)).await.unwrap();
}
