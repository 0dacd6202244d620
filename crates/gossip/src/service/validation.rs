//! Messages that wait: for the sidecar's verdict, and announcements then for their submissions.

use std::collections::HashMap;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use quintet_types::Root;

use crate::event::Gossip;
use crate::wire::submission_id::SubmissionId;
use crate::wire::topic::Topic;

/// A message that is not decided.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) from: PeerId,
    pub(super) topic: Topic,
    /// What it announces, if it does.
    pub(super) announced: Option<SubmissionId>,
    /// `None` while its submission is pulled, for which the fetcher keeps the time.
    until: Option<Instant>,
}

/// Keeps them, a bounded number of all and of each peer.
#[derive(Debug)]
pub(super) struct Validation {
    pending: HashMap<MessageId, Pending>,
    /// Messages that wait for a submission.
    pulled: HashMap<Root, Vec<MessageId>>,
    per_peer: HashMap<PeerId, usize>,
    most: usize,
    most_per_peer: usize,
}

impl Validation {
    pub(super) fn new(most: usize, most_per_peer: usize) -> Self {
        Self { pending: HashMap::new(), pulled: HashMap::new(), per_peer: HashMap::new(), most, most_per_peer }
    }

    /// Adds a message; `false` if too many wait.
    pub(super) fn add(&mut self, id: MessageId, from: PeerId, gossip: &Gossip, until: Instant) -> bool {
        let of_peer = self.per_peer.get(&from).copied().unwrap_or(0);
        if self.pending.len() >= self.most || of_peer >= self.most_per_peer {
            return false;
        }
        let announced = match gossip {
            Gossip::Submission(id) => Some(*id),
            _ => None,
        };
        let pending = Pending { from, topic: gossip.topic(), announced, until: Some(until) };
        if self.pending.insert(id, pending).is_none() {
            self.per_peer.insert(from, of_peer + 1);
        }
        true
    }

    /// A message that waits for its verdict.
    pub(super) fn asked(&self, id: &MessageId) -> Option<&Pending> {
        self.pending.get(id).filter(|pending| pending.until.is_some())
    }

    /// Lets a message wait for its submission.
    pub(super) fn pull(&mut self, id: &MessageId, root: Root) {
        if let Some(pending) = self.pending.get_mut(id) {
            pending.until = None;
            self.pulled.entry(root).or_default().push(id.clone());
        }
    }

    /// Takes a message out.
    pub(super) fn take(&mut self, id: &MessageId) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        if let Some(count) = self.per_peer.get_mut(&pending.from) {
            *count -= 1;
            if *count == 0 {
                self.per_peer.remove(&pending.from);
            }
        }
        Some(pending)
    }

    /// Takes the messages out that wait for this submission.
    pub(super) fn take_pulled(&mut self, root: &Root) -> Vec<(MessageId, Pending)> {
        let ids = self.pulled.remove(root).unwrap_or_default();
        ids.into_iter().filter_map(|id| self.take(&id).map(|pending| (id, pending))).collect()
    }

    /// Takes the messages out whose verdict is late.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<(MessageId, Pending)> {
        let late = |pending: &Pending| pending.until.is_some_and(|until| until <= now);
        let ids: Vec<_> = self.pending.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| id.clone()).collect();
        ids.into_iter().filter_map(|id| self.take(&id).map(|pending| (id, pending))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new(&[n])
    }

    #[test]
    fn bounds_hold_for_all_and_for_each_peer() {
        let (mut validation, now) = (Validation::new(3, 2), Instant::now());
        let [one, other] = [(); 2].map(|()| PeerId::random());
        let vote = Gossip::PhaseAttestation(vec![1]);
        assert!(validation.add(id(1), one, &vote, now));
        assert!(validation.add(id(2), one, &vote, now));
        assert!(!validation.add(id(3), one, &vote, now), "too many of one");
        assert!(validation.add(id(3), other, &vote, now));
        assert!(!validation.add(id(4), other, &vote, now), "too many of all");
        assert!(validation.take(&id(1)).is_some());
        assert!(validation.take(&id(1)).is_none());
        assert!(validation.add(id(4), other, &vote, now));
    }

    #[test]
    fn verdicts_are_late_but_submissions_are_waited_for() {
        let (mut validation, now) = (Validation::new(9, 9), Instant::now());
        let (peer, vote, root) = (PeerId::random(), Gossip::PhaseAttestation(vec![1]), Root::repeat_byte(1));
        let until = now + Duration::from_secs(1);
        for n in 1..=3 {
            validation.add(id(n), peer, &vote, until);
        }
        validation.pull(&id(1), root);
        validation.pull(&id(2), root);
        assert!(validation.asked(&id(1)).is_none());
        assert!(validation.take_overdue(now).is_empty());
        assert_eq!(validation.take_overdue(until).len(), 1);
        assert_eq!(validation.take_pulled(&root).len(), 2);
        assert!(validation.take_pulled(&root).is_empty());
        assert!(validation.pending.is_empty() && validation.per_peer.is_empty() && validation.pulled.is_empty());
    }
}
