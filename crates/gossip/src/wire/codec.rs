//! The codec of all requests for libp2p's request-response behaviour.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response;

use super::chunk;
use super::digest::ForkDigest;
use super::requests::{Refusal, Request, RequestKind, Response};
use super::snappy::compressed_limit;
use crate::memory::{Budget, Held};
use crate::metrics::Metrics;

/// One request's protocol: its kind and its id.
#[derive(Debug, Clone)]
pub struct Protocol {
    kind: RequestKind,
    id: Arc<str>,
}

impl Protocol {
    /// That of this kind of request in this network.
    pub fn new(kind: RequestKind, digest: ForkDigest) -> Self {
        Self { kind, id: kind.protocol(digest).into() }
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

/// A request of a peer that is none. An error of the codec would end the stream without anybody learning of it.
#[derive(Debug)]
pub struct Malformed(pub io::Error);

/// Encodes and decodes, and counts the bytes.
#[derive(Debug, Clone)]
pub struct Codec {
    metrics: Arc<Metrics>,
    received: Budget,
}

impl Codec {
    /// Counts in `metrics`; what is read of responses takes its room out of `received`.
    pub fn new(metrics: Arc<Metrics>, received: Budget) -> Self {
        Self { metrics, received }
    }

    fn sent(&self, kind: RequestKind, bytes: usize) {
        self.metrics.requests[kind.index()].bytes_out.add(bytes as u64);
    }

    /// `io`, counted.
    fn counted<'a, T: AsyncRead + Unpin + Send>(&self, kind: RequestKind, io: &'a mut T) -> Counted<'a, T> {
        Counted { io, metrics: self.metrics.clone(), kind }
    }
}

#[async_trait]
impl request_response::Codec for Codec {
    type Protocol = Protocol;
    type Request = Result<Request, Malformed>;
    type Response = Result<Held<Response>, Refusal>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        protocol: &Protocol,
        io: &mut T,
    ) -> io::Result<Result<Request, Malformed>> {
        let (least, most) = protocol.kind.request_sizes();
        let mut io = self.counted(protocol.kind, io);
        let read = async {
            // Requests are small, and as many as there are streams.
            let own = Budget::new(compressed_limit(most) + most);
            let mut room = own.take(0).ok_or(io::ErrorKind::OutOfMemory)?;
            let bytes = chunk::read_frame(&mut io, least, most, &mut room).await?;
            // What else came would wait until the answer is written.
            match io.read(&mut [0]).await? {
                0 => Ok(bytes),
                _ => Err(io::Error::new(io::ErrorKind::InvalidData, "something behind the request")),
            }
        };
        let read = read.await;
        let malformed = |error| Malformed(io::Error::new(io::ErrorKind::InvalidData, format!("{error:?}")));
        match read {
            Ok(bytes) => Ok(Request::from_ssz(protocol.kind, &bytes).map_err(malformed)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Err(Malformed(error))),
            Err(error) => Err(error),
        }
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        protocol: &Protocol,
        io: &mut T,
    ) -> io::Result<Result<Held<Response>, Refusal>> {
        let limits = protocol.kind.response_limits();
        chunk::read_response(&mut self.counted(protocol.kind, io), limits, &self.received).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        protocol: &Protocol,
        io: &mut T,
        request: Result<Request, Malformed>,
    ) -> io::Result<()> {
        // What we send is never malformed.
        let request = request.map_err(|malformed| malformed.0)?;
        let mut bytes = Vec::new();
        chunk::write_frame(&request.to_ssz(), &mut bytes)?;
        self.sent(protocol.kind, bytes.len());
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        protocol: &Protocol,
        io: &mut T,
        response: Result<Held<Response>, Refusal>,
    ) -> io::Result<()> {
        // The room is given back when all is written.
        let (response, _room) =
            response.map_or_else(|refusal| (Err(refusal), None), |held| (Ok(held.content), Some(held.room)));
        let bytes = chunk::write_response(io, response, protocol.kind.response_limits()).await?;
        self.sent(protocol.kind, bytes);
        Ok(())
    }
}

/// Counts what is read.
struct Counted<'a, T> {
    io: &'a mut T,
    metrics: Arc<Metrics>,
    kind: RequestKind,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<'_, T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut [u8],
    ) -> std::task::Poll<io::Result<usize>> {
        let read = std::pin::Pin::new(&mut *self.io).poll_read(context, buffer);
        if let std::task::Poll::Ready(Ok(bytes)) = &read {
            self.metrics.requests[self.kind.index()].bytes_in.add(*bytes as u64);
        }
        read
    }
}
