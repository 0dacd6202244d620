//! Root of the Merkle-Patricia trie of a list: key RLP(i), value item i (yellow paper, appendix D).
//!
//! The keys are known in advance, so the trie is never built: the sorted positions are split by nibbles, recursively,
//! and each node is hashed as soon as its children are. Keys are prefix-free, so no branch has a value. Leaves hash
//! their item where it lies.

use crate::keccak::{Frame, Keccak};
use crate::rlp;

/// Root of the trie without items: the hash of RLP("").
pub const EMPTY_ROOT: [u8; 32] = [
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b, 0x48, 0xe0, 0x1b,
    0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
];

/// Room for an item that is not stored as the bytes that the trie wants.
pub type Scratch = [u8; 64];

/// The list.
pub trait Items {
    /// Number of items, at most 2²⁴.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of item `i`, less than 2²⁴, which may be written into `scratch`.
    fn item<'a>(&'a self, i: usize, scratch: &'a mut Scratch) -> &'a [u8];
}

/// The root of the trie of `items`.
#[must_use]
pub fn ordered_root<H: Keccak>(items: &impl Items) -> [u8; 32] {
    let len = items.len();
    if len == 0 {
        return EMPTY_ROOT;
    }
    let mut reference = [0; 33];
    node::<H>(items, 0, len, 0, true, &mut reference);
    let [_, root @ ..] = reference;
    root
}

/// What a parent holds of a node: its hash as an RLP string, or the node itself if that is shorter than 32 bytes.
type Reference = [u8; 33];

/// Nibbles of a key, the first in the highest four bits, and how many there are.
#[derive(Clone, Copy)]
struct Key {
    nibbles: u64,
    len: u32,
}

impl Key {
    /// The key of item `i`: its RLP.
    #[inline]
    const fn of(i: usize) -> Self {
        let i = i as u64;
        let (bytes, len) = match i {
            0 => (0x80, 1),
            1..0x80 => (i, 1),
            0x80..0x100 => (0x8100 | i, 2),
            0x100..0x1_0000 => (0x82_0000 | i, 3),
            _ => (0x8300_0000 | i, 4),
        };
        Self { nibbles: bytes << (64 - 8 * len), len: 2 * len }
    }

    #[inline]
    const fn nibble(self, depth: u32) -> u8 {
        (self.nibbles >> (60 - 4 * depth)) as u8 & 15
    }

    /// First depth at which two different keys differ.
    #[inline]
    const fn fork(self, other: Self, from: u32) -> u32 {
        let mut depth = from;
        while self.nibble(depth) == other.nibble(depth) {
            depth += 1;
        }
        depth
    }

    /// The nibbles from `from` up to `to` in hex-prefix form (appendix C), as an RLP string: at most six bytes.
    #[inline(always)]
    fn push_path(self, from: u32, to: u32, leaf: bool, out: &mut Frame) {
        let flag = if leaf { 0x20 } else { 0 };
        let mut at = from;
        if to - from > 1 {
            out.push(0x81 + ((to - from) / 2) as u8);
        }
        if (to - from) % 2 == 1 {
            out.push(flag | 0x10 | self.nibble(at));
            at += 1;
        } else {
            out.push(flag);
        }
        while at < to {
            out.push(self.nibble(at) << 4 | self.nibble(at + 1));
            at += 2;
        }
    }
}

/// Bytes of a path of so many nibbles as an RLP string.
#[inline(always)]
const fn path_len(nibbles: u32) -> usize {
    if nibbles < 2 { 1 } else { 2 + nibbles as usize / 2 }
}

/// The item at a sorted position: item 0 has key 0x80, right after those of items 1 to 127.
#[inline]
const fn item_index(position: usize, count: usize) -> usize {
    if position > 0x7f {
        position
    } else if position == 0x7f || position + 1 == count {
        0
    } else {
        position + 1
    }
}

/// The position after those, from `position` on, whose keys agree in the nibbles 0 to `depth`; all keys from there up
/// to `to` agree in the nibbles before.
///
/// Follows from the ranges of items that share a key length, without looking at each key.
#[inline]
const fn group_end(position: usize, to: usize, depth: u32, count: usize) -> usize {
    let i = item_index(position, count);
    let low_nibbles = match (i, depth) {
        // Keys 0x01 to 0x7f: the first nibble leaves sixteen of them, the second one. Key 0x80 comes after the last.
        (1..0x80, 0) => {
            let (after, zero) = (position + 1 + (i | 15) - i, if count < 0x80 { count - 1 } else { 0x7f });
            return if after < zero { after } else { zero };
        }
        (..0x80, 1) => 0,
        // Keys from 0x80 on share the first nibble; the second tells their length.
        (_, 0) => return to,
        (0x80..0x100, 1) => return if to < 0x100 { to } else { 0x100 },
        (0x100..0x1_0000, 1) => return if to < 0x1_0000 { to } else { 0x1_0000 },
        (_, 1) => return to,
        // Then the item's number, two nibbles for each byte.
        (..0x100, _) => 3 - depth,
        (0x100..0x1_0000, _) => 5 - depth,
        _ => 7 - depth,
    };
    let after = position + 1 + (i | ((1 << (4 * low_nibbles)) - 1)) - i;
    if after < to { after } else { to }
}

/// Writes the reference of the node over the sorted positions `from..to`, whose keys agree up to `depth`; gives its
/// length. The root is hashed however short it is.
fn node<H: Keccak>(items: &impl Items, from: usize, to: usize, depth: u32, root: bool, out: &mut Reference) -> usize {
    let count = items.len();
    let i = item_index(from, count);
    let first = Key::of(i);
    if to - from == 1 {
        let mut scratch = [0; 64];
        return leaf::<H>(first, depth, items.item(i, &mut scratch), root, out);
    }
    let fork = first.fork(Key::of(item_index(to - 1, count)), depth);
    if fork == depth {
        return branch::<H>(items, from, to, depth, root, out);
    }
    // Extension: the path, then the branch's reference.
    let mut child = [0; 33];
    let child_len = branch::<H>(items, from, to, fork, false, &mut child);
    let mut frame = Frame::EMPTY;
    frame.push(0xc0 + (path_len(fork - depth) + child_len) as u8);
    first.push_path(depth, fork, false, &mut frame);
    refer::<H>(&frame, &child[..child_len], root, out)
}

/// A branch over at least two positions whose keys differ at `depth`.
fn branch<H: Keccak>(items: &impl Items, from: usize, to: usize, depth: u32, root: bool, out: &mut Reference) -> usize {
    const PAYLOAD: usize = 3;
    let count = items.len();
    let mut buffer = [0; PAYLOAD + 16 * 33 + 1];
    let mut end = PAYLOAD;
    let mut nibble = 0;
    let mut position = from;
    while position < to {
        let next = Key::of(item_index(position, count)).nibble(depth);
        while nibble < next {
            buffer[end] = 0x80;
            end += 1;
            nibble += 1;
        }
        let after = group_end(position, to, depth, count);
        if let Some(child) = buffer[end..].first_chunk_mut() {
            end += node::<H>(items, position, after, depth + 1, false, child);
        }
        nibble += 1;
        position = after;
    }
    // No further children, and no value.
    for _ in nibble..17 {
        buffer[end] = 0x80;
        end += 1;
    }
    let start = rlp::prepend_list_header(&mut buffer, PAYLOAD, end);
    refer::<H>(&Frame::EMPTY, &buffer[start..end], root, out)
}

/// A leaf: what is left of the key, and the item. The frame has at most 4 + 6 + 4 bytes.
#[inline]
fn leaf<H: Keccak>(key: Key, depth: u32, item: &[u8], root: bool, out: &mut Reference) -> usize {
    let own_encoding = rlp::is_own_encoding(item);
    let header = if own_encoding { 0 } else { rlp::header_len(item.len()) };
    let payload = path_len(key.len - depth) + header + item.len();
    let mut frame = Frame::EMPTY;
    push_header(0xc0, payload, rlp::header_len(payload), &mut frame);
    key.push_path(depth, key.len, true, &mut frame);
    if !own_encoding {
        push_header(0x80, item.len(), header, &mut frame);
    }
    refer::<H>(&frame, item, root, out)
}

/// Header of a string (`offset` 0x80) or list (0xc0) whose own length is known.
#[inline(always)]
fn push_header(offset: u8, len: usize, header_len: usize, out: &mut Frame) {
    if header_len == 1 {
        out.push(offset + len as u8);
    } else {
        out.push(offset + 54 + header_len as u8);
        out.push_big_endian(len as u64, header_len - 1);
    }
}

/// The reference of a node whose RLP is `frame` and then `rest`.
#[inline]
fn refer<H: Keccak>(frame: &Frame, rest: &[u8], root: bool, out: &mut Reference) -> usize {
    let len = frame.len() + rest.len();
    if len < 32 && !root {
        out[..frame.len()].copy_from_slice(frame.as_slice());
        out[frame.len()..len].copy_from_slice(rest);
        return len;
    }
    out[0] = 0xa0;
    out[1..].copy_from_slice(&H::hash(frame, rest));
    33
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_in_the_order_of_the_keys() {
        for count in [1, 2, 127, 128, 129, 300, 66_000] {
            let mut keys: Vec<u64> = (0..count).map(|position| Key::of(item_index(position, count)).nibbles).collect();
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{count} items");
            keys.dedup();
            assert_eq!(keys.len(), count);
        }
    }

    #[test]
    fn groups_are_those_of_equal_nibbles() {
        for count in [1, 2, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300, 4200, 65_536, 65_537, 66_100] {
            let key = |position| Key::of(item_index(position, count));
            // All positions that share the nibbles before `depth` with the first, as a node does.
            let mut nodes = vec![(0, count, 0)];
            while let Some((from, to, depth)) = nodes.pop() {
                if to - from == 1 {
                    continue;
                }
                let mut position = from;
                while position < to {
                    let nibble = key(position).nibble(depth);
                    let end = (position..to).find(|p| key(*p).nibble(depth) != nibble).unwrap_or(to);
                    assert_eq!(group_end(position, to, depth, count), end, "{count} items, {from}..{to} at {depth}");
                    nodes.push((position, end, depth + 1));
                    position = end;
                }
            }
        }
    }
}
