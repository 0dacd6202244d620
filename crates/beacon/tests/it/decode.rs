//! Blocks of real nodes decode to the roots, hashes and mixes that those nodes report.

use alloy_primitives::{B256, b256, fixed_bytes, hex};
use proptest::prelude::*;
use quintet_beacon::block::{BlockInfo, Execution};
use quintet_beacon::decode::{BlockDecoder, DecodeError, decode_block_file};
use quintet_beacon::fork::Fork;
use quintet_beacon::preset::Preset;
use quintet_beacon::randao::{block_signature_is_valid, mix_in, reveal_is_valid};
use quintet_beacon::spec::{ChainSpec, SpecValues};
use quintet_beacon::state::{mix_in_state, mix_prefix_bytes};
use quintet_types::{PublicKeyBytes, Slot};
use serde_json::json;

use crate::data;

const SLOTS: [u64; 12] = [20, 30, 31, 32, 33, 61, 62, 63, 66, 68, 69, 70];

fn name(kind: &str, slot: u64, extension: &str) -> String {
    match (kind, slot) {
        (_, 66..) => format!("lighthouse/missed/{}_{slot}.{extension}", kind.trim_end_matches('s')),
        _ => format!("lighthouse/{kind}/{slot}.{extension}"),
    }
}

fn block(slot: u64) -> BlockInfo {
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    decoder.json(&data::read(&name("blocks", slot, "json")), None).unwrap()
}

fn hash(value: &serde_json::Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn json_and_ssz_of_a_block_decode_to_the_same() {
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    for slot in SLOTS {
        let from_json = block(slot);
        let from_ssz = decoder.ssz(from_json.fork, &data::read(&name("blocks", slot, "ssz"))).unwrap();
        assert_eq!(from_json, from_ssz, "slot {slot}");
        assert_eq!(from_json.fork, if slot < 32 { Fork::Capella } else { Fork::Deneb });
    }
}

#[test]
fn computed_block_roots_equal_those_in_headers() {
    for slot in SLOTS {
        let header = data::json(&name("headers", slot, "json"));
        let block = block(slot);
        assert_eq!(block.block_root, hash(&header["data"]["root"]), "slot {slot}");
        assert_eq!(block.parent_root, hash(&header["data"]["header"]["message"]["parent_root"]));
        assert_eq!(block.slot, Slot(slot));
    }
}

#[test]
fn execution_block_hashes_are_recomputed_from_the_parts() {
    for slot in SLOTS {
        block(slot).verify_execution().unwrap();
    }
    for file in ["lodestar/block-capella-26.json", "lodestar/block-fulu-26.json", "lodestar/block-fulu-26.ssz"] {
        let block = decode_block_file(&data::read(file)).unwrap();
        let payload = block.payload().unwrap();
        assert_eq!(payload.compute_block_hash().unwrap(), payload.block_hash, "{file}");
        assert_eq!((block.slot, block.gas_used(), payload.transactions.len()), (Slot(26), Some(70_271), 1));
    }
    let fulu = decode_block_file(&data::read("lodestar/block-fulu-26.json")).unwrap();
    assert_eq!(fulu, decode_block_file(&data::read("lodestar/block-fulu-26.ssz")).unwrap());
    // SHA-256 of nothing: Electra hashes the empty list of requests so (EIP-7685).
    let empty = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(fulu.payload().unwrap().requests_hash(), Some(empty));
    assert_eq!(fulu.payload().unwrap().parent_beacon_block_root, Some(fulu.parent_root));
}

#[test]
fn a_changed_payload_no_longer_leads_to_its_block_hash() {
    let mut value = data::json("lodestar/block-fulu-26.json");
    value["data"]["message"]["body"]["execution_payload"]["gas_used"] = json!("70272");
    let error = decode_block_file(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, DecodeError::BlockHash { .. }), "{error}");
}

#[test]
fn the_genesis_block_has_no_payload() {
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    let genesis = decoder.json(&data::read("lighthouse/blocks/genesis.json"), None).unwrap();
    assert_eq!(genesis.execution, Execution::None);
    assert_eq!(genesis, decoder.ssz(Fork::Capella, &data::read("lighthouse/blocks/genesis.ssz")).unwrap());
}

#[test]
fn mixes_follow_from_the_blocks_alone_and_equal_the_nodes() {
    for slot in SLOTS {
        let node = hash(&data::json(&name("randao", slot, "json"))["data"]["randao"]);
        assert_eq!(block(slot).randao_mix, Some(node), "slot {slot}");
    }
    // Carried forward over a missed slot and over the boundary of an epoch.
    let carried = mix_in(block(66).randao_mix.unwrap(), &block(68).randao_reveal);
    assert_eq!(Some(carried), block(68).randao_mix);
    let carried = mix_in(block(31).randao_mix.unwrap(), &block(32).randao_reveal);
    assert_eq!(Some(carried), block(32).randao_mix);
}

#[test]
fn mixes_are_found_in_the_prefix_of_a_state() {
    let preset = data::lighthouse_preset();
    let state = data::read("lighthouse/states/state_63.ssz");
    let prefix = &state[..mix_prefix_bytes(&preset) as usize];
    assert_eq!(mix_in_state(&preset, prefix), Some((Slot(63), block(63).randao_mix.unwrap())));
    assert_eq!(mix_in_state(&preset, &prefix[..1000]), None);
    assert_eq!(mix_in_state(&preset, &[]), None);
}

fn validators() -> Vec<PublicKeyBytes> {
    let answer = data::json("lighthouse/states/head_validators.json");
    let keys = answer["data"].as_array().unwrap().iter();
    keys.map(|entry| entry["validator"]["pubkey"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn reveals_and_block_signatures_of_lighthouse_verify_under_the_proposers_keys_only() {
    let spec = data::lighthouse_spec();
    let keys = validators();
    for slot in [20, 31, 32, 70] {
        let block = block(slot);
        let epoch = spec.epoch_of(block.slot);
        let key = &keys[block.proposer_index.as_usize()];
        assert!(reveal_is_valid(&spec, epoch, key, &block.randao_reveal), "slot {slot}");
        assert!(!reveal_is_valid(&spec, epoch.plus(1), key, &block.randao_reveal));
        let other = &keys[(block.proposer_index.as_usize() + 1) % keys.len()];
        assert!(!reveal_is_valid(&spec, epoch, other, &block.randao_reveal));
        assert!(block_signature_is_valid(&spec, epoch, key, block.block_root, &block.signature), "slot {slot}");
    }
}

/// No node told us the root of the Fulu sample; that its proposer signed the root we compute settles it.
#[test]
fn the_fulu_sample_is_signed_over_the_root_we_compute() {
    let values = json!({
        "PRESET_BASE": "minimal", "SECONDS_PER_SLOT": "2",
        "GENESIS_FORK_VERSION": "0x00000001", "FULU_FORK_EPOCH": "2", "FULU_FORK_VERSION": "0x06000001",
    });
    let root = b256!("270d43e74ce340de4bca2b1936beca0f4f5408d9e78aec4850920baf659d5b69");
    let spec = ChainSpec::new(serde_json::from_value::<SpecValues>(values).unwrap(), 0, root).unwrap();
    // The interop key of validator 2.
    let key = fixed_bytes!("a3a32b0f8b4ddb83f1a0a853d81dd725dfe577d4f4c3db8ece52ce2b026eca84815c1a7e8e92a4de3d755733bf7e4a9b");
    let block = decode_block_file(&data::read("lodestar/block-fulu-26.ssz")).unwrap();
    let epoch = spec.epoch_of(block.slot);
    assert!(reveal_is_valid(&spec, epoch, &key, &block.randao_reveal));
    assert!(block_signature_is_valid(&spec, epoch, &key, block.block_root, &block.signature));
}

#[test]
fn answers_without_version_need_a_fork_and_unknown_forks_are_named() {
    let decoder = BlockDecoder::new(Preset::MINIMAL);
    let mut value = data::json("lodestar/block-fulu-26.json");
    let with_version = decoder.json(value.to_string().as_bytes(), None).unwrap();
    value.as_object_mut().unwrap().remove("version");
    assert!(matches!(decoder.json(value.to_string().as_bytes(), None), Err(DecodeError::Envelope("version"))));
    assert_eq!(decoder.json(value.to_string().as_bytes(), Some(Fork::Fulu)).unwrap(), with_version);
    value["version"] = json!("heze");
    assert!(matches!(decoder.json(value.to_string().as_bytes(), Some(Fork::Fulu)), Err(DecodeError::Fork(_))));
    value["version"] = json!("fulu");
    value["data"]["message"]["body"]["a_field_of_tomorrow"] = json!({"x": 1});
    assert_eq!(decoder.json(value.to_string().as_bytes(), None).unwrap(), with_version);
}

#[test]
fn a_block_is_not_taken_for_one_of_another_fork() {
    let decoder = BlockDecoder::new(data::lighthouse_preset());
    let bytes = data::read("lighthouse/blocks/32.ssz");
    for fork in Fork::ALL {
        assert_eq!(decoder.ssz(fork, &bytes).is_ok(), fork == Fork::Deneb, "{fork}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_blocks_end_in_a_value_or_a_typed_error(
        at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = data::read("lodestar/block-fulu-26.ssz");
        let position = at.index(bytes.len());
        bytes[position] = value;
        let decoder = BlockDecoder::new(Preset::MINIMAL);
        let _ = decoder.ssz(Fork::Fulu, &bytes).map(|block| block.verify_execution());
        bytes.truncate(cut.index(bytes.len()));
        for fork in Fork::ALL {
            let _ = decoder.ssz(fork, &bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_are_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = decode_block_file(&bytes);
        let mut json = data::read("lodestar/block-fulu-26.json");
        for (index, byte) in bytes.iter().enumerate().take(3) {
            let position = (index * 997 + *byte as usize * 13) % json.len();
            json[position] = *byte;
        }
        let _ = decode_block_file(&json);
        let _ = hex::encode(bytes);
    }
}
