//! Pulling submissions by their outlines: parts that are known are not asked for again.

use std::time::Instant;

use libp2p::PeerId;
use quintet_types::{Decode as _, Root};

use super::{Purpose, Service};
use crate::memory::Held;
use crate::peers::assembler::{Assembly, Blame, Step, Turn};
use crate::wire::outline::{Outline, PartKind, PartsByIndex};
use crate::wire::requests::{Refusal, Request, Response};

impl Service {
    /// A request for an outline brought an answer.
    pub(super) fn on_outline(&mut self, root: Root, peer: PeerId, response: Result<Held<Response>, Refusal>) {
        let Some(Held { content: items, room }) = self.items(root, peer, response) else { return };
        let Some(kind) = self.fetcher.id(&root).and_then(PartKind::of) else { return };
        // It has none, or one that would be too long.
        let Some(item) = items.first() else { return self.ask_whole(root, peer) };
        let Ok(outline) = Outline::from_ssz_bytes(item) else { return self.on_lie(root, peer) };
        let until = Instant::now() + self.config.limits.fetch.wait;
        match self.assembler.begin(root, peer, kind, Held { content: outline, room }, until) {
            Ok(turn) => self.take_turns(turn),
            Err(_) => self.on_lie(root, peer),
        }
    }

    /// A request for parts brought an answer.
    pub(super) fn on_parts(&mut self, root: Root, peer: PeerId, response: Result<Held<Response>, Refusal>) {
        let Some(items) = self.items(root, peer, response) else { return };
        // What it had an outline of it may have forgotten since.
        if items.content.is_empty() {
            return self.on_missing(root, peer);
        }
        match self.assembler.arrived(&root, &peer, items) {
            Ok(turns) => self.take_turns(turns),
            Err(_) => self.on_lie(root, peer),
        }
    }

    /// Asks for what was waited for long enough.
    pub(super) fn end_waits(&mut self, now: Instant) {
        let turns = self.assembler.overdue(now);
        self.take_turns(turns);
    }

    fn take_turns(&mut self, turns: impl IntoIterator<Item = Turn>) {
        for (root, peer, step) in turns {
            match step {
                Step::Ask(indices) => {
                    self.send(&peer, Request::Parts(PartsByIndex { root, indices }), Purpose::Parts(root));
                }
                Step::Whole => self.ask_whole(root, peer),
                Step::Fill(assembly) => self.fill(root, peer, assembly),
            }
        }
    }

    fn fill(&mut self, root: Root, peer: PeerId, assembly: Assembly) {
        let Some(id) = self.fetcher.id(&root).copied() else { return };
        if assembly.bytes() > self.config.limits.body_bytes[id.topic().index()] {
            return self.on_mismatch(root, peer);
        }
        // Offsets stand in front of commitments.
        let Some(room) = self.received.take(assembly.bytes() + 4 * assembly.parts.len()) else {
            tracing::debug!(%root, "no room for a submission");
            return self.on_fetch_failed(root, peer, None);
        };
        self.metrics.fetch.parts_pulled.add(assembly.pulled as u64);
        self.metrics.fetch.parts_known.add(assembly.parts.len().saturating_sub(assembly.pulled) as u64);
        self.check(id, peer, move || Some(Held { content: assembly.outline.fill(&assembly.parts)?, room }));
    }

    /// What came is not the announced submission. Where parts of others are in it that is a lie only if the outline turns out to be another one than that of
    /// the announced submission: somebody may have found two parts of one name.
    pub(super) fn on_mismatch(&mut self, root: Root, peer: PeerId) {
        match self.end_attempt(&root) {
            Some(Blame::Open(outline)) => {
                tracing::debug!(%peer, %root, "an outline leads to another submission than the announced one");
                self.fetcher.suspect(&root, peer, outline.digest());
                self.on_fetch_failed(root, peer, None);
            }
            Some(Blame::Peer) | None => self.on_lie(root, peer),
        }
    }

    /// Nothing more is done with the outline that a peer handed out.
    pub(super) fn end_attempt(&mut self, root: &Root) -> Option<Blame> {
        let (blame, turns) = self.assembler.end(root);
        self.take_turns(turns);
        blame
    }
}
