//! Encodings: fixtures, round trips, and decoders on whatever bytes.

use std::{fs, path::Path};

use proptest::prelude::*;
use quintet_plonk::{
    Commitment, DecodeError, Digest, Encode, FullProof, FullProofKind, InstanceId, PartialProof, ProofFile, ProverKey,
    Statement, verify_full,
};

use crate::toy::{K, Toy, honest, source};

/// Compares with a file; `UPDATE_FIXTURES=1` writes it.
fn fixture(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    assert!(
        fs::read(&path).unwrap() == bytes,
        "the format of {name} or the circuits changed: if on purpose, run with UPDATE_FIXTURES=1"
    );
}

#[test]
fn formats_are_those_of_the_fixtures() {
    let toy = Toy::shared();
    let committed = toy.commit_all();
    let round = toy.round(&committed);
    let partials = toy.prove_all(&round, &committed);
    fixture("partial.bin", &partials[0].encode());
    fixture("commitment.bin", &committed[0].commitment.encode());
    let proof = toy.prover(3).aggregate(&round, partials, &source).unwrap();
    fixture("full.bin", &ProofFile { k: K, statement: toy.statement(), proof }.encode());
}

#[test]
fn the_fixture_of_a_full_proof_still_verifies() {
    let toy = Toy::shared();
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/full.bin")).unwrap();
    let file = ProofFile::decode(&bytes).unwrap();
    assert_eq!(file.k, toy.keys.k());
    verify_full(&toy.keys, &toy.program, &file.statement, &file.proof).unwrap();
}

#[test]
fn every_truncation_is_refused() {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/full.bin")).unwrap();
    for len in (0..bytes.len()).step_by(7) {
        assert!(matches!(ProofFile::decode(&bytes[..len]), Err(DecodeError::Short(_))), "{len}");
    }
}

#[test]
fn lengths_are_limited_before_anything_is_allocated() {
    let mut bytes = honest().partials[0].encode();
    let length = 4 + 6 + 1 + 48 + 4 * 32 + 32;
    bytes[length..length + 4].fill(0xff);
    assert!(matches!(PartialProof::decode(&bytes), Err(DecodeError::Limit { .. })));
    let mut bytes = Toy::shared().statement().encode();
    let length = 4 + 5 * 32;
    bytes[length..length + 4].fill(0xff);
    assert!(matches!(Statement::decode(&bytes), Err(DecodeError::Limit { .. })));
}

prop_compose! {
    fn partial()(
        air: u16, index: u32, k: u8, prover: [u8; 24], values: [u64; 5], proof in prop::collection::vec(any::<u8>(), 0..300),
    ) -> PartialProof {
        let [a, b, c, d, sum] = values.map(quintet_air::F::from);
        let mut key = [0; 48];
        key[..24].copy_from_slice(&prover);
        PartialProof { id: InstanceId { air, index }, k: k.into(), prover: ProverKey(key), boundary: [a, b, c, d], sum, proof }
    }
}

prop_compose! {
    fn statement()(
        version: u32, words: [[u8; 32]; 5], outputs in prop::collection::vec(any::<u64>(), 0..9), exit_code: u64,
    ) -> Statement {
        let [machine_id, program_id, job_root, plan_root, input_root] = words;
        let (machine_id, program_id) = (Digest(machine_id), Digest(program_id));
        Statement { version, machine_id, program_id, job_root, plan_root, input_root, outputs, exit_code }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        k: u8, statement in statement(), partials in prop::collection::vec(partial(), 0..4), own: bool,
        points in prop::collection::vec(any::<[u8; 32]>(), 0..5), aggregation in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        if let Some(partial) = partials.first() {
            prop_assert_eq!(&PartialProof::decode(&partial.encode()).unwrap(), partial);
            let commitment = Commitment { id: partial.id, k: partial.k, boundary: partial.boundary, points };
            prop_assert_eq!(&Commitment::decode(&commitment.encode()).unwrap(), &commitment);
        }
        let kind = if own { FullProofKind::Own } else { FullProofKind::Distributed };
        let proof = FullProof { kind, aggregator: ProverKey([1; 48]), partials, aggregation };
        let file = ProofFile { k: k.into(), statement, proof };
        prop_assert_eq!(ProofFile::decode(&file.encode()).unwrap(), file);
    }

    #[test]
    fn decoders_take_any_bytes_and_what_they_accept_has_one_encoding(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(value) = Commitment::decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        if let Ok(value) = Statement::decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        if let Some(magic) = bytes.get_mut(..4) {
            magic.copy_from_slice(b"QPP\x01");
        }
        if let Ok(value) = PartialProof::decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        if let Some(magic) = bytes.get_mut(..4) {
            magic.copy_from_slice(b"QFP\x01");
        }
        if let Ok(value) = FullProof::decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes);
        }
    }
}
