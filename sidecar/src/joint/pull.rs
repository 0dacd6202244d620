//! Fetching the submissions that a bundle lists: by root, from one peer at a time, another one with each attempt.

use std::collections::BTreeSet;

use quintet_gossip::{PeerId, Request, SubmissionsByRoot, peers::conduct::Fault};
use quintet_types::{BundleEntry, JobId, Phase, Root};
use tokio::sync::OwnedSemaphorePermit;

use super::{FETCH_PAUSE_MS, Fetched, Running, carry::header_root};

/// Answers on their way or not yet taken in, all phases together: 32 MiB each at most.
pub(super) const PULLS: usize = 2;
/// Most that one request may name.
const MOST: usize = 64;

/// The submissions of one phase.
#[derive(Default)]
pub(super) struct Pull {
    asking: bool,
    turn: usize,
    pause_until_ms: u64,
}

/// What a peer handed out.
pub(super) struct Pulled {
    pub(super) peer: PeerId,
    pub(super) place: (JobId, Phase),
    pub(super) asked: BTreeSet<Root>,
    pub(super) items: Vec<Vec<u8>>,
    pub(super) _room: OwnedSemaphorePermit,
}

impl Running {
    /// Asks a peer for submissions that a bundle lists, unless one is being asked.
    pub(super) fn pull(&mut self, place: (JobId, Phase), absent: &[BundleEntry], now: u64) {
        let pull = self.pulls.entry(place).or_default();
        let asked: Vec<Root> =
            absent.iter().take(MOST).map(|entry| header_root(&place.0, place.1, &entry.prover, entry.body_root)).collect();
        if pull.asking || now < pull.pause_until_ms || asked.is_empty() {
            return;
        }
        let peers: Vec<PeerId> = self.peers.iter().copied().collect();
        let Some(&peer) = peers.get(pull.turn % peers.len().max(1)) else { return };
        let Ok(room) = self.room.clone().try_acquire_owned() else { return };
        let Ok(roots) = asked.clone().try_into() else { return };
        pull.asking = true;
        let (network, fetched) = (self.joint.network.clone(), self.fetched.clone());
        tokio::spawn(async move {
            let answer = network.request(peer, Request::Submissions(SubmissionsByRoot { roots })).await;
            let items = answer.unwrap_or_else(|error| {
                tracing::debug!(%peer, %error, "asking for submissions");
                Vec::new()
            });
            let asked = asked.into_iter().collect();
            // The task may have ended.
            let _ = fetched.send(Fetched::Pulled(Pulled { peer, place, asked, items, _room: room }));
        });
    }

    /// What came is taken in as if a prover had sent it; what was not asked for is the peer's fault.
    pub(super) fn on_pulled(&mut self, pulled: Pulled, now: u64) {
        let Pulled { peer, place, asked, items, _room } = pulled;
        if let Some(pull) = self.pulls.get_mut(&place) {
            pull.asking = false;
            if items.len() < asked.len() {
                pull.turn += 1;
            }
            if items.is_empty() {
                pull.pause_until_ms = now + FETCH_PAUSE_MS;
            }
        }
        for item in items {
            if !self.take(&item, Some((peer, &asked))) {
                self.joint.network.report(peer, Fault::WrongBody);
                if let Some(pull) = self.pulls.get_mut(&place) {
                    pull.turn += 1;
                }
                return;
            }
        }
    }
}
