//! The sidecar's end of the network.

use std::sync::Arc;

use libp2p::gossipsub::MessageId;
use libp2p::{Multiaddr, PeerId};
use quintet_types::Submission;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::NetworkConfig;
use crate::error::NetworkError;
use crate::event::{Channel, Gossip, NetworkEvent, PeerInfo, Verdict};
use crate::memory::Held;
use crate::metrics::Metrics;
use crate::peers::conduct::Fault;
use crate::service::Service;
use crate::wire::outline::{Part, PartName, parts_of};
use crate::wire::requests::{Refusal, Request, RequestKind, Response, Status};

/// What a handle tells the service.
#[derive(Debug)]
pub(crate) enum Command {
    Publish { gossip: Gossip, done: oneshot::Sender<Result<MessageId, NetworkError>> },
    Verdict { id: MessageId, verdict: Verdict },
    Request { peer: PeerId, request: Request, done: oneshot::Sender<Result<Response, NetworkError>> },
    Respond { peer: PeerId, kind: RequestKind, channel: Channel, response: Result<Held<Response>, Refusal> },
    SetStatus(Status),
    SetBehind(bool),
    Hold(Vec<(PartName, Part)>),
    PhasePassed,
    Report { peer: PeerId, fault: Fault },
    Peers(oneshot::Sender<Vec<PeerInfo>>),
    ListenAddresses(oneshot::Sender<Vec<Multiaddr>>),
    Shutdown,
}

/// Starts networks.
#[derive(Debug)]
pub struct Network;

impl Network {
    /// Starts a network as a task of the current tokio runtime. It ends with [`NetworkHandle::shutdown`], or when all handles are gone.
    ///
    /// # Errors
    /// If the configuration makes no sense or an address cannot be listened on.
    pub fn start(config: NetworkConfig) -> Result<(NetworkHandle, mpsc::Receiver<NetworkEvent>), NetworkError> {
        config.check()?;
        let metrics = Arc::new(Metrics::default());
        let (commands, from_handles) = mpsc::unbounded_channel();
        let (to_sidecar, events) = mpsc::channel(config.limits.events);
        let peer_id = config.node_key.peer_id();
        let service = Service::new(config, metrics.clone(), from_handles, commands.downgrade(), to_sidecar)?;
        let task = tokio::spawn(service.run());
        let shared = Shared { peer_id, metrics, commands, task: tokio::sync::Mutex::new(Some(task)) };
        Ok((NetworkHandle(Arc::new(shared)), events))
    }
}

#[derive(Debug)]
struct Shared {
    peer_id: PeerId,
    metrics: Arc<Metrics>,
    commands: mpsc::UnboundedSender<Command>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// Speaks with a running network. Clones speak with the same one.
#[derive(Debug, Clone)]
pub struct NetworkHandle(Arc<Shared>);

impl NetworkHandle {
    fn tell(&self, command: Command) {
        // After the end there is nobody to tell; those who wait for an answer learn it from their channel.
        let _ = self.0.commands.send(command);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NetworkError> {
        let (sender, receiver) = oneshot::channel();
        self.tell(command(sender));
        receiver.await.map_err(|_| NetworkError::Closed)
    }

    /// Sends a message to the network. A submission must be ready to be handed out before it is announced.
    ///
    /// # Errors
    /// [`NetworkError::NoPeers`] where there is nobody, which a sidecar that runs alone need not mind; [`NetworkError::Duplicate`],
    /// [`NetworkError::TooLarge`], [`NetworkError::Publish`], [`NetworkError::Closed`].
    pub async fn publish(&self, gossip: Gossip) -> Result<MessageId, NetworkError> {
        self.ask(|done| Command::Publish { gossip, done }).await?
    }

    /// Says what to do with a message. Too late a verdict changes nothing.
    pub fn verdict(&self, id: MessageId, verdict: Verdict) {
        self.tell(Command::Verdict { id, verdict });
    }

    /// Asks a peer.
    ///
    /// # Errors
    /// [`NetworkError::NotConnected`], [`NetworkError::Request`], [`NetworkError::Refused`], [`NetworkError::Closed`].
    pub async fn request(&self, peer: PeerId, request: Request) -> Result<Response, NetworkError> {
        self.ask(|done| Command::Request { peer, request, done }).await?
    }

    /// Where this node stands from now on. The fork digest stays as it is.
    pub fn set_status(&self, status: Status) {
        self.tell(Command::SetStatus(status));
    }

    /// Whether this node is behind the others, so that it cannot tell what is of use: it then holds it against nobody that it ignores what they send.
    pub fn set_behind(&self, behind: bool) {
        self.tell(Command::SetBehind(behind));
    }

    /// A submission is held that did not come as [`NetworkEvent::Body`]: what others have in common with it need not be pulled. Hashes it.
    pub fn hold(&self, submission: &Submission) {
        self.tell(Command::Hold(parts_of(submission)));
    }

    /// A phase passed in which there should have been gossip: for the notice of isolation.
    pub fn phase_passed(&self) {
        self.tell(Command::PhasePassed);
    }

    /// Reports what a peer did wrong that the network cannot see, for example in answers to requests.
    pub fn report(&self, peer: PeerId, fault: Fault) {
        self.tell(Command::Report { peer, fault });
    }

    /// The peers of our network that are connected, in order of their ids.
    ///
    /// # Errors
    /// [`NetworkError::Closed`].
    pub async fn peers(&self) -> Result<Vec<PeerInfo>, NetworkError> {
        self.ask(Command::Peers).await
    }

    /// Addresses that this node listens on, each with its peer id.
    ///
    /// # Errors
    /// [`NetworkError::Closed`].
    pub async fn listen_addresses(&self) -> Result<Vec<Multiaddr>, NetworkError> {
        self.ask(Command::ListenAddresses).await
    }

    /// The name of this node.
    pub fn local_peer_id(&self) -> PeerId {
        self.0.peer_id
    }

    /// All counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Says goodbye to all peers and ends. Returns when the task has ended.
    pub async fn shutdown(&self) {
        self.tell(Command::Shutdown);
        if let Some(task) = self.0.task.lock().await.take() {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}
