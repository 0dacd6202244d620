//! Pulling announced submissions: whom to ask, checking what comes, sending the announcement on.

use std::collections::HashSet;
use std::time::Instant;

use libp2p::PeerId;
use quintet_types::Root;
use ssz_types::VariableList;

use super::{Internal, Purpose, Service};
use crate::event::{NetworkEvent, Verdict};
use crate::memory::Held;
use crate::peers::conduct::Fault;
use crate::wire::requests::{Refusal, Request, Response, SubmissionsByRoot};

impl Service {
    /// Makes as many requests as there is room for.
    pub(super) fn start_fetches(&mut self) {
        loop {
            let (swarm, peers, topics) = (&self.swarm, &self.peers, &self.topics);
            let usable = |peer: &PeerId| peers.get(peer).is_some_and(|peer| peer.status.is_some() && peer.closing.is_none());
            // Peers in the topic's mesh get the announcement about when we do, so they hold the submission soon; then the others.
            let holders = |id: &crate::SubmissionId| {
                let gossipsub = &swarm.behaviour().gossipsub;
                let mesh: Vec<PeerId> = gossipsub.mesh_peers(topics.hash(id.topic())).copied().collect();
                let in_mesh: HashSet<_> = mesh.iter().copied().collect();
                let mut others: Vec<_> = peers.keys().filter(|peer| !in_mesh.contains(peer)).copied().collect();
                others.sort_unstable();
                mesh.into_iter().chain(others).collect()
            };
            let Some((root, peer)) = self.fetcher.next(Instant::now(), holders, usable) else { break };
            let Ok(roots) = VariableList::new(vec![root]) else { break };
            self.send(&peer, Request::Submissions(SubmissionsByRoot { roots }), Purpose::Fetch(root));
        }
        self.metrics.fetch.running.set(self.fetcher.running() as u64);
        self.metrics.fetch.waiting.set(self.fetcher.waiting() as u64);
    }

    /// A request brought an answer.
    pub(super) fn on_fetched(&mut self, root: Root, peer: PeerId, response: Result<Held<Response>, Refusal>) {
        let Some(id) = self.fetcher.id(&root).copied() else { return };
        let (mut items, room) = match response {
            Ok(held) => (held.content, Some(held.room)),
            // Commitments are not for everybody while the phase is open, and a peer may not know yet who we are. Their announcements are signed by drawn
            // provers, so that there are few, and none of them is free to make.
            Err(Refusal::Unavailable) if id.phase == quintet_types::Phase::T1 => {
                return self.on_fetch_failed(root, peer, None);
            }
            // Many ask it at once: another one is quicker.
            Err(Refusal::RateLimited) => return self.on_fetch_failed(root, peer, None),
            Err(refusal) => {
                tracing::debug!(%peer, %root, %refusal, "peer refuses a submission");
                (vec![], None)
            }
        };
        if items.len() > 1 {
            return self.on_lie(root, peer);
        }
        let (Some(content), Some(room)) = (items.pop(), room) else {
            // Only who announced it has to have it.
            let fault = self.fetcher.announced(&root, &peer).then_some(Fault::MissingBody);
            return self.on_fetch_failed(root, peer, fault);
        };
        if content.len() > self.config.limits.body_bytes[id.topic().index()] {
            return self.on_lie(root, peer);
        }
        let (check, done) = (self.config.body_check.clone(), self.internal.0.clone());
        tokio::task::spawn_blocking(move || {
            // The service may have ended meanwhile.
            let good = check(&id, &content);
            let _ = done.send(Internal::Checked { root, peer, body: Held { content, room }, good });
        });
    }

    /// A request brought nothing.
    pub(super) fn on_fetch_failed(&mut self, root: Root, peer: PeerId, fault: Option<Fault>) {
        self.metrics.fetch.retried.add(1);
        self.fetcher.failed(&root, &peer);
        if let Some(fault) = fault {
            self.fault(peer, fault);
        }
        self.start_fetches();
    }

    fn on_lie(&mut self, root: Root, peer: PeerId) {
        tracing::debug!(%peer, %root, "peer hands out another submission than the announced one");
        self.metrics.fetch.mismatched.add(1);
        self.fetcher.lied(&root, &peer);
        self.fault(peer, Fault::WrongBody);
        self.start_fetches();
    }

    /// What came was checked.
    pub(super) fn on_checked(&mut self, root: Root, peer: PeerId, body: Held<Vec<u8>>, good: bool) {
        if !good {
            return self.on_lie(root, peer);
        }
        let Some(id) = self.fetcher.arrived(&root) else { return };
        self.metrics.fetch.fetched.add(1);
        let Held { content: bytes, room } = body;
        self.metrics.fetch.bytes.add(bytes.len() as u64);
        // Who cannot take it cannot hand it out either, so it is not sent on then.
        let told = self.tell(NetworkEvent::Body { id, from: peer, bytes, room });
        let verdict = if told { Verdict::Held } else { Verdict::Ignore };
        for (message, pending) in self.validation.take_pulled(&root) {
            self.close(&message, pending, verdict.clone());
        }
        self.start_fetches();
    }

    /// Gives up what nobody had in time.
    pub(super) fn expire_fetches(&mut self, now: Instant) {
        for id in self.fetcher.expire(now) {
            self.metrics.fetch.abandoned.add(1);
            for (message, pending) in self.validation.take_pulled(&id.root()) {
                self.close(&message, pending, Verdict::Ignore);
            }
            tracing::debug!(job = %id.job, phase = %id.phase, prover = %id.prover, "nobody had the announced submission");
            self.tell(NetworkEvent::BodyMissing { id });
        }
    }
}
