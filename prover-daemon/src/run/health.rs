//! Whether a gateway is one to work with: our network and program, in sync, and at the head.

use anyhow::{bail, ensure};
use quintet_api::GatewayClient;
use quintet_node::spec_root;
use quintet_types::Root;

use super::{Shared, gateways::now_ms};

/// A gateway whose head is so many slots behind the clock lags, unless all do: slots may be empty.
const MAX_LAG: u64 = 4;

/// Turns to another gateway, if the one in use is not well or a preferred one is again. True if that happened.
///
/// # Errors
/// If the one in use is of another network or version, and there is no other.
pub(crate) async fn choose(shared: &Shared) -> anyhow::Result<bool> {
    let gateways = &shared.gateways;
    if !gateways.has_others() {
        return Ok(false);
    }
    let current = gateways.current().clone();
    let ours = examine(shared, &current).await;
    for other in gateways.candidates(ours.is_ok()) {
        match examine(shared, &other).await {
            Ok(()) => {
                let why = ours
                    .as_ref()
                    .err()
                    .map_or_else(|| "it is preferred, and well again".to_owned(), |error| format!("{error:#}"));
                if ours.is_err() {
                    gateways.rest(&current);
                }
                gateways.is_well(&other);
                gateways.turn_to(&current, &other, &why);
                return Ok(true);
            }
            Err(error) => {
                tracing::debug!(gateway = %other.base(), "not used: {error:#}");
                gateways.rest(&other);
            }
        }
    }
    match ours {
        Err(error) if error.is::<Stranger>() => Err(error),
        Err(error) => {
            tracing::debug!(gateway = %current.base(), "there is no better one: {error:#}");
            Ok(false)
        }
        Ok(()) => {
            gateways.is_well(&current);
            Ok(false)
        }
    }
}

/// It is not ours to work for.
#[derive(Debug, thiserror::Error)]
#[error("{what} is {found} there, {ours} here: another network or version")]
struct Stranger {
    what: &'static str,
    found: Root,
    ours: Root,
}

/// Whether a gateway is well.
async fn examine(shared: &Shared, client: &GatewayClient) -> anyhow::Result<()> {
    let identity = client.identity().await?;
    let ours = spec_root(&shared.spec);
    if identity.spec_root != ours {
        bail!(Stranger { what: "the root of the parameters", found: identity.spec_root, ours });
    }
    let ours = shared.circuits.guest().hash;
    if identity.program_hash != ours {
        bail!(Stranger { what: "the program", found: identity.program_hash, ours });
    }
    let syncing = client.syncing().await?;
    ensure!(!syncing.is_syncing, "its beacon node is syncing");
    let slot = now_ms().saturating_sub(identity.genesis_time_ms) / shared.spec.slot_duration_ms.max(1);
    let lag = slot.saturating_sub(syncing.head_slot.0);
    ensure!(lag <= MAX_LAG, "its head is {lag} slots behind the clock");
    Ok(())
}
