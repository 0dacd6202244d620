//! Messages that are ignored. They are nobody's fault one by one, but each leaves its id here for minutes and costs the sidecar a look, and so nobody may
//! send many.

use std::collections::HashMap;
use std::time::Instant;

use libp2p::PeerId;

use super::allowance::{Rate, TokenBucket};

/// How many of them there may be.
#[derive(Debug, Clone, Copy)]
pub struct FloodLimits {
    /// Of all peers together.
    pub all: Rate,
    /// Of each peer in any case.
    pub each: Rate,
    /// Of each peer, of those that a sidecar that is not behind had no use for.
    pub useless: Rate,
}

/// Counts them.
#[derive(Debug)]
pub struct Flood {
    limits: FloodLimits,
    all: TokenBucket,
    peers: HashMap<PeerId, Left>,
}

/// What is left to a peer.
#[derive(Debug)]
struct Left {
    own: TokenBucket,
    useless: TokenBucket,
}

impl Flood {
    /// There were none.
    pub fn new(limits: FloodLimits, now: Instant) -> Self {
        Self { limits, all: TokenBucket::new(limits.all, now), peers: HashMap::new() }
    }

    /// A message of a peer is ignored. `true` if that is one too many: of all, and of this one. A node that lags ignores a lot that honest peers send, so
    /// that the sum has to be exceeded before anybody is blamed; those who send little are not blamed for those who send much.
    pub fn is_beyond(&mut self, peer: PeerId, now: Instant) -> bool {
        let own = self.left(peer, now).own.take(1.0, now);
        // Both are charged.
        let all = self.all.take(1.0, now);
        !own && !all
    }

    /// The sidecar knows what the others speak of and had no use for a message of a peer. `true` if that is one too many: sidecars that check what they
    /// send on send such ones now and then only.
    pub fn is_noise(&mut self, peer: PeerId, now: Instant) -> bool {
        !self.left(peer, now).useless.take(1.0, now)
    }

    fn left(&mut self, peer: PeerId, now: Instant) -> &mut Left {
        let FloodLimits { each, useless, .. } = self.limits;
        let fresh = || Left { own: TokenBucket::new(each, now), useless: TokenBucket::new(useless, now) };
        self.peers.entry(peer).or_insert_with(fresh)
    }

    /// A peer is gone.
    pub fn forget(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_sends_little_is_not_blamed_for_who_sends_much() {
        let rate = |burst, per_second| Rate { burst, per_second };
        let start = Instant::now();
        let mut flood = Flood::new(FloodLimits { all: rate(20.0, 4.0), each: rate(5.0, 1.0), useless: rate(1.0, 0.0) }, start);
        let [loud, quiet] = [(); 2].map(|()| PeerId::random());
        let sent = (0..30).filter(|_| !flood.is_beyond(loud, start)).count();
        assert_eq!(sent, 20, "what all may send, and none of what is its own in any case is left then");
        assert!((0..5).all(|_| !flood.is_beyond(quiet, start)));
        assert!(flood.is_beyond(quiet, start));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..30).filter(|_| !flood.is_beyond(loud, later)).count(), 8);
        flood.forget(&loud);
        assert_eq!(flood.peers.len(), 1);
    }
}
