//! What the network tells the sidecar, and what it wants to know.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use libp2p::gossipsub::MessageId;
use libp2p::request_response::ResponseChannel;
use libp2p::{Multiaddr, PeerId};
use quintet_types::{Decode, Encode, Submission};
use tokio::sync::mpsc;

use crate::handle::Command;
use crate::memory::{Budget, Held, Room};
use crate::peers::isolation::Isolation;
use crate::wire::requests::{Goodbye, Refusal, Request, RequestKind, Response, Status};
use crate::wire::snappy::compressed_limit;
use crate::wire::submission_id::SubmissionId;
use crate::wire::topic::Topic;

/// Tells whether bytes are the submission with this id. Runs on a thread that may block.
pub type BodyCheck = Arc<dyn Fn(&SubmissionId, &[u8]) -> bool + Send + Sync>;

/// The usual [`BodyCheck`]: the bytes are a `Submission` with this very header and signature. Hashes the body.
pub fn check_submission(id: &SubmissionId, bytes: &[u8]) -> bool {
    Submission::from_ssz_bytes(bytes).is_ok_and(|submission| SubmissionId::of(&submission) == *id)
}

/// A message of gossip.
#[allow(clippy::large_enum_variant, reason = "most messages are announcements, which would gain nothing from a box each")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gossip {
    /// A submission exists. Goes out on the topic of its phase.
    Submission(SubmissionId),
    /// A proposal of the agreement; its content is the agreement's matter.
    PhaseBundle(Vec<u8>),
    /// A vote of the agreement; its content is the agreement's matter.
    PhaseAttestation(Vec<u8>),
}

impl Gossip {
    /// Bytes of [`Gossip::to_ssz`].
    pub fn length(&self) -> usize {
        match self {
            Self::Submission(_) => SubmissionId::BYTES,
            Self::PhaseBundle(bytes) | Self::PhaseAttestation(bytes) => bytes.len(),
        }
    }

    /// Where it is sent.
    pub fn topic(&self) -> Topic {
        match self {
            Self::Submission(id) => id.topic(),
            Self::PhaseBundle(_) => Topic::PhaseBundle,
            Self::PhaseAttestation(_) => Topic::PhaseAttestation,
        }
    }

    /// What is sent, before it is compressed.
    pub fn to_ssz(&self) -> Vec<u8> {
        match self {
            Self::Submission(id) => id.as_ssz_bytes(),
            Self::PhaseBundle(bytes) | Self::PhaseAttestation(bytes) => bytes.clone(),
        }
    }

    /// Reads a message; `None` if it is none of this topic.
    pub fn from_ssz(topic: Topic, bytes: Vec<u8>) -> Option<Self> {
        match topic {
            Topic::PhaseBundle => Some(Self::PhaseBundle(bytes)),
            Topic::PhaseAttestation => Some(Self::PhaseAttestation(bytes)),
            _ => {
                let id = SubmissionId::from_ssz_bytes(&bytes).ok()?;
                id.belongs_on(topic).then_some(Self::Submission(id))
            }
        }
    }
}

/// What the sidecar thinks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Good: it is sent on. An announced submission is pulled first and sent on once it is here.
    Accept,
    /// Good, and the announced submission is here already: it is sent on at once. For other messages the same as [`Verdict::Accept`].
    Held,
    /// Not sent on, nobody's fault.
    Ignore,
    /// Not sent on, and a fault of who sent it. Only for what every honest node rejects, whenever it looks.
    Reject(String),
}

/// Why a peer is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropReason {
    /// The connection ended.
    Disconnected,
    /// It said why.
    Goodbye(Goodbye),
    /// It is of another network.
    WrongNetwork,
    /// It did not tell its status in time.
    NoStatus,
    /// It behaved badly and is banned.
    Banned,
    /// We were asked to drop it, or stop.
    Ours,
}

/// What is known of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its name.
    pub peer: PeerId,
    /// The address of its first connection.
    pub address: Multiaddr,
    /// Its IP address.
    pub ip: Option<IpAddr>,
    /// Whether we dialled it.
    pub outbound: bool,
    /// The program that it says it is; nobody checks that.
    pub agent: Option<String>,
    /// For how long it has been connected.
    pub connected: Duration,
    /// What it said last of itself.
    pub status: Status,
    /// Its points for faults, rounded.
    pub points: u32,
    /// Gossipsub's score, rounded.
    pub score: i64,
}

/// What happens in the network.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A message that is new here. Wants a verdict soon: [`crate::NetworkHandle::verdict`].
    Message {
        /// Its id.
        id: MessageId,
        /// Who sent it to us (hardly who made it).
        from: PeerId,
        /// Where it came.
        topic: Topic,
        /// What it says.
        gossip: Gossip,
        /// What it takes of the budget for messages.
        room: Room,
    },
    /// An accepted submission is here; its root was checked.
    Body {
        /// What was announced.
        id: SubmissionId,
        /// Who handed it out.
        from: PeerId,
        /// SSZ of the `Submission`.
        bytes: Vec<u8>,
        /// What it takes of the budget for what peers send.
        room: Room,
    },
    /// An accepted submission was not to be had in time.
    BodyMissing {
        /// What was announced.
        id: SubmissionId,
    },
    /// A request for jobs, bundles or submissions, or an introduction.
    Request {
        /// Who asks.
        peer: PeerId,
        /// What.
        request: Request,
        /// Takes the answer. If it is dropped the answer is [`Refusal::Unavailable`].
        responder: Responder,
    },
    /// A peer of our network is connected.
    PeerConnected {
        /// Its name.
        peer: PeerId,
        /// Where it stands.
        status: Status,
    },
    /// A peer told its status again.
    PeerStatus {
        /// Its name.
        peer: PeerId,
        /// Where it stands.
        status: Status,
    },
    /// A peer is gone, or a node never became one.
    PeerDropped {
        /// Its name.
        peer: PeerId,
        /// Why.
        reason: DropReason,
    },
    /// The node looks cut off.
    Isolated(Isolation),
    /// It does no longer.
    Reconnected,
}

/// Where an answer goes.
pub(crate) type Channel = ResponseChannel<Result<Held<Response>, Refusal>>;

/// Takes the answer to a request.
#[derive(Debug)]
pub struct Responder {
    pub(crate) peer: PeerId,
    pub(crate) kind: RequestKind,
    pub(crate) channel: Option<Channel>,
    pub(crate) answers: Budget,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
}

impl Responder {
    /// How much the answer may hold; a larger one is cut off behind the last item that fits.
    pub fn limits(&self) -> crate::wire::requests::ResponseLimits {
        self.kind.response_limits()
    }

    /// Answers; with a refusal where the answers that are not written yet leave no room for it.
    pub fn respond(mut self, response: Result<Response, Refusal>) {
        let held = response.and_then(|content| hold(&self.answers, content));
        self.send(held);
    }

    fn send(&mut self, response: Result<Held<Response>, Refusal>) {
        if let Some(channel) = self.channel.take() {
            // If the network is gone there is nobody to answer.
            let _ = self.commands.send(Command::Respond { peer: self.peer, kind: self.kind, channel, response });
        }
    }
}

/// An answer with the room that it takes until it is written; compressed items may be a little larger.
pub(crate) fn hold(answers: &Budget, content: Response) -> Result<Held<Response>, Refusal> {
    let bytes = content.iter().map(|item| compressed_limit(item.len())).sum();
    match answers.take(bytes) {
        Some(room) => Ok(Held { content, room }),
        None => Err(Refusal::RateLimited),
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.send(Err(Refusal::Unavailable));
    }
}
