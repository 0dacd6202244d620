//! Which submission is pulled from whom: each once, from who announced it, and from the next one when that fails.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use quintet_types::Root;

use crate::wire::submission_id::SubmissionId;

/// How much is pulled at a time, and for how long it is tried.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Requests under way.
    pub running: usize,
    /// Requests under way to one peer.
    pub per_peer: usize,
    /// Submissions that are wanted, under way or not.
    pub wanted: usize,
    /// Pause before those are asked again who did not have it yet.
    pub pause: Duration,
    /// From when a submission is wanted until it is given up.
    pub give_up: Duration,
    /// How long parts are waited for that are on their way from another peer.
    pub wait: Duration,
    /// Bytes of parts of submissions that are remembered, for outlines of others.
    pub part_bytes: usize,
}

#[derive(Debug)]
struct Want {
    id: SubmissionId,
    announcers: Vec<PeerId>,
    /// Asked in this round.
    asked: HashSet<PeerId>,
    /// Not asked again: they answered with something else.
    liars: HashSet<PeerId>,
    running: Option<PeerId>,
    /// Who led to something else by which outline. From then on it is pulled whole.
    suspect: Option<(PeerId, Root)>,
    not_before: Instant,
    until: Instant,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is wanted from now on.
    New,
    /// It was wanted already; the announcer is remembered as one more who has it.
    Known,
    /// Too many are wanted.
    Full,
}

/// Keeps the list.
#[derive(Debug)]
pub struct Fetcher {
    limits: FetchLimits,
    wants: BTreeMap<Root, Want>,
    /// Those that are not under way, first come first served.
    queue: VecDeque<Root>,
    per_peer: HashMap<PeerId, usize>,
    running: usize,
}

impl Fetcher {
    /// Nothing is wanted.
    pub fn new(limits: FetchLimits) -> Self {
        Self { limits, wants: BTreeMap::new(), queue: VecDeque::new(), per_peer: HashMap::new(), running: 0 }
    }

    /// Wants the submission that `from` announced.
    pub fn want(&mut self, id: SubmissionId, from: PeerId, now: Instant) -> Wish {
        let root = id.root();
        if let Some(want) = self.wants.get_mut(&root) {
            if !want.announcers.contains(&from) && want.announcers.len() < 16 {
                want.announcers.push(from);
            }
            return Wish::Known;
        }
        if self.wants.len() >= self.limits.wanted {
            return Wish::Full;
        }
        let want = Want {
            id,
            announcers: vec![from],
            asked: HashSet::new(),
            liars: HashSet::new(),
            running: None,
            suspect: None,
            not_before: now,
            until: now + self.limits.give_up,
        };
        self.wants.insert(root, want);
        self.queue.push_back(root);
        Wish::New
    }

    /// The next request to make, if there is room and somebody to ask. `holders` are the peers that may have it besides its announcers, best first; all
    /// must be connected.
    pub fn next(
        &mut self,
        now: Instant,
        mut holders: impl FnMut(&SubmissionId) -> Vec<PeerId>,
        connected: impl Fn(&PeerId) -> bool,
    ) -> Option<(Root, PeerId)> {
        if self.running >= self.limits.running {
            return None;
        }
        for place in 0..self.queue.len() {
            let root = self.queue[place];
            let Some(want) = self.wants.get_mut(&root) else { continue };
            if want.not_before > now {
                continue;
            }
            let free = |peer: &PeerId| self.per_peer.get(peer).is_none_or(|running| *running < self.limits.per_peer);
            let may = |peer: &PeerId, want: &Want| connected(peer) && !want.asked.contains(peer) && !want.liars.contains(peer);
            let mut candidates = want.announcers.clone();
            candidates.retain(|peer| may(peer, want));
            if candidates.is_empty() {
                candidates = holders(&want.id);
                candidates.retain(|peer| may(peer, want));
            }
            if candidates.is_empty() {
                // Everybody was asked: once more, after a pause.
                want.asked.clear();
                want.not_before = now + self.limits.pause;
                continue;
            }
            let Some(peer) = candidates.into_iter().find(free) else { continue };
            want.asked.insert(peer);
            want.running = Some(peer);
            self.queue.remove(place);
            *self.per_peer.entry(peer).or_default() += 1;
            self.running += 1;
            return Some((root, peer));
        }
        None
    }

    fn finish(&mut self, root: &Root, peer: &PeerId) -> bool {
        let Some(want) = self.wants.get_mut(root) else { return false };
        if want.running != Some(*peer) {
            return false;
        }
        want.running = None;
        self.running -= 1;
        if let Some(running) = self.per_peer.get_mut(peer) {
            *running -= 1;
            if *running == 0 {
                self.per_peer.remove(peer);
            }
        }
        true
    }

    /// The request to `peer` brought nothing; the next one is asked.
    pub fn failed(&mut self, root: &Root, peer: &PeerId) {
        if self.finish(root, peer) {
            self.queue.push_front(*root);
        }
    }

    /// The request to `peer` brought something else.
    pub fn lied(&mut self, root: &Root, peer: &PeerId) {
        if let Some(want) = self.wants.get_mut(root) {
            want.liars.insert(*peer);
        }
        self.failed(root, peer);
    }

    /// What the outline with this digest led to was something else, and `peer`, who handed it out, may not be to blame. From now on it is pulled whole.
    pub fn suspect(&mut self, root: &Root, peer: PeerId, outline: Root) {
        if let Some(want) = self.wants.get_mut(root) {
            want.suspect = Some((peer, outline));
        }
    }

    /// Who handed out an outline that led to something else, and its digest.
    pub fn suspected(&self, root: &Root) -> Option<(PeerId, Root)> {
        self.wants.get(root)?.suspect
    }

    /// It is here: no longer wanted. A request that is still under way for it no longer counts.
    pub fn arrived(&mut self, root: &Root) -> Option<SubmissionId> {
        if let Some(peer) = self.wants.get(root)?.running {
            self.finish(root, &peer);
        }
        self.queue.retain(|other| other != root);
        self.wants.remove(root).map(|want| want.id)
    }

    /// What a root that is wanted stands for.
    pub fn id(&self, root: &Root) -> Option<&SubmissionId> {
        self.wants.get(root).map(|want| &want.id)
    }

    /// Whether `peer` announced it.
    pub fn announced(&self, root: &Root, peer: &PeerId) -> bool {
        self.wants.get(root).is_some_and(|want| want.announcers.contains(peer))
    }

    /// Gives up what nobody had in time. What is under way is waited for: its request has a time limit of its own.
    pub fn expire(&mut self, now: Instant) -> Vec<SubmissionId> {
        let over = |want: &Want| want.until <= now && want.running.is_none();
        let roots: Vec<_> = self.wants.iter().filter(|(_, want)| over(want)).map(|(root, _)| *root).collect();
        self.queue.retain(|root| !roots.contains(root));
        roots.iter().filter_map(|root| self.wants.remove(root)).map(|want| want.id).collect()
    }

    /// Requests under way.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// Submissions that are waited for without a request.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
#[path = "fetcher_tests.rs"]
mod tests;
