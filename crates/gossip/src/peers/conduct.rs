//! How peers behave, and what follows: points for faults, which fade, and bans.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::address::host;

/// What a peer did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Sent a message that is rejected, so it did not check what it sent on.
    RejectedMessage,
    /// Handed out another submission than the one asked for, or a bundle whose certificate does not hold.
    WrongBody,
    /// Sent an answer or a request that is malformed or too large.
    Malformed,
    /// Asks too much.
    TooManyRequests,
    /// Announced a submission that it does not hand out.
    MissingBody,
    /// Does not answer in time.
    Silent,
    /// Sends more messages of no use than a node that checks them can.
    Noise,
}

/// Points at which a peer is banned.
pub const BAN_POINTS: f64 = 100.0;

/// Time in which points halve.
pub const HALF_LIFE: Duration = Duration::from_secs(600);

/// Peers whose points and bans are remembered, most.
const MAX_REMEMBERED: usize = 8192;

impl Fault {
    /// All of them, in the order of [`Fault::index`].
    pub const ALL: [Self; 7] = [
        Self::RejectedMessage,
        Self::WrongBody,
        Self::Malformed,
        Self::TooManyRequests,
        Self::MissingBody,
        Self::Silent,
        Self::Noise,
    ];

    /// Place in [`Fault::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RejectedMessage => "rejected_message",
            Self::WrongBody => "wrong_body",
            Self::Malformed => "malformed",
            Self::TooManyRequests => "too_many_requests",
            Self::MissingBody => "missing_body",
            Self::Silent => "silent",
            Self::Noise => "noise",
        }
    }

    /// What it costs: the third rejected message bans, the second wrong body, the hundredth message of no use beyond the allowance.
    pub const fn points(self) -> f64 {
        match self {
            Self::RejectedMessage => 34.0,
            Self::WrongBody => 51.0,
            Self::Malformed => 34.0,
            Self::TooManyRequests => 10.0,
            Self::MissingBody => 5.0,
            Self::Silent => 5.0,
            Self::Noise => 1.0,
        }
    }
}

/// Points that cost no score: whoever is slow a few times stays in the mesh, where nothing that is below zero does.
const FORGIVEN: f64 = 20.0;

/// What gossipsub is told of a peer with this many points.
pub fn application_score(points: f64) -> f64 {
    -(points - FORGIVEN).max(0.0)
}

/// Points of all peers.
#[derive(Debug, Default)]
pub struct Conduct {
    points: HashMap<PeerId, (f64, Instant)>,
}

impl Conduct {
    /// A peer's points now.
    pub fn points(&self, peer: &PeerId, now: Instant) -> f64 {
        self.points.get(peer).map_or(0.0, |(points, at)| faded(*points, *at, now))
    }

    /// Records a fault. `true` if the peer has to be banned.
    pub fn fault(&mut self, peer: PeerId, fault: Fault, now: Instant) -> bool {
        let points = self.points(&peer, now) + fault.points();
        if self.points.len() >= MAX_REMEMBERED && !self.points.contains_key(&peer) {
            self.prune(now);
            // Still full of people who misbehaved just now: forget the best of them.
            if self.points.len() >= MAX_REMEMBERED
                && let Some(best) = self.points.iter().min_by(|a, b| a.1.0.total_cmp(&b.1.0)).map(|(peer, _)| *peer)
            {
                self.points.remove(&best);
            }
        }
        self.points.insert(peer, (points, now));
        points >= BAN_POINTS
    }

    /// Forgets what has faded.
    pub fn prune(&mut self, now: Instant) {
        self.points.retain(|_, (points, at)| faded(*points, *at, now) >= 1.0);
    }
}

fn faded(points: f64, at: Instant, now: Instant) -> f64 {
    points * 0.5f64.powf(now.saturating_duration_since(at).as_secs_f64() / HALF_LIFE.as_secs_f64())
}

/// Who is not spoken with until when.
#[derive(Debug, Default)]
pub struct Bans {
    peers: HashMap<PeerId, Instant>,
    hosts: HashMap<IpAddr, HostRecord>,
    /// Banned peers of one host at which the host itself is banned; 0 for never.
    host_after: usize,
}

#[derive(Debug)]
struct HostRecord {
    bans: usize,
    until: Instant,
}

impl Bans {
    /// Nobody is banned. A host is, with the ban of its `host_after`th peer.
    pub fn new(host_after: usize) -> Self {
        Self { host_after, ..Self::default() }
    }

    /// Bans a peer for its conduct, and counts that for its host.
    pub fn ban(&mut self, peer: PeerId, ip: Option<IpAddr>, until: Instant, now: Instant) {
        self.avoid(peer, until, now);
        if let Some(host) = ip.map(host)
            && (self.hosts.len() < MAX_REMEMBERED || self.hosts.contains_key(&host))
        {
            let record = self.hosts.entry(host).or_insert(HostRecord { bans: 0, until });
            record.bans += 1;
            record.until = record.until.max(until);
        }
    }

    /// Does not speak with a peer until then; its host is not to blame.
    pub fn avoid(&mut self, peer: PeerId, until: Instant, now: Instant) {
        if self.peers.len() >= MAX_REMEMBERED {
            self.prune(now);
            if self.peers.len() >= MAX_REMEMBERED
                && let Some(first) = self.peers.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
            {
                self.peers.remove(&first);
            }
        }
        let entry = self.peers.entry(peer).or_insert(until);
        *entry = (*entry).max(until);
    }

    /// Until when a peer is not spoken with.
    pub fn peer(&self, peer: &PeerId, now: Instant) -> Option<Instant> {
        self.peers.get(peer).copied().filter(|until| *until > now)
    }

    /// Whether nobody at this address is spoken with.
    pub fn is_host_banned(&self, ip: IpAddr, now: Instant) -> bool {
        self.host_after != 0
            && self.hosts.get(&host(ip)).is_some_and(|record| record.bans >= self.host_after && record.until > now)
    }

    /// Forgets what is over.
    pub fn prune(&mut self, now: Instant) {
        self.peers.retain(|_, until| *until > now);
        self.hosts.retain(|_, record| record.until > now);
    }

    /// How many peers are banned.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_rejected_message_in_a_row_bans_and_old_ones_fade() {
        let (mut conduct, peer, start) = (Conduct::default(), PeerId::random(), Instant::now());
        assert!(!conduct.fault(peer, Fault::RejectedMessage, start));
        assert!(!conduct.fault(peer, Fault::RejectedMessage, start));
        assert!((conduct.points(&peer, start + HALF_LIFE) - 34.0).abs() < 1e-6);
        assert!(!conduct.fault(peer, Fault::RejectedMessage, start + HALF_LIFE));
        assert!(conduct.fault(peer, Fault::RejectedMessage, start + HALF_LIFE));
        conduct.prune(start + 20 * HALF_LIFE);
        assert!(conduct.points.is_empty());
    }

    #[test]
    fn who_is_slow_a_few_times_keeps_its_score() {
        assert_eq!(application_score(4.0 * Fault::Silent.points()), 0.0);
        assert!(application_score(Fault::WrongBody.points()) < -30.0);
    }

    #[test]
    fn a_host_of_many_banned_peers_is_banned() {
        let (mut bans, now, ip) = (Bans::new(3), Instant::now(), IpAddr::from([10, 0, 0, 1]));
        let until = now + Duration::from_secs(60);
        for bans_so_far in 1..=3 {
            let peer = PeerId::random();
            bans.ban(peer, Some(ip), until, now);
            assert_eq!(bans.peer(&peer, now), Some(until));
            assert_eq!(bans.is_host_banned(ip, now), bans_so_far == 3);
        }
        assert!(!bans.is_host_banned(ip, until));
        bans.prune(until);
        assert!(bans.is_empty());
    }

    #[test]
    fn memory_of_bans_is_bounded() {
        let (mut bans, now) = (Bans::new(0), Instant::now());
        for n in 0..MAX_REMEMBERED as u64 + 100 {
            bans.avoid(PeerId::random(), now + Duration::from_secs(60 + n), now);
        }
        assert_eq!(bans.len(), MAX_REMEMBERED);
    }
}
