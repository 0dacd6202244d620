//! Notices when the node looks cut off: few peers, all of one hand, or silence while phases pass.

use std::fmt;
use std::time::{Duration, Instant};

/// Why the node looks cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Too few peers.
    FewPeers {
        /// How many there are.
        peers: usize,
        /// How many there should be.
        least: usize,
    },
    /// Too few groups of addresses (IPv4 /16, IPv6 /32) among the peers.
    FewGroups {
        /// How many there are.
        groups: usize,
        /// How many there should be.
        least: usize,
    },
    /// No message although phases passed in which there should have been some.
    Silence {
        /// For how long.
        seconds: u64,
    },
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewPeers { peers, least } => write!(f, "{peers} peers, {least} are wanted"),
            Self::FewGroups { groups, least } => write!(f, "peers are in {groups} groups of addresses, {least} are wanted"),
            Self::Silence { seconds } => write!(f, "no gossip for {seconds} s although phases passed"),
        }
    }
}

/// When to say so.
#[derive(Debug, Clone, Copy)]
pub struct IsolationLimits {
    /// Peers that there should be; 0 where a sidecar is meant to be alone.
    pub peers: usize,
    /// Groups of addresses that they should be in.
    pub groups: usize,
    /// How long too few are no matter.
    pub after: Duration,
    /// How long silence is no matter while phases pass.
    pub silence: Duration,
}

/// Watches.
#[derive(Debug)]
pub struct IsolationWatch {
    limits: IsolationLimits,
    few_since: Option<Instant>,
    /// The first phase that passed since the last message.
    phase_since: Option<Instant>,
    told: bool,
}

impl IsolationWatch {
    /// Starts to watch.
    pub const fn new(limits: IsolationLimits) -> Self {
        Self { limits, few_since: None, phase_since: None, told: false }
    }

    /// A message came.
    pub const fn heard(&mut self) {
        self.phase_since = None;
    }

    /// A phase passed in which there should have been messages.
    pub fn phase_passed(&mut self, now: Instant) {
        self.phase_since.get_or_insert(now);
    }

    /// Looks at how things are. `Some(Some(_))` once when they turn bad, `Some(None)` once when they are good again.
    pub fn check(&mut self, peers: usize, groups: usize, now: Instant) -> Option<Option<Isolation>> {
        let limits = self.limits;
        let few = if peers < limits.peers {
            Some(Isolation::FewPeers { peers, least: limits.peers })
        } else if groups < limits.groups {
            Some(Isolation::FewGroups { groups, least: limits.groups })
        } else {
            None
        };
        self.few_since = few.and(Some(self.few_since.unwrap_or(now)));
        let few = few.filter(|_| self.few_since.is_some_and(|since| now.saturating_duration_since(since) >= limits.after));
        let silence = self.phase_since.map(|since| now.saturating_duration_since(since)).filter(|time| *time >= limits.silence);
        let problem = few.or(silence.map(|time| Isolation::Silence { seconds: time.as_secs() }));
        let changed = problem.is_some() != self.told;
        self.told = problem.is_some();
        changed.then_some(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_peers_are_told_once_and_after_a_while() {
        let second = Duration::from_secs(1);
        let limits = IsolationLimits { peers: 3, groups: 2, after: 10 * second, silence: 60 * second };
        let (mut watch, start) = (IsolationWatch::new(limits), Instant::now());
        assert_eq!(watch.check(1, 1, start), None);
        assert_eq!(watch.check(2, 1, start + 9 * second), None);
        assert_eq!(watch.check(3, 2, start + 10 * second), None, "in time");
        assert_eq!(watch.check(3, 1, start + 11 * second), None);
        let problem = Isolation::FewGroups { groups: 1, least: 2 };
        assert_eq!(watch.check(3, 1, start + 21 * second), Some(Some(problem)));
        assert_eq!(watch.check(3, 1, start + 22 * second), None);
        assert_eq!(watch.check(3, 2, start + 23 * second), Some(None));
    }

    #[test]
    fn silence_counts_from_the_first_phase_without_a_message() {
        let second = Duration::from_secs(1);
        let limits = IsolationLimits { peers: 0, groups: 0, after: second, silence: 30 * second };
        let (mut watch, start) = (IsolationWatch::new(limits), Instant::now());
        assert_eq!(watch.check(0, 0, start + 100 * second), None, "no phase, no silence");
        watch.phase_passed(start + 100 * second);
        watch.phase_passed(start + 120 * second);
        assert_eq!(watch.check(0, 0, start + 129 * second), None);
        assert_eq!(watch.check(0, 0, start + 130 * second), Some(Some(Isolation::Silence { seconds: 30 })));
        watch.heard();
        assert_eq!(watch.check(0, 0, start + 131 * second), Some(None));
    }
}
