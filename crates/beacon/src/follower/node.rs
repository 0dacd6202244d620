//! Chooses the node to follow: reachable, on the right network, synced.

use alloy_rpc_types_beacon::node::SyncStatus;
use quintet_types::Slot;

use crate::client::{BeaconClient, Meta};
use crate::error::Error;
use crate::transport::Accept;

/// The outcome of looking for a node.
#[derive(Debug)]
pub(super) enum Choice {
    /// This endpoint is synced.
    Synced(usize),
    /// Nodes answer, none is synced; this one is furthest.
    Syncing { endpoint: String, head_slot: Slot, distance: u64 },
    /// No node answers, or only foreign ones.
    None(Error),
}

/// Asks the endpoints for their sync status and makes the first synced one the preferred one.
pub(super) async fn choose(client: &BeaconClient, tolerance: u64) -> Choice {
    let mut syncing: Option<(String, SyncStatus)> = None;
    let mut failure = Error::NoEndpoint;
    for (index, _) in client.transport.order() {
        let status = match client.sync_status_of(index).await {
            Ok(status) => status,
            Err(error) => {
                tracing::debug!(%error, "beacon node passed over");
                failure = error;
                continue;
            }
        };
        if !status.is_syncing || status.sync_distance as u64 <= tolerance {
            client.transport.prefer(index);
            return Choice::Synced(index);
        }
        if syncing.as_ref().is_none_or(|(_, best)| best.head_slot < status.head_slot) {
            syncing = Some((client.transport.label(index).to_owned(), status));
        }
    }
    match syncing {
        Some((endpoint, status)) => {
            Choice::Syncing { endpoint, head_slot: Slot(status.head_slot), distance: status.sync_distance as u64 }
        }
        None => Choice::None(failure),
    }
}

impl BeaconClient {
    async fn sync_status_of(&self, index: usize) -> Result<SyncStatus, Error> {
        let path = "/eth/v1/node/syncing";
        let answer = self.transport.get_from(index, path, Accept::Json).await?;
        let reason = match serde_json::from_slice::<Meta<SyncStatus>>(&answer.body) {
            Ok(meta) if answer.status.is_success() => return Ok(meta.data),
            Ok(_) => format!("answered {}", answer.status),
            Err(error) => error.to_string(),
        };
        Err(Error::Answer { endpoint: answer.endpoint, path: path.to_owned(), reason })
    }
}
