//! A link between two sidecars that a test can cut, slow down and spoil. What libp2p speaks is TCP, so a lost packet shows as a pause of everything behind it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Until a lost packet is sent again.
const RETRANSMISSION: Duration = Duration::from_millis(400);

/// The address by which others know a sidecar: each is in a network of its own, as validators are.
pub(crate) const fn outside(place: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 10 + place as u8, 0, 1)
}

/// One link, from an address of its own to a sidecar. Ends with the test's runtime.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    up: watch::Sender<bool>,
    bad: Arc<AtomicBool>,
}

impl Relay {
    /// A link between two sidecars, of which the second listens at a port, or will.
    pub(crate) async fn start(from: usize, to: usize, port: u16) -> Self {
        let listener = TcpListener::bind((outside(to), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, is_up) = watch::channel(true);
        let bad = Arc::new(AtomicBool::new(false));
        let spoiled = Arc::clone(&bad);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (is_up, bad) = (is_up.clone(), Arc::clone(&spoiled));
                tokio::spawn(async move {
                    let mut waiting = is_up.clone();
                    if waiting.wait_for(|up| *up).await.is_err() {
                        return;
                    }
                    let socket = TcpSocket::new_v4().unwrap();
                    socket.bind((outside(from), 0).into()).unwrap();
                    let Ok(far) = socket.connect(([127, 0, 0, 1], port).into()).await else { return };
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::join!(pass(near_in, far_out, is_up.clone(), Arc::clone(&bad)), pass(far_in, near_out, is_up, bad),);
                });
            }
        });
        Self { address, up, bad }
    }

    /// Whether anything comes through. What is under way waits, as in a network that lost a cable: nobody is told.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// Delays everything by 200 ms to 1 s, and 5 % of it once more.
    pub(crate) fn set_bad(&self, bad: bool) {
        self.bad.store(bad, Ordering::Relaxed);
    }
}

/// One direction of a connection, in order. Ends with the connection.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_up: watch::Receiver<bool>, bad: Arc<AtomicBool>) {
    let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(256);
    let read = async move {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let mut due = Instant::now();
            if bad.load(Ordering::Relaxed) {
                due += Duration::from_millis(rand::rng().random_range(200..=1000));
                if rand::rng().random_bool(0.05) {
                    due += RETRANSMISSION;
                }
            }
            if sender.send((due, buffer[..length].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = chunks.recv().await {
            tokio::time::sleep_until(due).await;
            if is_up.wait_for(|up| *up).await.is_err() || to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        // The other side may be gone already.
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
