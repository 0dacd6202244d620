//! Tests of who is asked for a submission.

use proptest::prelude::*;
use quintet_types::{JobId, Phase, PublicKeyBytes, SignatureBytes, Slot};

use super::*;

const LIMITS: FetchLimits = FetchLimits {
    running: 3,
    per_peer: 2,
    wanted: 10,
    pause: Duration::from_millis(100),
    give_up: Duration::from_secs(5),
    wait: Duration::from_millis(500),
    part_bytes: 1 << 20,
};

fn id(n: u8) -> SubmissionId {
    SubmissionId {
        job: JobId::new(Slot(1), Root::ZERO),
        phase: Phase::T2,
        prover: PublicKeyBytes::repeat_byte(n),
        body_root: Root::ZERO,
        signature: SignatureBytes::ZERO,
    }
}

#[test]
fn the_announcer_is_asked_first_and_the_next_after_it_fails() {
    let (mut fetcher, now) = (Fetcher::new(LIMITS), Instant::now());
    let [first, second, third] = [(); 3].map(|()| PeerId::random());
    let root = id(1).root();
    assert_eq!(fetcher.want(id(1), first, now), Wish::New);
    assert_eq!(fetcher.want(id(1), second, now), Wish::Known);
    let holders = |_: &SubmissionId| vec![first, third];
    assert_eq!(fetcher.next(now, holders, |_| true), Some((root, first)));
    assert_eq!(fetcher.next(now, holders, |_| true), None, "only once at a time");
    fetcher.failed(&root, &second);
    assert_eq!(fetcher.next(now, holders, |_| true), None, "somebody else's failure is no matter");
    fetcher.failed(&root, &first);
    assert_eq!(
        fetcher.next(now, holders, |peer| *peer != second),
        Some((root, third)),
        "the second is gone, so another holder"
    );
    fetcher.lied(&root, &third);
    assert_eq!(fetcher.next(now, holders, |_| true), Some((root, second)));
    fetcher.failed(&root, &second);
    assert_eq!(fetcher.next(now, holders, |_| true), None, "all were asked");
    let later = now + LIMITS.pause;
    assert_eq!(fetcher.next(later, holders, |_| true), Some((root, first)), "a new round");
    fetcher.failed(&root, &first);
    assert_eq!(fetcher.next(later, holders, |_| true), Some((root, second)));
    assert_eq!(fetcher.arrived(&root), Some(id(1)));
    assert_eq!(fetcher.arrived(&root), None);
    assert_eq!((fetcher.running(), fetcher.waiting()), (0, 0));
}

#[test]
fn what_nobody_has_is_given_up() {
    let (mut fetcher, now, peer) = (Fetcher::new(LIMITS), Instant::now(), PeerId::random());
    fetcher.want(id(1), peer, now);
    fetcher.want(id(2), peer, now);
    assert!(fetcher.next(now, |_| vec![], |_| true).is_some());
    assert_eq!(fetcher.expire(now + LIMITS.give_up), vec![id(2)], "the other is under way");
    fetcher.failed(&id(1).root(), &peer);
    assert_eq!(fetcher.expire(now + LIMITS.give_up), vec![id(1)]);
    assert!(fetcher.wants.is_empty() && fetcher.queue.is_empty() && fetcher.per_peer.is_empty());
}

#[test]
fn wishes_are_bounded() {
    let (mut fetcher, now, peer) = (Fetcher::new(LIMITS), Instant::now(), PeerId::random());
    for n in 0..10 {
        assert_eq!(fetcher.want(id(n), peer, now), Wish::New);
    }
    assert_eq!(fetcher.want(id(10), peer, now), Wish::Full);
    assert_eq!(fetcher.want(id(9), peer, now), Wish::Known);
}

proptest! {
    /// Whatever happens in whatever order: bounds hold, and counters agree with the list.
    #[test]
    fn bounds_hold(steps in prop::collection::vec((0u8..6, 0u8..12, 0usize..4), 0..200)) {
        let peers = [(); 4].map(|()| PeerId::random());
        let (mut fetcher, mut now) = (Fetcher::new(LIMITS), Instant::now());
        for (what, which, peer) in steps {
            let (root, peer) = (id(which).root(), peers[peer]);
            match what {
                0 | 1 => { fetcher.want(id(which), peer, now); }
                2 => { fetcher.next(now, |_| peers.to_vec(), |_| true); }
                3 => fetcher.failed(&root, &peer),
                4 => fetcher.lied(&root, &peer),
                _ => { fetcher.arrived(&root); now += Duration::from_millis(300); fetcher.expire(now); }
            }
            let running: Vec<_> = fetcher.wants.values().filter_map(|want| want.running).collect();
            prop_assert_eq!(running.len(), fetcher.running());
            prop_assert!(running.len() <= LIMITS.running);
            prop_assert!(peers.iter().all(|peer| running.iter().filter(|other| *other == peer).count() <= LIMITS.per_peer));
            prop_assert_eq!(running.len() + fetcher.waiting(), fetcher.wants.len());
            prop_assert!(fetcher.wants.len() <= LIMITS.wanted);
        }
    }
}
