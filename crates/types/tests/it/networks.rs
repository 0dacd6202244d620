//! The parameter files under `configs/networks`.

use quintet_types::spec::Network;
use quintet_types::{Phase, Reason, RetryPolicy, Spec, TypesError};

#[test]
fn built_in_files_are_what_the_table_renders() {
    for network in Network::ALL {
        let spec = network.spec();
        assert_eq!(spec.config_name, network.to_string());
        assert!(
            network.file() == spec.to_toml(),
            "configs/networks/{network}.toml is out of date: write it anew with the example `network_file`"
        );
    }
}

#[test]
fn mainnet_is_the_default() {
    assert_eq!(Network::Mainnet.spec(), Spec::default());
}

/// Source, "Variables": every variable by its name, with its value.
#[test]
fn variables_of_the_source_have_its_names_and_values() {
    let table = serde_json::to_value(Spec::default()).unwrap();
    let source = include_str!("../data/source_variables.txt");
    let mut count = 0;
    for line in source.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once(" = ").unwrap();
        assert_eq!(table[name], value, "{name}");
        assert!(Spec::PARAMETERS.iter().any(|info| info.key == name && info.from_source));
        count += 1;
    }
    // All of the source's are there, and the one that it names without a value: REWARD_T2_PROVER.
    assert_eq!(Spec::PARAMETERS.iter().filter(|info| info.from_source).count(), count + 1);
    assert_eq!(table["REWARD_T2_PROVER"], "400");
}

#[test]
fn every_parameter_is_served_under_its_key() {
    let table = serde_json::to_value(Spec::default()).unwrap();
    let keys = table.as_object().unwrap();
    assert_eq!(keys.len(), Spec::PARAMETERS.len());
    assert!(Spec::PARAMETERS.iter().all(|info| keys.contains_key(info.key)));
    assert_eq!(serde_json::from_value::<Spec>(table).unwrap(), Spec::default());
}

#[test]
fn unknown_keys_and_impossible_values_are_named() {
    let unknown = Spec::from_toml("PROVERS_PER_PROFF = 3").unwrap_err().to_string();
    assert!(unknown.contains("PROVERS_PER_PROFF"), "{unknown}");
    for (text, expected) in [
        ("PHASE_SLOTS = 0", "PHASE_SLOTS"),
        ("REWARD_PROVER_T3 = -1", "REWARD_PROVER_T3"),
        ("PENALTY_PROVER_T4 = 2", "PENALTY_PROVER_T4"),
        ("REDUNDANCY_FACTOR = 9", "T1_REDUNDANCY"),
        ("K_MAX = 13", "K_MAX"),
        ("ATTESTER_SHARE_BPS = 10001", "ATTESTER_SHARE_BPS"),
    ] {
        match Spec::from_toml(text) {
            Err(TypesError::BadParameter { key, .. }) => assert_eq!(key, expected),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn missing_keys_have_the_values_of_mainnet() {
    let spec = Spec::from_toml("CONFIG_NAME = \"mine\"\nRETRY_POLICY = \"new_set\"").unwrap();
    let expected = Spec { config_name: "mine".into(), retry_policy: RetryPolicy::NewSet, ..Spec::default() };
    assert_eq!(spec, expected);
}

#[test]
fn reasons_name_parameters_that_exist() {
    let mut named = std::collections::BTreeSet::new();
    for phase in Phase::ALL {
        for reason in Reason::ALL {
            if let Some(name) = reason.parameter(phase) {
                assert!(Spec::PARAMETERS.iter().any(|info| info.key == name), "{name}");
                named.insert(name);
            }
        }
    }
    for info in Spec::PARAMETERS {
        let is_amount = info.key.starts_with("REWARD_") || info.key.starts_with("PENALTY_");
        assert_eq!(is_amount, named.contains(info.key), "{}", info.key);
    }
}
