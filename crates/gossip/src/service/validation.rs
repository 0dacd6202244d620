//! Messages that wait: for the sidecar's verdict, and announcements then for their submissions.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use quintet_types::Root;

use crate::config::Limits;
use crate::event::Gossip;
use crate::memory::{Budget, Room};
use crate::wire::snappy::compressed_limit;
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
    /// What gossipsub keeps of it and the books take.
    room: Room,
    /// What it counts for with its peer.
    bytes: usize,
}

/// Bytes that a message takes besides its content: in the sidecar's queue, and here and with gossipsub.
const OVERHEAD: (usize, usize) = (256, 768);

/// Keeps them, a bounded number of all and of each peer, and of bounded size.
#[derive(Debug)]
pub(super) struct Validation {
    pending: HashMap<MessageId, Pending>,
    /// Messages that wait for a submission.
    pulled: HashMap<Root, Vec<MessageId>>,
    /// Number and bytes.
    per_peer: HashMap<PeerId, (usize, usize)>,
    most: usize,
    most_per_peer: (usize, usize),
    budget: Budget,
    /// Room of messages that were sent on, until gossipsub forgets them.
    sent_on: VecDeque<(Instant, Room)>,
}

impl Validation {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            pending: HashMap::new(),
            pulled: HashMap::new(),
            per_peer: HashMap::new(),
            most: limits.pending_messages,
            most_per_peer: (limits.pending_per_peer, limits.message_bytes_per_peer),
            budget: Budget::new(limits.message_bytes),
            sent_on: VecDeque::new(),
        }
    }

    /// Adds a message; the room that it takes until the sidecar has dealt with it, or `None` if too many wait.
    pub(super) fn add(&mut self, id: MessageId, from: PeerId, gossip: &Gossip, until: Instant) -> Option<Room> {
        let (told, kept) = (gossip.length() + OVERHEAD.0, compressed_limit(gossip.length()) + OVERHEAD.1);
        let bytes = told + kept;
        let (of_peer, bytes_of_peer) = self.per_peer.get(&from).copied().unwrap_or((0, 0));
        if self.pending.contains_key(&id)
            || self.pending.len() >= self.most
            || of_peer >= self.most_per_peer.0
            || bytes_of_peer + bytes > self.most_per_peer.1
        {
            return None;
        }
        let mut room = self.budget.take(bytes)?;
        let kept = room.split(kept);
        let announced = match gossip {
            Gossip::Submission(id) => Some(*id),
            _ => None,
        };
        let pending = Pending { from, topic: gossip.topic(), announced, until: Some(until), room: kept, bytes };
        self.pending.insert(id, pending);
        self.per_peer.insert(from, (of_peer + 1, bytes_of_peer + bytes));
        Some(room)
    }

    /// A message was sent on: gossipsub keeps it until then.
    pub(super) fn sent_on(&mut self, pending: Pending, until: Instant) {
        self.sent_on.push_back((until, pending.room));
    }

    /// Gives the room back of what gossipsub has forgotten.
    pub(super) fn forget(&mut self, now: Instant) {
        let over = self.sent_on.partition_point(|(until, _)| *until <= now);
        self.sent_on.drain(..over);
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
        if let Some((count, bytes)) = self.per_peer.get_mut(&pending.from) {
            *count -= 1;
            *bytes -= pending.bytes;
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

    fn validation(pending_messages: usize, pending_per_peer: usize) -> Validation {
        Validation::new(&Limits { pending_messages, pending_per_peer, ..Limits::default() })
    }

    #[test]
    fn bounds_hold_for_all_and_for_each_peer() {
        let (mut validation, now) = (validation(3, 2), Instant::now());
        let [one, other] = [(); 2].map(|()| PeerId::random());
        let vote = Gossip::PhaseAttestation(vec![1]);
        let mut adds = |n, from| validation.add(id(n), from, &vote, now).is_some();
        assert!(adds(1, one) && adds(2, one));
        assert!(!adds(3, one), "too many of one");
        assert!(adds(3, other));
        assert!(!adds(4, other), "too many of all");
        assert!(validation.take(&id(1)).is_some());
        assert!(validation.take(&id(1)).is_none());
        assert!(validation.add(id(4), other, &vote, now).is_some());
    }

    #[test]
    fn bytes_are_bounded_until_sidecar_and_gossip_have_forgotten_the_message() {
        let bundle = Gossip::PhaseBundle(vec![7; 100_000]);
        let each = 100_000 + OVERHEAD.0 + compressed_limit(100_000) + OVERHEAD.1;
        let limits = Limits { message_bytes: 3 * each, message_bytes_per_peer: 2 * each, ..Limits::default() };
        let (mut validation, now) = (Validation::new(&limits), Instant::now());
        let [one, other] = [(); 2].map(|()| PeerId::random());
        let mut add = |n, from| validation.add(id(n), from, &bundle, now);
        let told = [add(1, one), add(2, one)];
        assert!(told.iter().all(Option::is_some));
        assert!(add(3, one).is_none(), "too much of one");
        let third = add(3, other);
        assert!(third.is_some());
        assert!(add(4, other).is_none(), "too much of all");
        // Ignored by the sidecar, which still has the bytes in its queue; then it has not.
        drop(validation.take(&id(1)));
        assert!(validation.add(id(4), other, &bundle, now).is_none());
        drop(told);
        let fourth = validation.add(id(4), other, &bundle, now);
        assert!(fourth.is_some());
        // Sent on: gossip keeps it for a while.
        let until = now + Duration::from_secs(20);
        for n in [2, 3, 4] {
            let pending = validation.take(&id(n)).unwrap();
            validation.sent_on(pending, until);
        }
        drop((third, fourth));
        let kept = 3 * (compressed_limit(100_000) + OVERHEAD.1);
        validation.forget(now);
        assert_eq!(validation.budget.left(), 3 * each - kept);
        validation.forget(until);
        assert_eq!(validation.budget.left(), 3 * each);
        assert!(validation.per_peer.is_empty());
    }

    #[test]
    fn verdicts_are_late_but_submissions_are_waited_for() {
        let (mut validation, now) = (validation(9, 9), Instant::now());
        let (peer, vote, root) = (PeerId::random(), Gossip::PhaseAttestation(vec![1]), Root::repeat_byte(1));
        let until = now + Duration::from_secs(1);
        for n in 1..=3 {
            validation.add(id(n), peer, &vote, until).unwrap();
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
