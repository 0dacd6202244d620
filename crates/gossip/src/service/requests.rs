//! Requests: ours and their answers, theirs and our answers.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{Event, Message, OutboundFailure};
use quintet_types::{Decode as _, Encode as _};

use super::{Purpose, Service};
use crate::error::NetworkError;
use crate::event::{Channel, DropReason, NetworkEvent, Responder, hold};
use crate::memory::Held;
use crate::peers::conduct::Fault;
use crate::wire::codec::Malformed;
use crate::wire::requests::{Refusal, Request, RequestKind, Response, Status};

impl Service {
    /// Sends a request.
    pub(super) fn send(&mut self, peer: &PeerId, request: Request, purpose: Purpose) {
        let kind = request.kind();
        self.metrics.request(kind).sent.add(1);
        let id = self.swarm.behaviour_mut().requests(kind).send_request(peer, Ok(request));
        self.outbound.insert((kind, id), purpose);
    }

    pub(super) fn on_request_event(
        &mut self,
        kind: RequestKind,
        event: Event<Result<Request, Malformed>, Result<Held<Response>, Refusal>>,
    ) {
        match event {
            Event::Message { peer, message: Message::Request { request: Ok(request), channel, .. }, .. } => {
                self.on_request(peer, request, channel);
            }
            Event::Message { peer, message: Message::Request { request: Err(Malformed(error)), channel, .. }, .. } => {
                tracing::debug!(%peer, request = kind.name(), %error, "request of a peer is malformed");
                self.metrics.request(kind).received.add(1);
                self.answer(peer, kind, channel, Err(Refusal::InvalidRequest));
                self.fault(peer, Fault::Malformed);
            }
            Event::Message { peer, message: Message::Response { request_id, response }, .. } => {
                if let Some(purpose) = self.outbound.remove(&(kind, request_id)) {
                    self.on_response(kind, peer, purpose, response);
                }
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                self.metrics.request(kind).failed.add(1);
                if let Some(purpose) = self.outbound.remove(&(kind, request_id)) {
                    self.on_failure(kind, peer, purpose, &error);
                }
            }
            Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, request = kind.name(), %error, "request of a peer failed");
            }
            Event::ResponseSent { .. } => {}
        }
    }

    fn on_request(&mut self, peer: PeerId, request: Request, channel: Channel) {
        let (kind, now) = (request.kind(), Instant::now());
        self.metrics.request(kind).received.add(1);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        if !known.allowance.allows(kind, request.cost(), now) {
            self.answer(peer, kind, channel, Err(Refusal::RateLimited));
            return self.fault(peer, Fault::TooManyRequests);
        }
        let admitted = known.status.is_some() && known.closing.is_none();
        match request {
            Request::Status(theirs) => {
                let ours = self.config.status.as_ssz_bytes();
                let answer = hold(&self.answers, vec![ours]);
                self.answer(peer, kind, channel, answer);
                self.on_status(peer, theirs);
            }
            Request::Goodbye(reason) => {
                let answer = hold(&self.answers, vec![]);
                self.answer(peer, kind, channel, answer);
                self.close_soon(peer, DropReason::Goodbye(reason));
            }
            request if admitted => {
                let Some(commands) = self.to_self.upgrade() else { return };
                let responder = Responder { peer, kind, channel: Some(channel), answers: self.answers.clone(), commands };
                // If the sidecar is too slow the responder is dropped and says that nothing is to be had.
                self.tell(NetworkEvent::Request { peer, request, responder });
            }
            _ => self.answer(peer, kind, channel, Err(Refusal::Unavailable)),
        }
    }

    /// Answers a request, with as much as an answer may hold.
    pub(super) fn answer(
        &mut self,
        peer: PeerId,
        kind: RequestKind,
        channel: Channel,
        response: Result<Held<Response>, Refusal>,
    ) {
        let limits = kind.response_limits();
        let response = response.map(|Held { content: mut items, room }| {
            let mut total = 0;
            let fits = |item: &&Vec<u8>| {
                total += item.len();
                item.len() <= limits.item_bytes && total <= limits.total_bytes
            };
            let fitting = items.iter().take(limits.items).take_while(fits).count();
            items.truncate(fitting);
            Held { content: items, room }
        });
        if matches!(response, Err(Refusal::RateLimited)) {
            self.metrics.request(kind).limited.add(1);
        }
        let bytes: usize = response.iter().flat_map(|held| &held.content).map(Vec::len).sum();
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.allowance.answered(bytes, Instant::now());
        }
        // Comes back if the peer is gone.
        let _ = self.swarm.behaviour_mut().requests(kind).send_response(channel, response);
    }

    fn on_response(&mut self, kind: RequestKind, peer: PeerId, purpose: Purpose, response: Result<Held<Response>, Refusal>) {
        if response.is_err() {
            self.metrics.request(kind).failed.add(1);
        }
        match purpose {
            Purpose::Status => match response.map(|held| held.content.first().map(|item| Status::from_ssz_bytes(item))) {
                Ok(Some(Ok(status))) => self.on_status(peer, status),
                Ok(_) => self.fault(peer, Fault::Malformed),
                Err(refusal) => tracing::debug!(%peer, %refusal, "peer does not tell its status"),
            },
            Purpose::Goodbye => self.close_now(&peer),
            Purpose::Fetch(root) => self.on_fetched(root, peer, response),
            Purpose::Outline(root) => self.on_outline(root, peer, response),
            Purpose::Parts(root) => self.on_parts(root, peer, response),
            // The sidecar may no longer want to know. It bounds how much it asks for at a time.
            Purpose::Sidecar(done) => {
                let response = response.map(|held| held.content).map_err(|code| NetworkError::Refused { peer, code });
                drop(done.send(response));
            }
        }
    }

    fn on_failure(&mut self, kind: RequestKind, peer: PeerId, purpose: Purpose, error: &OutboundFailure) {
        tracing::debug!(%peer, request = kind.name(), %error, "request failed");
        let fault = match error {
            OutboundFailure::Timeout => Some(Fault::Silent),
            OutboundFailure::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => Some(Fault::Malformed),
            _ => None,
        };
        match purpose {
            // Who knows no outlines has the submission as a whole.
            Purpose::Outline(root) if matches!(error, OutboundFailure::UnsupportedProtocols) => {
                return self.ask_whole(root, peer);
            }
            Purpose::Fetch(root) | Purpose::Outline(root) | Purpose::Parts(root) => {
                return self.on_fetch_failed(root, peer, fault);
            }
            Purpose::Goodbye => return self.close_now(&peer),
            Purpose::Sidecar(done) => drop(done.send(Err(NetworkError::Request { peer, reason: error.to_string() }))),
            // Without a status the peer is dropped when its time is over.
            Purpose::Status => {}
        }
        if let Some(fault) = fault {
            self.fault(peer, fault);
        }
    }
}
