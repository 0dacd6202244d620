//! The recorded answers under `tests/data`.

use std::path::PathBuf;

use quintet_beacon::preset::Preset;
use quintet_beacon::spec::{ChainSpec, SpecValues};
use serde_json::Value;

/// Bytes of a file under `tests/data`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A JSON file under `tests/data`.
pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

/// The network that the Lighthouse answers come from.
pub(crate) fn lighthouse_spec() -> ChainSpec {
    let values: SpecValues = serde_json::from_value(json("lighthouse/config/spec.json")["data"].clone()).unwrap();
    let genesis = json("lighthouse/genesis.json");
    let root = genesis["data"]["genesis_validators_root"].as_str().unwrap().parse().unwrap();
    let time = genesis["data"]["genesis_time"].as_str().unwrap().parse().unwrap();
    ChainSpec::new(values, time, root).unwrap()
}

/// Its preset. Lighthouse 5.3 had smaller limits in `minimal` than today's specification.
pub(crate) fn lighthouse_preset() -> Preset {
    lighthouse_spec().preset
}
