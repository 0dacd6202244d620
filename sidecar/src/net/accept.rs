//! The accept loop: counts connections, times and encrypts them, and lets them finish when the end comes.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::{Cidr, Seats, TlsFiles, client_address, stall::Stalling};

/// Bytes of a request's head, and of an answer on its way, that a connection holds.
const BUFFER: usize = 64 << 10;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Pause after the system has no more file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// What a connection too many gets to read.
const NO_SEAT: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct ListenerLimits {
    /// Open connections.
    pub seats: Seats,
    /// For the TLS handshake and a request's headers; idle connections are closed after it.
    pub header_timeout: Duration,
    /// A client that takes nothing for so long is cut off.
    pub write_timeout: Duration,
    /// How long the end waits for requests under way.
    pub drain_timeout: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
}

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    limits: ListenerLimits,
    tls: Option<TlsFiles>,
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// Names the address, e.g. if another program has it.
    pub async fn bind(address: SocketAddr, limits: ListenerLimits, tls: Option<TlsFiles>) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("listening on {address}: {error}"));
        Ok(Self { listener: TcpListener::bind(address).await.map_err(named)?, limits, tls })
    }

    /// The address, with the port that the system chose.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop`, then takes no more connections, waits for the requests under way, and returns whether all of them were finished in time.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> bool {
        let tracker = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // Behind a proxy all connections are the proxy's; it has the whole house.
            let is_proxy = self.limits.trusted_proxies.iter().any(|net| net.contains(peer.ip()));
            let seat = match self.limits.seats.take(peer.ip(), is_proxy) {
                Ok(seat) => seat,
                Err(reason) => {
                    tracing::debug!(%peer, reason, "connection refused");
                    // As far as it goes without waiting.
                    let _ = stream.into_std().and_then(|mut stream| stream.write(NO_SEAT));
                    continue;
                }
            };
            let (router, stop, limits, tls) = (router.clone(), stop.clone(), self.limits.clone(), self.tls.clone());
            tracker.spawn(async move {
                let _seat = seat;
                if let Err(error) = connection(stream, peer, tls, router, &limits, stop).await {
                    tracing::debug!(%peer, %error, "connection ended");
                }
            });
        }
        drop(self.listener);
        tracker.close();
        tokio::time::timeout(self.limits.drain_timeout, tracker.wait()).await.is_ok()
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsFiles>,
    router: Router,
    limits: &ListenerLimits,
    stop: CancellationToken,
) -> Result<(), Fault> {
    stream.set_nodelay(true)?;
    match tls {
        None => http(stream, peer, router, limits, stop).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(limits.header_timeout, tls.acceptor().accept(stream)).await??;
            http(handshake, peer, router, limits, stop).await
        }
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    limits: &ListenerLimits,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let trusted = limits.trusted_proxies.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        let address = client_address(peer.ip(), request.headers(), &trusted);
        request.extensions_mut().insert(address);
        router.clone().oneshot(request)
    });
    let io = TokioIo::new(Stalling::new(stream, limits.write_timeout));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        result = served.as_mut() => return Ok(result?),
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    Ok(served.await?)
}
