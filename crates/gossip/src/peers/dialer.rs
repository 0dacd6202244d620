//! Whom to dial and when: static peers always, bootnodes while there are few peers, both with back-off.

use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::allowance::back_off;

/// Why a node is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its operator and ours agreed to be connected.
    Static,
    /// A way into the network.
    Bootnode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Dialling,
    Connected,
}

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    /// From the address, or learnt when it was first reached.
    peer: Option<PeerId>,
    role: Role,
    state: State,
    attempts: u32,
    next: Instant,
}

/// Keeps the list.
#[derive(Debug)]
pub struct Dialer {
    entries: Vec<Entry>,
    first: Duration,
    most: Duration,
}

/// The peer id at the end of an address.
pub fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

impl Dialer {
    /// A list with back-off from `first` to `most`.
    pub fn new(statics: &[Multiaddr], bootnodes: &[Multiaddr], first: Duration, most: Duration, now: Instant) -> Self {
        let entry = |role| {
            move |address: &Multiaddr| Entry {
                address: address.clone(),
                peer: peer_of(address),
                role,
                state: State::Idle,
                attempts: 0,
                next: now,
            }
        };
        let entries = statics.iter().map(entry(Role::Static)).chain(bootnodes.iter().map(entry(Role::Bootnode))).collect();
        Self { entries, first, most }
    }

    /// Takes those that are due; `more` says whether more peers than the static ones are wanted. `avoided` are not dialled now.
    pub fn due(&mut self, now: Instant, more: bool, avoided: impl Fn(&PeerId) -> bool) -> Vec<(usize, Multiaddr)> {
        let mut due = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let wanted = more || entry.role == Role::Static;
            if wanted && entry.state == State::Idle && entry.next <= now && !entry.peer.is_some_and(|peer| avoided(&peer)) {
                entry.state = State::Dialling;
                due.push((index, entry.address.clone()));
            }
        }
        due
    }

    /// An attempt failed.
    pub fn failed(&mut self, index: usize, now: Instant) {
        let (first, most) = (self.first, self.most);
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = State::Idle;
            entry.next = now + back_off(entry.attempts, first, most);
            entry.attempts = entry.attempts.saturating_add(1);
        }
    }

    /// An attempt reached this peer.
    pub fn reached(&mut self, index: usize, peer: PeerId) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.peer = Some(peer);
            entry.state = State::Connected;
        }
    }

    /// A peer is connected, whoever dialled.
    pub fn connected(&mut self, peer: &PeerId) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)) {
            entry.state = State::Connected;
        }
    }

    /// A peer has turned out to be in our network: the next attempt is a first one.
    pub fn admitted(&mut self, peer: &PeerId) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)) {
            entry.attempts = 0;
        }
    }

    /// A peer is gone.
    pub fn disconnected(&mut self, peer: &PeerId, now: Instant) {
        let indices: Vec<_> = (0..self.entries.len()).filter(|i| self.entries[*i].peer == Some(*peer)).collect();
        for index in indices {
            self.failed(index, now);
        }
    }

    /// Whether a peer is on the list as a static one.
    pub fn is_static(&self, peer: &PeerId) -> bool {
        self.entries.iter().any(|entry| entry.role == Role::Static && entry.peer == Some(*peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_peers_are_dialled_with_back_off_until_they_answer() {
        let (peer, start, second) = (PeerId::random(), Instant::now(), Duration::from_secs(1));
        let address: Multiaddr = format!("/ip4/10.0.0.1/tcp/9/p2p/{peer}").parse().unwrap();
        let mut dialer = Dialer::new(std::slice::from_ref(&address), &[], second, 4 * second, start);
        let mut now = start;
        for wait in [1, 2, 4, 4] {
            assert_eq!(dialer.due(now, false, |_| false), vec![(0, address.clone())]);
            assert!(dialer.due(now, false, |_| false).is_empty(), "is being dialled");
            dialer.failed(0, now);
            assert!(dialer.due(now + (wait * second).mul_f64(0.9), false, |_| false).is_empty());
            now += wait * second;
        }
        assert_eq!(dialer.due(now, false, |avoided| *avoided == peer), vec![]);
        assert_eq!(dialer.due(now, false, |_| false).len(), 1);
        dialer.reached(0, peer);
        dialer.admitted(&peer);
        assert!(dialer.is_static(&peer));
        assert!(dialer.due(now + 100 * second, true, |_| false).is_empty());
        dialer.disconnected(&peer, now);
        assert!(dialer.due(now, false, |_| false).is_empty());
        assert_eq!(dialer.due(now + second, false, |_| false).len(), 1);
    }

    #[test]
    fn bootnodes_are_dialled_while_peers_are_few() {
        let start = Instant::now();
        let address: Multiaddr = "/dns4/boot.example.org/tcp/9".parse().unwrap();
        let mut dialer = Dialer::new(&[], &[address], Duration::from_secs(1), Duration::from_secs(9), start);
        assert!(dialer.due(start, false, |_| false).is_empty());
        assert_eq!(dialer.due(start, true, |_| false).len(), 1);
        let peer = PeerId::random();
        dialer.reached(0, peer);
        assert!(!dialer.is_static(&peer));
    }
}
