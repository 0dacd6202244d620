//! JSON-RPC of the execution client, and the few Beacon API answers that the launcher waits for.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Client;
use serde_json::{Value, json};

/// A client that gives up on an answer after five seconds.
///
/// # Errors
/// If the system cannot provide one.
pub(super) fn http() -> anyhow::Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(5)).build()?)
}

/// Calls a method.
///
/// # Errors
/// If there is no answer or it is an error.
pub(super) async fn call(http: &Client, url: &str, method: &str, params: Value) -> anyhow::Result<Value> {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let text = http.post(url).header("content-type", "application/json").body(request.to_string()).send().await?.text().await?;
    let mut answer: Value = serde_json::from_str(&text).with_context(|| format!("{method}: {text}"))?;
    match answer.get("error") {
        Some(error) if !error.is_null() => bail!("{method}: {error}"),
        _ => Ok(answer["result"].take()),
    }
}

/// A quantity of JSON-RPC.
///
/// # Errors
/// If it is none.
pub(super) fn quantity(value: &Value) -> anyhow::Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).with_context(|| format!("no quantity: {value}"))?;
    Ok(u64::from_str_radix(digits, 16)?)
}

/// An answer of the Beacon API.
///
/// # Errors
/// If there is none.
pub async fn beacon(url: &str, path: &str) -> anyhow::Result<Value> {
    let response = http()?.get(format!("{url}{path}")).header("accept", "application/json").send().await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        bail!("{path}: {status} {text}");
    }
    Ok(serde_json::from_str(&text)?)
}

/// Slot of a beacon node's head.
///
/// # Errors
/// If it does not say.
pub async fn head_slot(url: &str) -> anyhow::Result<u64> {
    let answer = beacon(url, "/eth/v1/node/syncing").await?;
    let slot = answer["data"]["head_slot"].as_str().context("head_slot")?;
    Ok(slot.parse()?)
}
