//! Submissions that have parts in common: each part is pulled once, and whoever hands out something else gains nothing by it.

use std::collections::BTreeSet;
use std::time::Duration;

use quintet_gossip::peers::conduct::Fault;
use quintet_gossip::wire::requests::RequestKind;
use quintet_gossip::{Gossip, NetworkConfig, Request, SubmissionId};
use quintet_types::{Commitment, Encode, Root, Submission};

use crate::node::{Node, Serve, accept, commitments, config, full_proof, ids, instance_commitment, share_of, wait};

fn honest(instances: impl IntoIterator<Item = u32>) -> Vec<Commitment> {
    instances.into_iter().map(|instance| instance_commitment(instance, 2_000)).collect()
}

/// A node that pulls from those of these ways, in this order as announcers.
async fn puller(serves: &[Serve], change: impl FnOnce(&mut NetworkConfig)) -> (Vec<Node>, Node) {
    let mut servers = Vec::new();
    for serve in serves {
        servers.push(Node::start_with(config(), accept, *serve).await);
    }
    let mut wanting = config();
    // Test machines stand still now and then.
    wanting.timing.verdict = Duration::from_secs(2);
    wanting.timing.request = Duration::from_secs(6);
    wanting.limits.fetch.wait = Duration::from_secs(3);
    wanting.static_peers = servers.iter().map(|node| node.address.clone()).collect();
    change(&mut wanting);
    let wanting = Node::start(wanting).await;
    wanting.wait_peers(serves.len()).await;
    (servers, wanting)
}

/// The first one announces; all hold it.
async fn announce(servers: &[Node], submission: &Submission) -> SubmissionId {
    for server in servers {
        server.hold(submission);
    }
    let id = SubmissionId::of(submission);
    servers[0].handle.publish(Gossip::Submission(id)).await.unwrap();
    id
}

async fn points(of: &Node, at: &Node) -> u32 {
    at.handle.peers().await.unwrap().iter().find(|peer| peer.peer == of.id()).map_or(100, |peer| peer.points)
}

#[tokio::test]
async fn a_part_that_several_submissions_have_is_pulled_once() {
    let (servers, wanting) = puller(&[Serve::Held], |_| {}).await;
    let server = &servers[0];
    // Twelve provers, each with eight of sixteen instances.
    let submissions: Vec<_> =
        (0..12).map(|n| commitments(n, honest((0..8).map(|place| (n as u32 + 2 * place) % 16)))).collect();
    for submission in &submissions {
        announce(&servers, submission).await;
    }
    wanting.wait("all of them", |log| log.bodies.len() == submissions.len()).await;
    let handed_out = server.log.lock().unwrap().parts.clone();
    let of = |(root, place): &(Root, u16)| {
        let submission = submissions.iter().find(|submission| SubmissionId::of(submission).root() == *root).unwrap();
        quintet_gossip::wire::outline::part(submission, *place).unwrap()
    };
    let different: BTreeSet<_> = handed_out.iter().map(of).collect();
    assert_eq!((handed_out.len(), different.len()), (16, 16));
    let metrics = wanting.handle.metrics();
    let fetch = &metrics.fetch;
    assert_eq!((fetch.fetched.get(), fetch.assembled.get(), fetch.parts_pulled.get()), (12, 12, 16));
    assert_eq!(fetch.parts_known.get(), 12 * 8 - 16);
    assert!(fetch.part_bytes.get() > 16 * 2_000);
    let bytes = metrics.request(RequestKind::Outline).bytes_in.get() + metrics.request(RequestKind::Parts).bytes_in.get();
    assert!(bytes < 16 * 2_250 + 12 * 500, "{bytes}");
    assert!(server.log.lock().unwrap().served.is_empty(), "nothing is pulled whole");
    // What came is what was announced, byte for byte.
    for submission in &submissions {
        assert_eq!(wanting.body(submission), Some(submission.as_ssz_bytes()));
    }
}

#[tokio::test]
async fn of_a_full_proof_only_ids_of_unknown_partials_are_pulled() {
    let (servers, wanting) = puller(&[Serve::Held], |_| {}).await;
    let shares: Vec<_> = (0..4).map(|n| share_of(n, &[1, 2, 3], 400)).collect();
    // One came by the network, one was posted here, the others are not known here.
    announce(&servers, &shares[0]).await;
    wanting.wait("a share", |log| log.bodies.len() == 1).await;
    wanting.hold(&shares[1]);
    let ids: Vec<Root> = shares.iter().flat_map(ids).collect();
    for (n, take) in [(10, 0..12), (11, 0..9)] {
        let proof = full_proof(n, ids[take].to_vec(), 500);
        announce(&servers, &proof).await;
        wanting.wait("a full proof", |log| log.bodies.iter().any(|(id, _)| *id == SubmissionId::of(&proof))).await;
        assert_eq!(wanting.body(&proof), Some(proof.as_ssz_bytes()));
    }
    let places: Vec<u16> = servers[0].log.lock().unwrap().parts.iter().map(|(_, place)| *place).collect();
    assert_eq!(places, [6, 7, 8, 9, 10, 11], "those of two shares, and for the first full proof only");
}

#[tokio::test]
async fn who_knows_no_outlines_is_asked_for_all_of_it() {
    let (servers, wanting) = puller(&[Serve::Whole], |_| {}).await;
    let id = announce(&servers, &commitments(1, honest(0..5))).await;
    wanting.wait("the submission", |log| log.bodies == [(id, servers[0].id())]).await;
    assert_eq!(points(&servers[0], &wanting).await, 0);
    // Its parts are known from now on.
    announce(&servers, &commitments(2, honest(0..5))).await;
    wanting.wait("another one", |log| log.bodies.len() == 2).await;
    assert_eq!(wanting.handle.metrics().fetch.assembled.get(), 0);
}

#[tokio::test]
async fn a_submission_with_a_long_outline_is_pulled_whole() {
    let (servers, wanting) = puller(&[Serve::Held], |_| {}).await;
    let Submission::Commitments(mut signed) = commitments(1, honest(0..5)) else { unreachable!() };
    signed.body.full_proof = vec![5; 300_000].try_into().unwrap();
    let id = announce(&servers, &Submission::Commitments(signed)).await;
    wanting.wait("the submission", |log| log.bodies == [(id, servers[0].id())]).await;
    assert_eq!(servers[0].log.lock().unwrap().served, [(wanting.id(), id.root())]);
    assert_eq!(points(&servers[0], &wanting).await, 0);
}

/// The first one announces and hands out something else, the second one does not: the submission comes from that one, and who lied pays.
async fn liar_pays(serve: Serve, faults: &[Fault], known: &[u32]) -> u64 {
    let hurry = |config: &mut NetworkConfig| {
        if serve == Serve::Silent {
            config.timing.request = Duration::from_secs(1);
        }
    };
    let (servers, wanting) = puller(&[serve, Serve::Held], hurry).await;
    if !known.is_empty() {
        wanting.hold(&commitments(9, honest(known.iter().copied())));
    }
    let id = announce(&servers, &commitments(1, honest(0..5))).await;
    wanting.wait("the submission", |log| log.bodies == [(id, servers[1].id())]).await;
    let metrics = wanting.handle.metrics();
    let counted: Vec<_> = Fault::ALL.into_iter().filter(|fault| metrics.fault(*fault).get() > 0).collect();
    assert_eq!(counted, faults);
    assert_eq!(points(&servers[1], &wanting).await, 0);
    assert!(points(&servers[0], &wanting).await > 0);
    wait("it is sent on", || servers[1].log.lock().unwrap().messages.len() == 1).await;
    metrics.fetch.mismatched.get()
}

#[tokio::test]
async fn who_hands_out_false_outlines_pays() {
    assert_eq!(liar_pays(Serve::Lie, &[Fault::WrongBody], &[]).await, 1, "it is not even one");
    assert_eq!(liar_pays(Serve::FalseOutlines, &[Fault::WrongBody], &[]).await, 1);
    assert_eq!(liar_pays(Serve::FalseOutlines, &[Fault::WrongBody], &[0, 3]).await, 1, "also where parts of others are in it");
}

#[tokio::test]
async fn who_hands_out_false_parts_pays() {
    assert_eq!(liar_pays(Serve::FalseParts, &[Fault::WrongBody], &[]).await, 1);
    assert_eq!(liar_pays(Serve::FalseParts, &[Fault::WrongBody], &[0, 3]).await, 1);
}

#[tokio::test]
async fn who_has_an_outline_and_no_parts_pays_as_one_that_has_nothing() {
    assert_eq!(liar_pays(Serve::NoParts, &[Fault::MissingBody], &[]).await, 0);
}

#[tokio::test]
async fn the_next_is_asked_when_the_first_is_silent() {
    assert_eq!(liar_pays(Serve::Silent, &[Fault::Silent], &[]).await, 0);
}

/// Who is asked for parts first and does not answer holds up its own submission and not those of others.
#[tokio::test]
async fn parts_that_do_not_come_are_not_waited_for_long() {
    let servers = [Serve::SilentParts, Serve::Held];
    let (servers, wanting) = puller(&servers, |config| config.limits.fetch.wait = Duration::from_millis(200)).await;
    let (silent, good) = (&servers[0], &servers[1]);
    let held = SubmissionId::of(&commitments(1, honest(0..5)));
    silent.hold(&commitments(1, honest(0..5)));
    silent.handle.publish(Gossip::Submission(held)).await.unwrap();
    wait("its parts are asked for", || silent.log.lock().unwrap().requests.iter().any(|one| matches!(one, Request::Parts(_))))
        .await;
    let id = good.hold(&commitments(2, honest(0..5)));
    good.handle.publish(Gossip::Submission(id)).await.unwrap();
    wanting.wait("the other one", |log| log.bodies.iter().any(|(body, _)| *body == id)).await;
    let metrics = wanting.handle.metrics();
    assert_eq!(
        (metrics.fault(Fault::Silent).get(), metrics.request(RequestKind::Parts).failed.get()),
        (0, 0),
        "it still waits"
    );
    assert_eq!(good.log.lock().unwrap().parts.len(), 5);
    // What came for the second one is all that the first one lacks.
    wanting.wait("the first one", |log| log.bodies.len() == 2).await;
    assert_eq!(metrics.fetch.parts_pulled.get(), 5);
}

/// Somebody found another part with the name of one, and its maker posted it: that shuts nobody out and hides nothing.
#[tokio::test]
async fn a_part_with_the_name_of_another_one_makes_nobody_guilty() {
    let (servers, wanting) = puller(&[Serve::Held], |config| config.limits.fetch.pause = Duration::from_millis(50)).await;
    let ids: Vec<Root> = ids(&share_of(1, &[1, 2, 3, 4], 400));
    let mut twin = ids[1];
    twin.0[31] ^= 1;
    // By their names these are the same; the true one is not known here.
    wanting.hold(&full_proof(8, vec![ids[0], twin], 10));
    let first = full_proof(9, ids.clone(), 10);
    announce(&servers, &first).await;
    wanting.wait("the full proof", |log| log.bodies.len() == 1).await;
    assert_eq!(wanting.body(&first), Some(first.as_ssz_bytes()));
    assert_eq!(servers[0].log.lock().unwrap().served.len(), 1, "whole, since what its outline led to was wrong");
    // From now on both are known, so that the name says nothing.
    let second = full_proof(10, ids, 10);
    announce(&servers, &second).await;
    wanting.wait("another one", |log| log.bodies.len() == 2).await;
    assert_eq!(servers[0].log.lock().unwrap().parts.last(), Some(&(SubmissionId::of(&second).root(), 1)));
    assert_eq!(points(&servers[0], &wanting).await, 0);
    assert_eq!(wanting.handle.metrics().fetch.mismatched.get(), 0);
}

/// A prover put two ids of one name into its full proof: the peers that hand it out have nothing to do with that.
#[tokio::test]
async fn two_parts_of_one_name_in_a_submission_make_nobody_guilty() {
    let (servers, wanting) = puller(&[Serve::Held], |_| {}).await;
    let mut ids: Vec<Root> = ids(&share_of(1, &[1, 2, 3, 4], 400));
    ids[2] = ids[1];
    ids[2].0[31] ^= 1;
    let proof = full_proof(9, ids, 10);
    announce(&servers, &proof).await;
    wanting.wait("the full proof", |log| log.bodies.len() == 1).await;
    assert_eq!(wanting.body(&proof), Some(proof.as_ssz_bytes()));
    assert_eq!(points(&servers[0], &wanting).await, 0);
}
