//! Pulling announced submissions: whom to ask, checking what comes, sending the announcement on.

use std::collections::HashSet;
use std::time::Instant;

use libp2p::PeerId;
use quintet_types::{Decode as _, Root, Submission};
use ssz_types::VariableList;

use super::{Internal, Purpose, Service};
use crate::event::{NetworkEvent, Verdict};
use crate::memory::Held;
use crate::peers::conduct::Fault;
use crate::wire::outline::{Outline, OutlineByRoot, Part, PartKind, PartName, parts_of};
use crate::wire::requests::{Refusal, Request, Response, SubmissionsByRoot};
use crate::wire::submission_id::SubmissionId;

/// A submission that came and is the announced one.
#[derive(Debug)]
pub(super) struct Found {
    body: Held<Vec<u8>>,
    /// What others may have in common with it.
    parts: Vec<(PartName, Part)>,
    /// Digest of its outline, if it has one.
    outline: Option<Root>,
}

impl Found {
    fn new(body: Held<Vec<u8>>) -> Self {
        match Submission::from_ssz_bytes(&body.content) {
            Ok(submission) => {
                let outline = Outline::of(&submission).map(|outline| outline.digest());
                Self { body, parts: parts_of(&submission), outline }
            }
            // Only by a check of the caller's own.
            Err(_) => Self { body, parts: vec![], outline: None },
        }
    }
}

impl Service {
    /// Makes as many requests as there is room for.
    pub(super) fn start_fetches(&mut self) {
        loop {
            let (swarm, peers, topics) = (&self.swarm, &self.peers, &self.topics);
            let usable = |peer: &PeerId| peers.get(peer).is_some_and(|peer| peer.status.is_some() && peer.closing.is_none());
            // Peers in the topic's mesh get the announcement about when we do, so they hold the submission soon; then the others.
            let holders = |id: &SubmissionId| {
                let gossipsub = &swarm.behaviour().gossipsub;
                let mesh: Vec<PeerId> = gossipsub.mesh_peers(topics.hash(id.topic())).copied().collect();
                let in_mesh: HashSet<_> = mesh.iter().copied().collect();
                let mut others: Vec<_> = peers.keys().filter(|peer| !in_mesh.contains(peer)).copied().collect();
                others.sort_unstable();
                mesh.into_iter().chain(others).collect()
            };
            let Some((root, peer)) = self.fetcher.next(Instant::now(), holders, usable) else { break };
            let has_parts = self.fetcher.id(&root).and_then(PartKind::of).is_some();
            if has_parts && self.fetcher.suspected(&root).is_none() {
                self.send(&peer, Request::Outline(OutlineByRoot { root }), Purpose::Outline(root));
            } else {
                self.ask_whole(root, peer);
            }
        }
        self.metrics.fetch.running.set(self.fetcher.running() as u64);
        self.metrics.fetch.waiting.set(self.fetcher.waiting() as u64);
    }

    /// Asks for a submission with all that is in it.
    pub(super) fn ask_whole(&mut self, root: Root, peer: PeerId) {
        if let Ok(roots) = VariableList::new(vec![root]) {
            self.send(&peer, Request::Submissions(SubmissionsByRoot { roots }), Purpose::Fetch(root));
        }
    }

    /// A request for all of a submission brought an answer.
    pub(super) fn on_fetched(&mut self, root: Root, peer: PeerId, response: Result<Held<Response>, Refusal>) {
        let Some(id) = self.fetcher.id(&root).copied() else { return };
        let Some(Held { content: mut items, room }) = self.items(root, peer, response) else { return };
        if items.len() > 1 {
            return self.on_lie(root, peer);
        }
        let Some(content) = items.pop() else { return self.on_missing(root, peer) };
        if content.len() > self.config.limits.body_bytes[id.topic().index()] {
            return self.on_lie(root, peer);
        }
        self.check(id, peer, move || Some(Held { content, room }));
    }

    /// The items of an answer, unless it is a refusal.
    pub(super) fn items(
        &mut self,
        root: Root,
        peer: PeerId,
        response: Result<Held<Response>, Refusal>,
    ) -> Option<Held<Response>> {
        let phase = self.fetcher.id(&root)?.phase;
        let refusal = match response {
            Ok(items) => return Some(items),
            Err(refusal) => refusal,
        };
        tracing::debug!(%peer, %root, %refusal, "peer refuses a submission");
        match refusal {
            // Commitments are not for everybody while the phase is open, and a peer may not know yet who we are. Their announcements are signed by drawn
            // provers, so that there are few, and none of them is free to make.
            Refusal::Unavailable if phase == quintet_types::Phase::T1 => self.on_fetch_failed(root, peer, None),
            // Many ask it at once: another one is quicker.
            Refusal::RateLimited => self.on_fetch_failed(root, peer, None),
            _ => self.on_missing(root, peer),
        }
        None
    }

    /// Checks what `made` makes, away from the service.
    pub(super) fn check(&self, id: SubmissionId, peer: PeerId, made: impl FnOnce() -> Option<Held<Vec<u8>>> + Send + 'static) {
        let (check, done) = (self.config.body_check.clone(), self.internal.0.clone());
        tokio::task::spawn_blocking(move || {
            let found = made().filter(|body| check(&id, &body.content)).map(Found::new);
            // The service may have ended meanwhile.
            let _ = done.send(Internal::Checked { root: id.root(), peer, found });
        });
    }

    /// A peer does not have it. Only who announced it has to.
    pub(super) fn on_missing(&mut self, root: Root, peer: PeerId) {
        let fault = self.fetcher.announced(&root, &peer).then_some(Fault::MissingBody);
        self.on_fetch_failed(root, peer, fault);
    }

    /// A request brought nothing.
    pub(super) fn on_fetch_failed(&mut self, root: Root, peer: PeerId, fault: Option<Fault>) {
        self.metrics.fetch.retried.add(1);
        self.fetcher.failed(&root, &peer);
        self.end_attempt(&root);
        if let Some(fault) = fault {
            self.fault(peer, fault);
        }
        self.start_fetches();
    }

    pub(super) fn on_lie(&mut self, root: Root, peer: PeerId) {
        tracing::debug!(%peer, %root, "peer hands out another submission than the announced one");
        self.metrics.fetch.mismatched.add(1);
        self.fetcher.lied(&root, &peer);
        self.end_attempt(&root);
        self.fault(peer, Fault::WrongBody);
        self.start_fetches();
    }

    /// What came was checked.
    pub(super) fn on_checked(&mut self, root: Root, peer: PeerId, found: Option<Found>) {
        let Some(Found { body, parts, outline }) = found else { return self.on_mismatch(root, peer) };
        if self.end_attempt(&root).is_some() {
            self.metrics.fetch.assembled.add(1);
        }
        self.assembler.learn(parts);
        self.metrics.fetch.part_bytes.set(self.assembler.known_bytes() as u64);
        // Whoever handed out the outline of something else under this name.
        if let Some((suspect, digest)) = self.fetcher.suspected(&root)
            && outline != Some(digest)
        {
            self.metrics.fetch.mismatched.add(1);
            self.fault(suspect, Fault::WrongBody);
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
