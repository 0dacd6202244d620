//! Events for subscribers, with the last ones kept for those who come back.

use std::collections::VecDeque;

use quintet_api::{Event, EventKind};
use tokio::sync::broadcast;

/// Events kept for replay.
const KEPT: usize = 4096;

/// The last events, and a channel for new ones.
#[derive(Debug)]
pub struct EventLog {
    kept: VecDeque<Event>,
    next: u64,
    sender: broadcast::Sender<Event>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self { kept: VecDeque::new(), next: 1, sender: broadcast::channel(1024).0 }
    }
}

impl EventLog {
    /// Tells all subscribers.
    pub fn push(&mut self, kind: EventKind) {
        let event = Event { id: self.next, kind };
        self.next += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(event.clone());
        // Nobody listening is no fault.
        let _ = self.sender.send(event);
    }

    /// Events after `id` that are still kept, and those to come.
    pub fn subscribe(&self, after: Option<u64>) -> (Vec<Event>, broadcast::Receiver<Event>) {
        // An id that was not given out yet is from before a restart.
        let after = after.map(|id| if id < self.next { id } else { 0 });
        let past = after.map(|id| self.kept.iter().filter(|event| event.id > id).cloned().collect());
        (past.unwrap_or_default(), self.sender.subscribe())
    }

    /// Number of subscribers.
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}
