//! Requests and answers, and how many of them.

use std::time::Duration;

use quintet_gossip::peers::allowance::Rate;
use quintet_gossip::wire::requests::{Refusal, RequestKind};
use quintet_gossip::{BundlesByRange, JobsByRange, NetworkError, NodeKey, Request, SubmissionsByRoot};
use quintet_types::{Encode, Root, Slot};

use crate::node::{Node, Serve, accept, config, submission};

fn jobs(count: u64) -> Request {
    Request::Jobs(JobsByRange { start_slot: Slot(3), count })
}

fn by_root(roots: Vec<Root>) -> Request {
    Request::Submissions(SubmissionsByRoot { roots: roots.try_into().unwrap() })
}

async fn pair(serve: Serve, change: impl FnOnce(&mut quintet_gossip::NetworkConfig)) -> (Node, Node) {
    let mut server = config();
    change(&mut server);
    let server = Node::start_with(server, accept, serve).await;
    let mut client = config();
    client.timing.request = Duration::from_millis(500);
    client.static_peers = vec![server.address.clone()];
    let client = Node::start(client).await;
    client.wait("connection", |log| !log.connected.is_empty()).await;
    server.wait("connection", |log| !log.connected.is_empty()).await;
    (server, client)
}

#[tokio::test]
async fn requests_are_answered() {
    let (server, client) = pair(Serve::Held, |_| {}).await;
    let ask = |request| client.handle.request(server.id(), request);
    assert_eq!(ask(jobs(64)).await.unwrap(), [b"one".to_vec(), b"two".to_vec()]);
    let bundles = Request::Bundles(BundlesByRange { start_slot: Slot(3), count: 1 });
    assert_eq!(ask(bundles.clone()).await.unwrap().len(), 2);
    let large = submission(1, 32_000);
    let id = server.hold(&large);
    let asked = by_root(vec![id.root(), Root::repeat_byte(1)]);
    assert_eq!(ask(asked.clone()).await.unwrap(), [large.as_ssz_bytes()]);
    assert_eq!(server.log.lock().unwrap().requests, [jobs(64), bundles, asked]);
    let metrics = client.handle.metrics().request(RequestKind::Submissions);
    assert_eq!((metrics.sent.get(), metrics.failed.get()), (1, 0));
    assert!(metrics.bytes_in.get() > 32_000 && metrics.bytes_in.get() < 33_000);
    let status = client.handle.peers().await.unwrap()[0].status;
    assert_eq!(status.head_slot, Slot(7));
}

#[tokio::test]
async fn who_asks_for_nonsense_is_refused_and_pays() {
    let (server, client) = pair(Serve::Held, |_| {}).await;
    for nonsense in [jobs(0), jobs(65), by_root(vec![])] {
        let answer = client.handle.request(server.id(), nonsense).await;
        assert!(matches!(answer, Err(NetworkError::Refused { code: Refusal::InvalidRequest, .. })), "{answer:?}");
    }
    assert!(server.log.lock().unwrap().requests.is_empty());
    crate::node::wait("ban", || server.handle.metrics().bans.get() == 1).await;
}

#[tokio::test]
async fn who_asks_too_much_is_refused() {
    let (server, client) = pair(Serve::Held, |config| {
        config.limits.rates.requests[RequestKind::Jobs.index()] = Rate { burst: 10.0, per_second: 0.0 };
    })
    .await;
    let ask = |count| client.handle.request(server.id(), jobs(count));
    assert!(ask(9).await.is_ok());
    assert!(matches!(ask(2).await, Err(NetworkError::Refused { code: Refusal::RateLimited, .. })));
    assert!(ask(1).await.is_ok());
    assert_eq!(server.handle.metrics().request(RequestKind::Jobs).limited.get(), 1);
    assert_eq!(server.handle.peers().await.unwrap()[0].points, 10);
}

#[tokio::test]
async fn who_took_too_many_bytes_is_refused() {
    let (server, client) = pair(Serve::Held, |config| {
        config.limits.rates.bytes = Rate { burst: 10_000.0, per_second: 0.0 };
    })
    .await;
    let id = server.hold(&submission(1, 20_000));
    let ask = || client.handle.request(server.id(), by_root(vec![id.root()]));
    assert_eq!(ask().await.unwrap().len(), 1);
    assert!(matches!(ask().await, Err(NetworkError::Refused { code: Refusal::RateLimited, .. })));
}

#[tokio::test]
async fn silence_and_strangers_are_errors() {
    let (server, client) = pair(Serve::Silent, |_| {}).await;
    let asked = client.handle.request(server.id(), by_root(vec![Root::ZERO])).await;
    assert!(matches!(asked, Err(NetworkError::Request { .. })), "{asked:?}");
    assert_eq!(client.handle.peers().await.unwrap()[0].points, 5);
    let stranger = NodeKey::generate().peer_id();
    assert!(matches!(client.handle.request(stranger, jobs(1)).await, Err(NetworkError::NotConnected(_))));
    client.handle.shutdown().await;
    assert!(matches!(client.handle.request(server.id(), jobs(1)).await, Err(NetworkError::Closed)));
}
