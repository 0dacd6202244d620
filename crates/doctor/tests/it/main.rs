//! Beacon nodes as they are met: right, on another network, ahead of our clock, not there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quintet_devnet::{Clock, Devnet, DevnetConfig};
use quintet_doctor::{Finding, Standing, beacon};
use quintet_types::{Root, Slot, Spec, spec::Network};

/// A devnet on the real clock.
async fn devnet() -> Devnet {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let config = DevnetConfig {
        clock: Clock::Real,
        slot_duration: Duration::from_secs(1),
        genesis_time: now - 1,
        validators: 8,
        txs_per_block: 1,
        ..DevnetConfig::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    devnet.reached(Slot(1)).await;
    devnet
}

fn bad(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.standing == Standing::Bad).collect()
}

#[tokio::test]
async fn a_node_in_order_is_good_in_every_respect() {
    let devnet = devnet().await;
    let findings = beacon::node(&devnet.url(), &Network::Devnet.spec()).await;
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["network", "beacon node", "clock"], "{findings:?}");
    assert!(bad(&findings).is_empty(), "{findings:?}");
    assert!(findings[1].found.contains("quintet-devnet/"), "{findings:?}");
}

#[tokio::test]
async fn a_node_on_another_network_is_refused_with_both_roots() {
    let devnet = devnet().await;
    let spec = Spec { genesis_validators_root: Root::repeat_byte(7), ..Network::Devnet.spec() };
    let findings = beacon::node(&devnet.url(), &spec).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].standing, Standing::Bad);
    assert!(findings[0].found.contains(&devnet.genesis_validators_root().to_string()), "{findings:?}");
    assert!(findings[0].mend.as_ref().unwrap().contains("--network"), "{findings:?}");
    // The root of a fixed network need not be known for its genesis to be missed.
    let spec = Spec { genesis_time: 5, ..Network::Devnet.spec() };
    let findings = beacon::node(&devnet.url(), &spec).await;
    assert!(bad(&findings).iter().any(|finding| finding.check == "network"), "{findings:?}");
}

#[tokio::test]
async fn a_node_that_is_not_there_and_an_address_that_is_none_are_named() {
    let spec = Network::Devnet.spec();
    let findings = beacon::node("http://127.0.0.1:9", &spec).await;
    assert_eq!((findings.len(), findings[0].standing), (1, Standing::Bad));
    assert!(findings[0].found.contains("127.0.0.1:9") && findings[0].mend.as_ref().unwrap().contains("--http"), "{findings:?}");
    let findings = beacon::node("localhost:5052", &spec).await;
    assert!(findings[0].mend.as_ref().unwrap().contains("http://HOST:PORT"), "{findings:?}");
    // Credentials are not shown.
    let findings = beacon::node("http://user:secret@127.0.0.1:9", &spec).await;
    assert!(!findings[0].to_string().contains("secret"), "{findings:?}");
}
