//! Whether a beacon node can be worked with: reachable, on our network, in sync, with our clock.

use std::time::Duration;

use quintet_beacon::{BeaconClient, ClientConfig, Error};
use quintet_types::{Root, Spec};
use reqwest::header::DATE;

use crate::{
    Finding,
    clock::{judge, judge_slots, now_ms, sure_skew_ms},
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A node whose head is older than this many slots, and which does not say that it syncs, is cut off.
const OLD_HEAD_SLOTS: u64 = 8;

/// Looks at the node at `url`, which has to be on the network of `spec`.
pub async fn node(url: &str, spec: &Spec) -> Vec<Finding> {
    let mut config = ClientConfig::new([url]);
    config.request_timeout = TIMEOUT;
    config.genesis_validators_root = (spec.genesis_validators_root != Root::ZERO).then_some(spec.genesis_validators_root);
    let client = match BeaconClient::connect(config).await {
        Ok(client) => client,
        Err(error) => return vec![unusable(url, spec, &error)],
    };
    let mut findings = vec![network(url, spec, &client)];
    findings.extend(standing(url, &client).await);
    findings.extend(date(url).await);
    findings
}

fn unusable(url: &str, spec: &Spec, error: &Error) -> Finding {
    let mend = match error {
        Error::BadEndpoint(_) => "write it as http://HOST:PORT".to_owned(),
        Error::WrongNetwork { .. } => {
            format!("attach to a node on {}, or set the network to the node's (`--network`)", spec.config_name)
        }
        Error::Spec { .. } => "use a node that serves /eth/v1/config/spec whole".to_owned(),
        _ => "start the node with its HTTP API (Lighthouse: `--http`; Prysm serves port 3500 anyway), and check host, port and firewall: \
              `curl URL/eth/v1/node/health`"
            .to_owned(),
    };
    // The sentence names the endpoint already in most cases, without credentials.
    let found = error.to_string();
    let label = url.rsplit('@').next().unwrap_or_default();
    let named = found.contains(label.trim_end_matches('/'));
    Finding::bad("beacon node", if named { found } else { format!("{label}: {found}") }, mend)
}

/// Genesis and clock of the chain are those that we expect; the root was compared on connecting.
fn network(url: &str, spec: &Spec, client: &BeaconClient) -> Finding {
    let (chain, name) = (client.spec(), &spec.config_name);
    let slot_ms = chain.slot_duration.as_millis() as u64;
    let fixed = matches!(name.as_str(), "mainnet" | "hoodi");
    let other_clock = slot_ms != spec.slot_duration_ms || chain.preset.slots_per_epoch != spec.slots_per_epoch;
    let other_genesis = spec.genesis_time != 0 && spec.genesis_time != chain.genesis_time;
    if other_genesis || (fixed && other_clock) {
        let found = format!(
            "{url} is not on {name}: genesis at {}, slots of {slot_ms} ms, {} an epoch",
            chain.genesis_time, chain.preset.slots_per_epoch
        );
        return Finding::bad(
            "network",
            found,
            "attach to a node on that network, or set the network to the node's (`--network`)",
        );
    }
    let root = chain.genesis_validators_root;
    let compared = if spec.genesis_validators_root == Root::ZERO { "taken from the node" } else { "as it should be" };
    Finding::good("network", format!("{name} on {}, genesis validators root {root} {compared}", chain.name))
}

/// How far the node is, and whether it has an execution client.
async fn standing(url: &str, client: &BeaconClient) -> Vec<Finding> {
    let version = client.node_version().await.unwrap_or_else(|_| "of unknown version".to_owned());
    let status = match client.syncing().await {
        Ok(status) => status,
        Err(error) => {
            return vec![Finding::bad("beacon node", error.to_string(), "use a node that serves /eth/v1/node/syncing")];
        }
    };
    let chain = client.spec();
    let slot_ms = (chain.slot_duration.as_millis() as u64).max(1);
    let our_slot = now_ms().saturating_sub(chain.genesis_time * 1000) / slot_ms;
    let head = status.head_slot;
    let node_slot = head.saturating_add(status.sync_distance as u64);
    let old = our_slot.saturating_sub(head);
    let mut findings = Vec::new();
    findings.push(if status.is_syncing {
        let found = format!("{url}: {version} is syncing, {} slots to go", status.sync_distance);
        Finding::bad("beacon node", found, "wait until it is in sync; the sidecar opens no jobs before")
    } else if old > OLD_HEAD_SLOTS {
        let found = format!("{url}: {version} has had no block for {old} slots (head at {head})");
        Finding::warning("beacon node", found, "look at the node's peers and its log; if the chain itself stands still, wait")
    } else {
        Finding::good("beacon node", format!("{url}: {version}, head at slot {head}"))
    });
    if status.el_offline {
        let mend = "start the execution client, and compare the JWT secrets of both";
        findings.push(Finding::bad("beacon node", format!("{url} has no execution client"), mend));
    } else if status.is_optimistic {
        let mend = "wait for the execution client to be in sync; until then heads open jobs only with accept_optimistic_heads";
        findings.push(Finding::warning(
            "beacon node",
            format!("{url} follows heads that its execution client has not validated"),
            mend,
        ));
    }
    findings.extend(judge_slots(node_slot, our_slot, url));
    findings
}

/// Our clock against the node's, by the `Date` of an answer.
async fn date(url: &str) -> Option<Finding> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build().ok()?;
    let path = format!("{}/eth/v1/node/version", url.trim_end_matches('/'));
    // Once for the connection, so that the second time measures the answer alone.
    client.get(&path).send().await.ok()?.bytes().await.ok()?;
    let asked = now_ms();
    let answer = client.get(&path).send().await.ok()?;
    let answered = now_ms();
    let date = httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()?;
    let theirs = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis() as u64;
    Some(judge(sure_skew_ms(theirs, Duration::from_secs(1), asked, answered), url))
}
