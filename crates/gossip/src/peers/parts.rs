//! Parts of submissions that are held, by their names: what outlines are filled with.

use std::collections::{HashMap, VecDeque};

use crate::wire::outline::{Part, PartName};

/// Bytes of parts of one submission that are remembered, most: a few large ones of one prover must not push out those of all others.
const MAX_OF_ONE: usize = 256 << 10;

/// What an entry takes besides its part.
const ENTRY: usize = 128;

/// Keeps them, a bounded number of bytes. What was learned first is forgotten first: jobs are over after a few minutes.
#[derive(Debug)]
pub struct KnownParts {
    most: usize,
    bytes: usize,
    /// `None` for a name that two parts have.
    parts: HashMap<PartName, Option<Part>>,
    order: VecDeque<PartName>,
}

impl KnownParts {
    /// Nothing, and later no more bytes than this.
    pub fn new(most: usize) -> Self {
        Self { most, bytes: 0, parts: HashMap::new(), order: VecDeque::new() }
    }

    /// The part with this name, if it is known and the only one.
    pub fn get(&self, name: &PartName) -> Option<&Part> {
        self.parts.get(name)?.as_ref()
    }

    /// Whether several parts have this name: then it says nothing.
    pub fn is_ambiguous(&self, name: &PartName) -> bool {
        self.parts.get(name).is_some_and(Option::is_none)
    }

    /// Remembers parts of a submission.
    pub fn learn(&mut self, parts: Vec<(PartName, Part)>) {
        let mut of_one = 0;
        for (name, part) in parts {
            of_one += part.len();
            if of_one > MAX_OF_ONE {
                return;
            }
            self.insert(name, part);
        }
    }

    fn insert(&mut self, name: PartName, part: Part) {
        match self.parts.get_mut(&name) {
            None => {
                self.bytes += part.len() + ENTRY;
                self.parts.insert(name, Some(part));
                self.order.push_back(name);
            }
            Some(known) => {
                if let Some(other) = known.take_if(|known| *known != part) {
                    self.bytes -= other.len();
                }
            }
        }
        while self.bytes > self.most
            && let Some(first) = self.order.pop_front()
        {
            let part = self.parts.remove(&first).flatten();
            self.bytes -= ENTRY + part.map_or(0, |part| part.len());
        }
    }

    /// Bytes that are taken.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::outline::PartKind;

    fn id(n: u32, end: u8) -> (PartName, Part) {
        let mut bytes = [end; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        (PartName::of(PartKind::PartialId, &bytes), Part::from(&bytes[..]))
    }

    #[test]
    fn what_has_another_ones_name_is_not_known() {
        let mut known = KnownParts::new(10_000);
        let [(name, one), (same, other)] = [id(1, 0), id(1, 1)];
        assert_eq!(name, same);
        known.learn(vec![(name, one.clone())]);
        known.learn(vec![(name, one.clone())]);
        assert_eq!(known.get(&name), Some(&one));
        known.learn(vec![(name, other)]);
        assert_eq!((known.get(&name), known.is_ambiguous(&name)), (None, true));
        known.learn(vec![(name, one)]);
        assert!(known.is_ambiguous(&name), "for as long as it is remembered");
        assert_eq!(known.bytes(), ENTRY);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let mut known = KnownParts::new(100 * (32 + ENTRY));
        for n in 0..250 {
            known.learn(vec![id(n, 0), id(n, u8::from(n % 3 == 0))]);
            assert!(known.bytes() <= known.most);
            let held: usize = known.parts.values().map(|part| ENTRY + part.as_ref().map_or(0, |part| part.len())).sum();
            assert_eq!((held, known.parts.len()), (known.bytes(), known.order.len()));
        }
        assert!(known.get(&id(1, 0).0).is_none() && known.get(&id(248, 0).0).is_some());
    }

    #[test]
    fn one_submission_takes_a_share_only() {
        let mut known = KnownParts::new(64 << 20);
        known.learn((0..20_000).map(|n| id(n, 0)).collect());
        assert_eq!(known.order.len(), MAX_OF_ONE / 32);
    }
}
