//! Puts submissions together from outlines: which parts are known, which are asked for, and which are on their way already.
//!
//! A part that several outlines name is asked for once: who comes later waits a moment for the answer to that request, and asks by itself only for what that
//! did not bring. It waits once, so that nobody holds up the submissions of others who does not answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use libp2p::PeerId;
use quintet_types::Root;
use ssz_types::VariableList;

use super::parts::KnownParts;
use crate::memory::{Held, Room};
use crate::wire::outline::{MaxRequestParts, Outline, Part, PartKind, PartName};
use crate::wire::requests::MAX_REQUEST_PARTS;

/// What a peer does not do that does as the network's rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie;

/// What is to be done for a submission.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask its peer for the parts at these places.
    Ask(VariableList<u16, MaxRequestParts>),
    /// Too much is missing, or two parts have one name: ask its peer for all of it.
    Whole,
    /// Put it together.
    Fill(Assembly),
}

/// A step for the submission that is pulled from a peer.
pub type Turn = (Root, PeerId, Step);

/// All that a submission is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembly {
    /// The outline.
    pub outline: Outline,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// How many of them came for this one.
    pub pulled: usize,
}

impl Assembly {
    /// About how long the submission is, without the offsets in it. An outline may name large parts that have nothing to do with it.
    pub fn bytes(&self) -> usize {
        self.outline.rest.len() + self.parts.iter().map(|part| part.len()).sum::<usize>()
    }
}

#[derive(Debug)]
struct Attempt {
    peer: PeerId,
    kind: PartKind,
    outline: Outline,
    names: Vec<PartName>,
    found: HashMap<PartName, Part>,
    /// What is not found, with its places.
    missing: BTreeMap<PartName, u16>,
    /// What the peer is being asked for.
    asked: Vec<PartName>,
    /// Those on whose answers this one waits, until then.
    awaits: BTreeSet<Root>,
    until: Instant,
    /// Whether something in it did not come from the peer.
    is_mixed: bool,
    pulled: usize,
    is_filled: bool,
    /// For the outline and the parts that came for this and other attempts.
    room: Room,
}

/// How an attempt ended that led to another submission than the announced one.
#[derive(Debug, PartialEq, Eq)]
pub enum Blame {
    /// All of it came from the peer.
    Peer,
    /// Some parts came from elsewhere, and names are short. Its outline is held against that of the true submission.
    Open(Outline),
}

/// Keeps the outlines whose parts are not all here.
#[derive(Debug)]
pub struct Assembler {
    known: KnownParts,
    attempts: BTreeMap<Root, Attempt>,
}

impl Assembler {
    /// Knows nothing, and later no more bytes of parts than this.
    pub fn new(part_bytes: usize) -> Self {
        Self { known: KnownParts::new(part_bytes), attempts: BTreeMap::new() }
    }

    /// Remembers parts of a submission that is held.
    pub fn learn(&mut self, parts: Vec<(PartName, Part)>) {
        self.known.learn(parts);
    }

    /// Bytes of parts that are remembered.
    pub const fn known_bytes(&self) -> usize {
        self.known.bytes()
    }

    /// A peer handed out the outline of a submission. What is on its way from others is waited for until then.
    ///
    /// # Errors
    /// If it is none.
    pub fn begin(
        &mut self,
        root: Root,
        peer: PeerId,
        kind: PartKind,
        outline: Held<Outline>,
        until: Instant,
    ) -> Result<Option<Turn>, Lie> {
        let Held { content: outline, mut room } = outline;
        let names = outline.part_names(kind).ok_or(Lie)?;
        let (mut found, mut missing) = (HashMap::new(), BTreeMap::new());
        for (place, name) in names.iter().enumerate() {
            // What came for others and is being checked takes room of its own; what is remembered has it.
            let came =
                || self.attempts.values().find_map(|other| other.found.get(name)).filter(|_| !self.known.is_ambiguous(name));
            let part = self.known.get(name).or_else(|| came().filter(|part| room.grow(part.len())));
            match part {
                Some(part) => {
                    found.insert(*name, part.clone());
                }
                None => {
                    missing.insert(*name, u16::try_from(place).map_err(|_| Lie)?);
                }
            }
        }
        // Nobody is to blame for two parts of one name but who made them.
        let is_unique = found.len() + missing.len() == names.len();
        if missing.len() > MAX_REQUEST_PARTS || !is_unique {
            return Ok(Some((root, peer, Step::Whole)));
        }
        let on_their_way: HashMap<PartName, Root> =
            self.attempts.iter().flat_map(|(root, attempt)| attempt.asked.iter().map(|name| (*name, *root))).collect();
        let owner = |name: &PartName| on_their_way.get(name).filter(|_| !self.known.is_ambiguous(name)).copied();
        let mut attempt = Attempt {
            peer,
            kind,
            outline,
            names,
            awaits: missing.keys().filter_map(owner).collect(),
            until,
            is_mixed: !found.is_empty(),
            found,
            missing,
            asked: vec![],
            pulled: 0,
            is_filled: false,
            room,
        };
        let step = attempt.ask(|name| owner(name).is_none()).or_else(|| attempt.next());
        self.attempts.insert(root, attempt);
        Ok(step.map(|step| (root, peer, step)))
    }

    /// The answer to a request for parts: all that were asked for.
    ///
    /// # Errors
    /// If they are others.
    pub fn arrived(&mut self, root: &Root, peer: &PeerId, items: Held<Vec<Vec<u8>>>) -> Result<Vec<Turn>, Lie> {
        let Some(attempt) = self.attempts.get_mut(root).filter(|attempt| attempt.peer == *peer) else { return Ok(vec![]) };
        let (kind, Held { content: items, room }) = (attempt.kind, items);
        let is_asked = |(name, item): (&PartName, &Vec<u8>)| PartName::of(kind, item) == *name;
        if items.len() != attempt.asked.len() || !attempt.asked.iter().zip(&items).all(is_asked) {
            return Err(Lie);
        }
        let parts: Vec<(PartName, Part)> =
            std::mem::take(&mut attempt.asked).into_iter().zip(items.into_iter().map(Part::from)).collect();
        attempt.pulled += parts.len();
        attempt.room.join(room);
        for (name, part) in parts {
            for (other, attempt) in &mut self.attempts {
                let is_for_it = other == root || !self.known.is_ambiguous(&name);
                // Where there is no room left the other one asks for itself.
                let is_wanted = is_for_it && attempt.missing.contains_key(&name);
                if is_wanted && (other == root || attempt.room.grow(part.len())) {
                    attempt.missing.remove(&name);
                    attempt.found.insert(name, part.clone());
                    attempt.is_mixed |= other != root;
                }
            }
        }
        Ok(self.ended(root))
    }

    /// Nobody waits longer than it said it would.
    pub fn overdue(&mut self, now: Instant) -> Vec<Turn> {
        let late = self.attempts.iter_mut().filter(|(_, attempt)| !attempt.awaits.is_empty() && attempt.until <= now);
        late.filter_map(|(root, attempt)| {
            attempt.awaits.clear();
            Some((*root, attempt.peer, attempt.next()?))
        })
        .collect()
    }

    /// The attempt is over. Returns who is to blame if it led to something else, and what others do that waited for it.
    pub fn end(&mut self, root: &Root) -> (Option<Blame>, Vec<Turn>) {
        let attempt = self.attempts.remove(root);
        let blame = attempt.map(|attempt| match attempt.is_mixed {
            true => Blame::Open(attempt.outline),
            false => Blame::Peer,
        });
        (blame, self.ended(root))
    }

    /// Nothing more comes by this one's request.
    fn ended(&mut self, ended: &Root) -> Vec<Turn> {
        let mut turns = Vec::new();
        for (root, attempt) in &mut self.attempts {
            attempt.awaits.remove(ended);
            if let Some(step) = attempt.next() {
                turns.push((*root, attempt.peer, step));
            }
        }
        turns
    }
}

impl Attempt {
    /// Asks for those missing parts that are wanted now, in the order of their places.
    fn ask(&mut self, is_wanted: impl Fn(&PartName) -> bool) -> Option<Step> {
        let wanted = self.missing.iter().filter(|(name, _)| is_wanted(name));
        let mut asked: Vec<(u16, PartName)> = wanted.map(|(name, place)| (*place, *name)).collect();
        asked.sort_unstable();
        let indices: Vec<u16> = asked.iter().map(|(place, _)| *place).collect();
        self.asked = asked.into_iter().map(|(_, name)| name).collect();
        // Never more than one request may name.
        (!indices.is_empty()).then(|| indices.try_into().ok().map(Step::Ask)).flatten()
    }

    /// What is to be done now that something came or will not come.
    fn next(&mut self) -> Option<Step> {
        if self.is_filled {
            return None;
        }
        if self.missing.is_empty() {
            self.is_filled = true;
            let parts = self.names.iter().filter_map(|name| self.found.get(name).cloned()).collect();
            return Some(Step::Fill(Assembly { outline: self.outline.clone(), parts, pulled: self.pulled }));
        }
        if self.asked.is_empty() && self.awaits.is_empty() {
            return self.ask(|_| true);
        }
        None
    }
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
