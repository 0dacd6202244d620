//! The ordered trie against alloy-trie: all list lengths around the places where keys get longer, all item lengths.

use alloy_trie::root::ordered_trie_root_encoded;
use quintet_payload::SoftKeccak;
use quintet_payload::trie::{Items, Scratch, ordered_root};

struct List(Vec<Vec<u8>>);

impl Items for List {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item<'a>(&'a self, i: usize, _scratch: &'a mut Scratch) -> &'a [u8] {
        &self.0[i]
    }
}

fn agree(items: Vec<Vec<u8>>) {
    let expected = ordered_trie_root_encoded(&items);
    let (len, first) = (items.len(), items.first().cloned());
    assert_eq!(ordered_root::<SoftKeccak>(&List(items)), expected.0, "{len} items, the first {first:?}");
}

/// Item `i` of a list whose items have about `len` bytes.
fn item(i: usize, len: usize) -> Vec<u8> {
    (0..len.max(1) + i % 3).map(|j| (i * 7 + j * 13 + i / 256) as u8).collect()
}

/// Short lists, and those around the lengths at which keys get longer.
fn counts() -> impl Iterator<Item = usize> {
    (0..=34).chain(125..=131).chain(142..=146).chain(254..=259)
}

#[test]
fn short_lists_agree() {
    for count in counts() {
        agree((0..count).map(|i| item(i, 40)).collect());
    }
}

#[test]
fn lists_of_tiny_items_agree_where_nodes_are_inlined_in_their_parents() {
    for count in counts() {
        for len in [1, 28, 29, 30] {
            agree((0..count).map(|i| item(i, len)).collect());
        }
    }
}

#[test]
fn items_that_are_their_own_encoding_agree() {
    for count in [1, 2, 17, 130] {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            agree(vec![vec![byte]; count]);
        }
    }
}

#[test]
fn long_lists_agree() {
    for count in [4096, 4097, 65_537] {
        agree((0..count).map(|i| item(i, 3)).collect());
    }
}

#[test]
fn items_of_every_header_length_agree() {
    for len in [1, 31, 32, 33, 54, 55, 56, 57, 253, 254, 255, 256, 257, 65_533, 65_534, 65_535, 65_536, 70_000] {
        agree(vec![item(1, len)]);
        agree(vec![item(0, len), item(3, len), item(4, 9)]);
    }
}
