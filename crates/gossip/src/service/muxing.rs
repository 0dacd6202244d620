//! yamux with bounds on what a peer may make a connection hold. libp2p's own wrapper knows them for an old release of yamux only; the defaults of the
//! present one let a peer fill 1 GiB of receive windows.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future as _, Ready, ready};
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use tokio::time::Sleep;
use yamux::{Connection, ConnectionError, Mode};

/// Streams on one connection, of both sides. A peer that opens more loses the connection. Our own and an honest peer's are some thirty at the most.
pub(crate) const MAX_STREAMS: usize = 64;

/// Bytes of one connection that wait to be read. A stream starts with a window of 256 KiB, so the streams alone may take 16 MiB; the rest is for windows to
/// grow into where a round trip is long.
pub(crate) const MAX_RECEIVE_WINDOW: usize = 24 << 20;

/// Time for what is on its way when a connection is closed.
const CLOSING: Duration = Duration::from_secs(1);

/// Upgrades connections to yamux.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yamux;

impl Yamux {
    fn start<C: AsyncRead + AsyncWrite + Unpin>(io: C, mode: Mode) -> Ready<Result<Muxer<C>, Infallible>> {
        let mut config = yamux::Config::default();
        // In this order: what is allowed in all must be enough for what all streams start with.
        config.set_max_num_streams(MAX_STREAMS).set_max_connection_receive_window(Some(MAX_RECEIVE_WINDOW));
        ready(Ok(Muxer {
            connection: Connection::new(io, config, mode),
            opened: VecDeque::new(),
            waiting: None,
            closing: None,
        }))
    }
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, io: C, _: Self::Info) -> Self::Future {
        Self::start(io, Mode::Server)
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, io: C, _: Self::Info) -> Self::Future {
        Self::start(io, Mode::Client)
    }
}

/// A connection. yamux makes progress only when it is asked for the next stream of the peer, so those wait here that come while something else is wanted.
pub(crate) struct Muxer<C> {
    connection: Connection<C>,
    opened: VecDeque<yamux::Stream>,
    waiting: Option<Waker>,
    /// How long it may still take to close.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Result<yamux::Stream, ConnectionError>> {
        self.connection.poll_next_inbound(context).map(|next| next.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = ConnectionError;

    fn poll_inbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<yamux::Stream, ConnectionError>> {
        if let Some(stream) = self.opened.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let next = self.next(context);
        if next.is_pending() {
            self.waiting = Some(context.waker().clone());
        }
        next
    }

    fn poll_outbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<yamux::Stream, ConnectionError>> {
        self.connection.poll_new_outbound(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        // Otherwise a peer that does not read keeps its connection, and all that waits for it, for as long as it likes.
        let patience = self.closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSING)));
        if patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.connection.poll_close(context)
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let stream = std::task::ready!(self.next(context))?;
        // yamux counts the streams that wait here too, so there are few.
        self.opened.push_back(stream);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::time::Instant;

    use super::*;

    /// The other end neither reads nor writes.
    struct Stuck;

    impl AsyncRead for Stuck {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Stuck {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_connection_whose_other_end_does_not_read_is_closed_in_time() {
        let mut muxer = Yamux::start(Stuck, Mode::Client).await.unwrap();
        let started = Instant::now();
        let closed = poll_fn(|context| Pin::new(&mut muxer).poll_close(context));
        tokio::time::timeout(20 * CLOSING, closed).await.expect("it is closed").unwrap();
        assert!(started.elapsed() >= CLOSING, "it has the time to say goodbye");
    }
}
