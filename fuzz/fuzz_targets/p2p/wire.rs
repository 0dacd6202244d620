//! Gossip, requests and responses as they come off a stream.

use std::io;
use std::sync::{Arc, LazyLock};

use futures::executor::block_on;
use futures::io::Cursor;
use libp2p::gossipsub::{DataTransform, IdentTopic, RawMessage};
use libp2p::request_response::Codec as _;
use quintet_gossip::memory::Budget;
use quintet_gossip::metrics::Metrics;
use quintet_gossip::wire::chunk::{read_frame, write_frame, write_response};
use quintet_gossip::wire::codec::{Codec, Protocol};
use quintet_gossip::wire::message_id::message_id;
use quintet_gossip::wire::requests::{Refusal, RequestKind, Response};
use quintet_gossip::wire::snappy::{compress, compressed_limit};
use quintet_gossip::wire::transform::SnappyTransform;
use quintet_gossip::{ForkDigest, Gossip, Request, Topic};

use crate::{containers, heap};

/// Bytes that errors, names and futures take.
const SLACK: usize = 16 << 10;
/// Room that not every response has.
const LITTLE: usize = 8 << 10;

static METRICS: LazyLock<Arc<Metrics>> = LazyLock::new(Arc::default);
static TRANSFORM: LazyLock<SnappyTransform> = LazyLock::new(|| SnappyTransform::new(digest(), METRICS.clone()));

fn digest() -> ForkDigest {
    ForkDigest([1, 2, 3, 4].into())
}

/// As long as a message may be.
fn fitted(mut content: Vec<u8>, least: usize, most: usize) -> Vec<u8> {
    content.resize(content.len().clamp(least, most), 0);
    content
}

/// What gossipsub carries for `content`.
pub fn block(topic: Topic, content: Vec<u8>) -> Vec<u8> {
    let (least, most) = topic.sizes();
    compress(&fitted(content, least, most)).expect("it is short")
}

/// A request that holds `content`.
pub fn frame(kind: RequestKind, content: Vec<u8>) -> Vec<u8> {
    let (least, most) = kind.request_sizes();
    let mut frame = Vec::new();
    write_frame(&fitted(content, least, most), &mut frame).expect("it is short");
    frame
}

/// A response whose only item, if it may have one, is `content`.
pub fn items(kind: RequestKind, content: Vec<u8>) -> Vec<u8> {
    let limits = kind.response_limits();
    let content = fitted(content, 0, limits.item_bytes);
    written(kind, Ok(vec![content; limits.items.min(1)]))
}

/// The block for `content` that holds nothing but literals: another than the usual one.
fn literals(content: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut length = content.len();
    while length >= 0x80 {
        block.push(length as u8 | 0x80);
        length >>= 7;
    }
    block.push(length as u8);
    for literal in content.chunks(60) {
        block.push((literal.len() as u8 - 1) << 2);
        block.extend_from_slice(literal);
    }
    block
}

/// A message of gossip.
pub fn gossip(topic: Topic, block: &[u8]) {
    let name = topic.full_name(digest());
    let transform = |data: Vec<u8>| {
        let (source, sequence_number, signature, key) = (None, None, None, None);
        let topic = IdentTopic::new(name.clone()).hash();
        TRANSFORM.inbound_transform(RawMessage { source, data, sequence_number, topic, signature, key, validated: false })
    };
    let (least, most) = topic.sizes();
    let Ok(message) = heap::within(block.len() + most + SLACK, || transform(block.to_vec())) else { return };
    assert!((least..=most).contains(&message.data.len()));
    let id = message_id(&name, &message.data);
    let usual = TRANSFORM.outbound_transform(&message.topic, message.data.clone()).expect("it was decompressed");
    for other in [usual, literals(&message.data)] {
        let same = transform(other).expect("it is the same message");
        assert_eq!(message_id(&name, &same.data), id, "the id is that of the content");
        assert_eq!(same.data, message.data);
    }
    let Some(gossip) = Gossip::from_ssz(topic, message.data.clone()) else { return };
    assert_eq!(gossip.topic(), topic);
    assert_eq!(gossip.to_ssz(), message.data);
    match gossip {
        Gossip::Submission(id) => assert_eq!(id.header().job_root, id.job.root()),
        Gossip::PhaseBundle(bytes) => containers::proposal(&bytes),
        Gossip::PhaseAttestation(bytes) => containers::attestation(&bytes),
    }
}

/// A stream with a request.
pub fn request(kind: RequestKind, stream: &[u8]) {
    let (least, most) = kind.request_sizes();
    let (protocol, mut codec) = (Protocol::new(kind, digest()), Codec::new(METRICS.clone(), Budget::new(0)));
    // The block grows as it arrives; then its content, and the request with it.
    let bound = 3 * compressed_limit(most) + 2 * most + SLACK;
    let mut read = |stream: &[u8]| {
        heap::within(bound, || block_on(codec.read_request(&protocol, &mut Cursor::new(stream)))).ok().and_then(Result::ok)
    };
    let Some(request) = read(stream) else { return };
    let mut room = Budget::new(compressed_limit(most) + most).take(0).expect("there is room for nothing");
    let content = block_on(read_frame(&mut Cursor::new(stream), least, most, &mut room)).expect("it was read");
    assert_eq!(request.kind(), kind);
    assert!((1..=64).contains(&request.cost()));
    assert_eq!(request.to_ssz(), content);
    let mut written = Vec::new();
    let again: io::Result<()> =
        block_on(Codec::new(METRICS.clone(), Budget::new(0)).write_request(&protocol, &mut written, Ok(request.clone())));
    again.expect("what was read can be written");
    assert_eq!(read(&written).as_ref(), Some(&request));
    if let Request::Introduction(introduction) = request {
        containers::introduction(introduction);
    }
}

/// A stream with a response, as it is read where there is room for all that is allowed, and where there is little.
pub fn response(kind: RequestKind, stream: &[u8]) {
    let limits = kind.response_limits();
    let enough = limits.total_bytes + compressed_limit(limits.item_bytes);
    let Some(response) = read(kind, stream, enough) else { return };
    if let Some(same) = read(kind, stream, LITTLE) {
        assert_eq!(same, response);
    }
    let written = written(kind, response.clone());
    assert_eq!(read(kind, &written, enough).as_ref(), Some(&response));
    let Ok(items) = response else { return };
    assert!(items.len() <= limits.items && items.iter().map(Vec::len).sum::<usize>() <= limits.total_bytes);
    for item in items {
        assert!(item.len() <= limits.item_bytes);
        match kind {
            RequestKind::Status => containers::status(&item),
            RequestKind::Bundles => containers::certified(&item),
            RequestKind::Submissions => containers::submission(&item),
            RequestKind::Outline => containers::outline(&item),
            _ => {}
        }
    }
}

/// Reads a response with a budget of so many bytes, and no more memory than that.
fn read(kind: RequestKind, stream: &[u8], bytes: usize) -> Option<Result<Response, Refusal>> {
    let (protocol, budget) = (Protocol::new(kind, digest()), Budget::new(bytes));
    let mut codec = Codec::new(METRICS.clone(), budget.clone());
    // A block that grows is there twice for a moment; then there is the list of items, which doubles.
    let bound = bytes + bytes / 2 + 3 * kind.response_limits().items * size_of::<Vec<u8>>() + SLACK;
    let read = heap::within(bound, || block_on(codec.read_response(&protocol, &mut Cursor::new(stream)))).ok()?;
    if let Ok(held) = &read {
        assert_eq!(bytes - budget.left(), held.content.iter().map(Vec::len).sum::<usize>());
    }
    Some(read.map(|held| held.content))
}

fn written(kind: RequestKind, response: Result<Response, Refusal>) -> Vec<u8> {
    let mut bytes = Vec::new();
    block_on(write_response(&mut bytes, response, kind.response_limits())).expect("it is within its limits");
    bytes
}
