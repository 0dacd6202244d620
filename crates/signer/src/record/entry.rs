//! One entry of the log: 192 bytes, with a checksum of its own.
//!
//! ```text
//! 0    4   "QSR" and version 1
//! 4    1   1: signed, 2: floor
//! 5    1   phase, 1 to 5
//! 6    1   kind of message
//! 7    1   attempt of the job
//! 8    2   position in the flush
//! 10   2   entries of the flush
//! 12   2   sub-block of the job
//! 14   2   zero
//! 16   4   round
//! 20   8   number of the flush
//! 28   8   slot of the job, or the floor
//! 36   32  block root of the job
//! 68   48  public key
//! 116  32  object root
//! 148  32  domain
//! 180  12  SHA-256 of all before, shortened
//! ```
//! Integers are little-endian; what a floor does not need is zero.

use quintet_types::{Domain, JobId, Phase, PublicKeyBytes, Root, Slot};
use sha2::{Digest, Sha256};

use crate::{PhaseMessage, Turn};

/// Length of an entry.
pub(super) const ENTRY_BYTES: usize = 192;
const CHECKED: usize = 180;
const MAGIC: [u8; 4] = *b"QSR\x01";

/// What was signed for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// Root of the object.
    pub object_root: Root,
    /// The domain.
    pub domain: Domain,
}

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A key signs something for a turn.
    Signed(PublicKeyBytes, Turn, Signed),
    /// Nothing is signed for slots before this one any more.
    Floor(Slot),
}

/// An entry and its place among those that were flushed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of the flush.
    pub(super) flush: u64,
    /// Position in it.
    pub(super) position: u16,
    /// How many it has.
    pub(super) count: u16,
    /// What it says.
    pub(super) content: Content,
}

impl Entry {
    pub(super) fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut out = [0; ENTRY_BYTES];
        out[..4].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&self.position.to_le_bytes());
        out[10..12].copy_from_slice(&self.count.to_le_bytes());
        out[20..28].copy_from_slice(&self.flush.to_le_bytes());
        match &self.content {
            Content::Floor(slot) => {
                out[4] = 2;
                out[28..36].copy_from_slice(&slot.0.to_le_bytes());
            }
            Content::Signed(pubkey, Turn { job, phase, round, kind }, signed) => {
                out[4..8].copy_from_slice(&[1, phase.number(), kind.number(), job.attempt]);
                out[12..14].copy_from_slice(&job.sub_block.to_le_bytes());
                out[16..20].copy_from_slice(&round.to_le_bytes());
                out[28..36].copy_from_slice(&job.slot.0.to_le_bytes());
                out[36..68].copy_from_slice(job.block_root.as_slice());
                out[68..116].copy_from_slice(pubkey.as_slice());
                out[116..148].copy_from_slice(signed.object_root.as_slice());
                out[148..180].copy_from_slice(signed.domain.as_slice());
            }
        }
        let checksum = Sha256::digest(&out[..CHECKED]);
        out[CHECKED..].copy_from_slice(&checksum[..ENTRY_BYTES - CHECKED]);
        out
    }

    /// `None` for anything that [`Self::encode`] does not make.
    pub(super) fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let checksum = Sha256::digest(&bytes[..CHECKED]);
        if bytes[..4] != MAGIC || bytes[CHECKED..] != checksum[..ENTRY_BYTES - CHECKED] {
            return None;
        }
        let u16_at = |at: usize| Some(u16::from_le_bytes(*bytes[at..].first_chunk()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(*bytes[at..].first_chunk()?));
        let root_at = |at: usize| bytes[at..].first_chunk::<32>().map(Root::from);
        let slot = Slot(u64_at(28)?);
        let content = match bytes[4] {
            1 => {
                let job = JobId { slot, block_root: root_at(36)?, sub_block: u16_at(12)?, attempt: bytes[7] };
                let phase = Phase::from_number(bytes[5].into()).ok()?;
                let kind = PhaseMessage::from_number(bytes[6])?;
                let round = u32::from_le_bytes(*bytes[16..].first_chunk()?);
                let pubkey = bytes[68..].first_chunk::<48>().map(PublicKeyBytes::from)?;
                let signed = Signed { object_root: root_at(116)?, domain: root_at(148)? };
                Content::Signed(pubkey, Turn { job, phase, round, kind }, signed)
            }
            2 => Content::Floor(slot),
            _ => return None,
        };
        let entry = Self { flush: u64_at(20)?, position: u16_at(8)?, count: u16_at(10)?, content };
        (entry.position < entry.count && entry.encode() == *bytes).then_some(entry)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        pub(crate) fn any_signed()(
            pubkey in any::<[u8; 48]>(), slot in any::<u64>(), block in any::<[u8; 32]>(), sub_block in any::<u16>(), attempt in any::<u8>(),
            phase in 1u64..=5, kind in 1u8..=3, round in any::<u32>(), object in any::<[u8; 32]>(), domain in any::<[u8; 32]>(),
        ) -> Content {
            let job = JobId { slot: Slot(slot), block_root: block.into(), sub_block, attempt };
            let (phase, kind) = (Phase::from_number(phase).unwrap(), PhaseMessage::from_number(kind).unwrap());
            let signed = Signed { object_root: object.into(), domain: domain.into() };
            Content::Signed(pubkey.into(), Turn { job, phase, round, kind }, signed)
        }
    }

    proptest! {
        #[test]
        fn entries_read_back(content in any_signed(), flush: u64, position in 0u16..99, more in 1u16..99) {
            let entry = Entry { flush, position, count: position + more, content };
            prop_assert_eq!(Entry::decode(&entry.encode()), Some(entry));
        }

        #[test]
        fn any_changed_bit_is_noticed(content in any_signed(), bit in 0..ENTRY_BYTES * 8) {
            let mut bytes = Entry { flush: 1, position: 0, count: 1, content }.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Entry::decode(&bytes), None);
        }
    }

    #[test]
    fn floors_read_back_and_zeros_do_not() {
        let entry = Entry { flush: 7, position: 0, count: 1, content: Content::Floor(Slot(99)) };
        assert_eq!(Entry::decode(&entry.encode()), Some(entry));
        assert_eq!(Entry::decode(&[0; ENTRY_BYTES]), None);
    }
}
