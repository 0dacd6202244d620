//! Root of the Merkle-Patricia trie of a list: key RLP(i), value item i (yellow paper, appendix D).
//!
//! The keys are known in advance, so the trie is never built: the sorted positions are split by nibbles, recursively,
//! and each node is hashed as soon as its children are. Keys are prefix-free, so no branch has a value. Leaves hash
//! their item where it lies.

use crate::keccak::Keccak;
use crate::rlp::{self, Writer};

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

    /// The bytes of item `i`, which may be written into `scratch`.
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
    /// The key at a sorted position among `count`.
    #[inline]
    const fn at(position: usize, count: usize) -> Self {
        let i = item_index(position, count) as u64;
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

    /// The nibbles from `from` up to `to` in hex-prefix form (appendix C), as an RLP string.
    #[inline]
    fn write_path(self, from: u32, to: u32, leaf: bool, out: &mut Writer<'_>) {
        let flag = if leaf { 0x20 } else { 0 };
        let mut at = from;
        let bytes = 1 + (to - from) / 2;
        if bytes > 1 {
            out.byte(0x80 + bytes as u8);
        }
        if (to - from) % 2 == 1 {
            out.byte(flag | 0x10 | self.nibble(at));
            at += 1;
        } else {
            out.byte(flag);
        }
        while at < to {
            out.byte(self.nibble(at) << 4 | self.nibble(at + 1));
            at += 2;
        }
    }
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

/// Writes the reference of the node over the sorted positions `from..to`, whose keys agree up to `depth`; gives its
/// length. The root is hashed however short it is.
fn node<H: Keccak>(items: &impl Items, from: usize, to: usize, depth: u32, root: bool, out: &mut Reference) -> usize {
    let count = items.len();
    let first = Key::at(from, count);
    if to - from == 1 {
        let mut scratch = [0; 64];
        let item = items.item(item_index(from, count), &mut scratch);
        return leaf::<H>(first, depth, item, root, out);
    }
    let fork = first.fork(Key::at(to - 1, count), depth);
    if fork == depth {
        return branch::<H>(items, from, to, depth, root, out);
    }
    // Extension: the path, then the branch's reference.
    let mut child = [0; 33];
    let child_len = branch::<H>(items, from, to, fork, false, &mut child);
    let mut buffer = [0; 48];
    let mut writer = Writer::new(&mut buffer, 3);
    first.write_path(depth, fork, false, &mut writer);
    writer.raw(&child[..child_len]);
    let end = writer.position();
    let start = rlp::prepend_list_header(&mut buffer, 3, end);
    refer::<H>(&buffer[start..end], &[], root, out)
}

/// A branch over at least two positions whose keys differ at `depth`.
fn branch<H: Keccak>(items: &impl Items, from: usize, to: usize, depth: u32, root: bool, out: &mut Reference) -> usize {
    const PAYLOAD: usize = 3;
    let mut buffer = [0x80; PAYLOAD + 16 * 33 + 1];
    let count = items.len();
    let mut end = PAYLOAD;
    let mut position = from;
    for nibble in 0..16 {
        let start = position;
        while position < to && Key::at(position, count).nibble(depth) == nibble {
            position += 1;
        }
        if position == start {
            buffer[end] = 0x80;
            end += 1;
        } else if let Some(child) = buffer[end..].first_chunk_mut() {
            end += node::<H>(items, start, position, depth + 1, false, child);
        }
    }
    buffer[end] = 0x80; // no value
    end += 1;
    let start = rlp::prepend_list_header(&mut buffer, PAYLOAD, end);
    refer::<H>(&buffer[start..end], &[], root, out)
}

/// A leaf: what is left of the key, and the item.
fn leaf<H: Keccak>(key: Key, depth: u32, item: &[u8], root: bool, out: &mut Reference) -> usize {
    // List header, path and string header: at most 9 + 6 + 9 bytes.
    const PATH: usize = 9;
    let mut frame = [0; 24];
    let mut writer = Writer::new(&mut frame, PATH);
    key.write_path(depth, key.len, true, &mut writer);
    let path_len = writer.position() - PATH;
    if !rlp::is_own_encoding(item) {
        writer.header(0x80, item.len());
    }
    let frame_end = writer.position();
    let payload = path_len + rlp::string_len(item);
    let start = PATH - rlp::header_len(payload);
    Writer::new(&mut frame, start).header(0xc0, payload);
    refer::<H>(&frame[start..frame_end], item, root, out)
}

/// The reference of a node whose RLP is `first` and then `second`.
#[inline]
fn refer<H: Keccak>(first: &[u8], second: &[u8], root: bool, out: &mut Reference) -> usize {
    let len = first.len() + second.len();
    if len < 32 && !root {
        out[..first.len()].copy_from_slice(first);
        out[first.len()..len].copy_from_slice(second);
        return len;
    }
    out[0] = 0xa0;
    out[1..].copy_from_slice(&H::hash(first, second));
    33
}
