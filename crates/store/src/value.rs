//! How a value lies in sled: whole if it is short, else cut into pieces under neighbouring keys.
//!
//! sled keeps up to 16 entries in a page and writes a page beyond 128 KiB to a side file that it does not sync. With
//! entries of little more than 4 KiB pages stay below that, so everything goes through the log.
//!
//! The first byte of each stored entry says what it is:
//!
//! | byte | entry | key | rest of the entry |
//! | --- | --- | --- | --- |
//! | 0 | a whole value | key | value |
//! | 1 | the first piece | key | id (8 bytes), length of the value (4 bytes, big-endian), first 4 KiB |
//! | 2 | a further piece | key ‖ number (4 bytes, big-endian, from 1) | id, next 4 KiB |
//!
//! The id is fresh for each write. A reader that meets pieces with different ids has raced a writer and reads again.

use sled::IVec;

/// Longest value taken.
pub const MAX_VALUE_BYTES: usize = 1 << 30;

/// Bytes of a value in one entry.
const PIECE: usize = 4096;
const WHOLE: u8 = 0;
const FIRST: u8 = 1;
const FURTHER: u8 = 2;
const ID_LEN: usize = 8;

/// One entry to be stored.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// Why stored entries are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Pieces of different writes, or a piece missing: a race, or damage if it stays.
    Torn,
    /// Bytes that nothing here writes.
    Malformed,
}

/// The key of the entry with a number; 0 is the value's own key.
fn piece_key(key: &[u8], number: u32) -> Vec<u8> {
    let mut out = key.to_vec();
    if number > 0 {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out
}

/// Cuts a value into entries. `value` is at most [`MAX_VALUE_BYTES`] long.
pub(crate) fn entries(key: &[u8], value: &[u8], id: u64) -> Vec<Entry> {
    if value.len() <= PIECE {
        return vec![(key.to_vec(), [&[WHOLE], value].concat())];
    }
    let (first, rest) = value.split_at(PIECE);
    let (id, len) = (id.to_be_bytes(), (value.len() as u32).to_be_bytes());
    let first = (key.to_vec(), [&[FIRST], &id[..], &len, first].concat());
    let further = rest.chunks(PIECE).zip(1..);
    let further = further.map(|(piece, number)| (piece_key(key, number), [&[FURTHER], &id[..], piece].concat()));
    std::iter::once(first).chain(further).collect()
}

/// Whether an entry belongs to the value of an earlier key.
pub(crate) fn is_further_piece(entry: &[u8]) -> bool {
    entry.first() == Some(&FURTHER)
}

/// How many further entries belong to the value that starts with this one.
fn further_pieces(entry: &[u8]) -> u32 {
    match split_first(entry) {
        Some((_, len, _)) => len.saturating_sub(PIECE).div_ceil(PIECE) as u32,
        None => 0,
    }
}

/// All keys that hold a value, given the entry at its own key.
pub(crate) fn keys_of(key: &[u8], entry: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..=further_pieces(entry)).map(move |number| piece_key(key, number))
}

/// Id, length of the whole value, first piece.
fn split_first(entry: &[u8]) -> Option<(&[u8], usize, &[u8])> {
    let (&tag, rest) = entry.split_first()?;
    if tag != FIRST || rest.len() < ID_LEN + 4 {
        return None;
    }
    let (id, rest) = rest.split_at(ID_LEN);
    let (len, piece) = rest.split_at(4);
    let len = u32::from_be_bytes(len.try_into().ok()?) as usize;
    (len <= MAX_VALUE_BYTES).then_some((id, len, piece))
}

/// Puts a value together. `entry` is what lies at `key`, `get` fetches other entries.
pub(crate) fn assemble<E>(
    key: &[u8],
    entry: &[u8],
    mut get: impl FnMut(&[u8]) -> Result<Option<IVec>, E>,
) -> Result<Result<Vec<u8>, Fault>, E> {
    if let Some((&WHOLE, value)) = entry.split_first() {
        return Ok(Ok(value.to_vec()));
    }
    let Some((id, len, first)) = split_first(entry) else {
        return Ok(Err(Fault::Malformed));
    };
    let mut value = first.to_vec();
    for number in 1..=further_pieces(entry) {
        let piece = get(&piece_key(key, number))?;
        let piece = piece.as_deref().and_then(|piece| piece.strip_prefix(&[FURTHER]));
        match piece.and_then(|piece| piece.strip_prefix(id)) {
            Some(piece) => value.extend_from_slice(piece),
            None => return Ok(Err(Fault::Torn)),
        }
    }
    Ok(if value.len() == len { Ok(value) } else { Err(Fault::Malformed) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::BTreeMap, convert::Infallible};

    fn read(stored: &BTreeMap<Vec<u8>, Vec<u8>>, key: &[u8]) -> Result<Vec<u8>, Fault> {
        let get = |key: &[u8]| Ok::<_, Infallible>(stored.get(key).map(|entry| entry.as_slice().into()));
        assemble(key, &stored[key], get).unwrap()
    }

    proptest! {
        #[test]
        fn values_of_every_length_survive(
            key in prop::collection::vec(any::<u8>(), 0..9), len in 0usize..20_000, seed in any::<u8>(),
        ) {
            let value: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let entries = entries(&key, &value, 7);
            prop_assert!(entries.iter().all(|(_, entry)| entry.len() <= PIECE + 13));
            prop_assert!(entries.is_sorted());
            let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(keys_of(&key, &entries[0].1).collect::<Vec<_>>(), keys);
            prop_assert_eq!(read(&entries.into_iter().collect(), &key), Ok(value));
        }

        #[test]
        fn arbitrary_entries_are_values_or_faults(entry in prop::collection::vec(any::<u8>(), 0..40)) {
            let none = |_: &[u8]| Ok::<_, Infallible>(None);
            let _ = assemble(b"key", &entry, none);
        }
    }

    #[test]
    fn lengths_at_the_seams_survive() {
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1, 3 * PIECE] {
            let value = vec![9; len];
            let stored = entries(b"k", &value, 1);
            assert_eq!(stored.len(), len.div_ceil(PIECE).max(1), "{len}");
            assert_eq!(read(&stored.into_iter().collect(), b"k"), Ok(value), "{len}");
        }
    }

    #[test]
    fn pieces_of_two_writes_are_torn() {
        let mut stored: BTreeMap<_, _> = entries(b"k", &[1; 3 * PIECE], 1).into_iter().collect();
        let other = entries(b"k", &[2; 3 * PIECE], 2);
        stored.insert(other[1].0.clone(), other[1].1.clone());
        assert_eq!(read(&stored, b"k"), Err(Fault::Torn));
        stored.remove(&other[1].0);
        assert_eq!(read(&stored, b"k"), Err(Fault::Torn));
    }
}
