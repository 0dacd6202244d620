//! The name of a job: which block, which part of it, which attempt.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::{Root, Slot, TypesError};

/// Names one job. The hash tree root of it is the `job_root` in submission headers.
///
/// The text form, used in paths and logs, is `slot-0xblock_root-sub_block-attempt`.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode, TreeHash,
)]
pub struct JobId {
    /// Slot of the block that is proven.
    pub slot: Slot,
    /// Root of the block that is proven.
    pub block_root: Root,
    /// 0 unless the block is split; [`JobId::AGGREGATION`] for the proof that joins the sub-blocks.
    #[serde(with = "crate::quoted")]
    pub sub_block: u16,
    /// 0 for the first attempt.
    #[serde(with = "crate::quoted")]
    pub attempt: u8,
}

impl JobId {
    /// The `sub_block` of the job that joins all sub-blocks of a block (AggProof).
    pub const AGGREGATION: u16 = u16::MAX;

    /// The first attempt at a whole block.
    pub const fn new(slot: Slot, block_root: Root) -> Self {
        Self { slot, block_root, sub_block: 0, attempt: 0 }
    }

    /// `job_root` of submission headers.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }

    /// The same block and part, next attempt; `None` after attempt 255.
    pub fn next_attempt(&self) -> Option<Self> {
        Some(Self { attempt: self.attempt.checked_add(1)?, ..*self })
    }

    /// The first attempt at the same block and part.
    #[must_use]
    pub const fn first_attempt(&self) -> Self {
        Self { slot: self.slot, block_root: self.block_root, sub_block: self.sub_block, attempt: 0 }
    }

    /// Whether this is the job that joins sub-blocks.
    pub const fn is_aggregation(&self) -> bool {
        self.sub_block == Self::AGGREGATION
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.slot, self.block_root, self.sub_block, self.attempt)
    }
}

impl FromStr for JobId {
    type Err = TypesError;

    fn from_str(text: &str) -> Result<Self, TypesError> {
        let malformed = || TypesError::MalformedJobId(text.chars().take(120).collect());
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or_else(malformed);
        let slot = next()?.parse().map_err(|_| malformed())?;
        let block_root = next()?.parse().map_err(|_| malformed())?;
        let sub_block = next()?.parse().map_err(|_| malformed())?;
        let attempt = next()?.parse().map_err(|_| malformed())?;
        let id = Self { slot, block_root, sub_block, attempt };
        // One job has one text: no leading zeros, signs or missing 0x.
        if id.to_string() == text { Ok(id) } else { Err(malformed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_unique() {
        let id = JobId { slot: Slot(7), block_root: Root::repeat_byte(0xab), sub_block: 2, attempt: 1 };
        let text = id.to_string();
        assert_eq!(text, format!("7-0x{}-2-1", "ab".repeat(32)));
        assert_eq!(text.parse(), Ok(id));
        for wrong in [
            format!("07-0x{}-2-1", "ab".repeat(32)),
            format!("7-{}-2-1", "ab".repeat(32)),
            format!("7-0x{}-2-1-0", "ab".repeat(32)),
            format!("7-0x{}-2-256", "ab".repeat(32)),
            format!("+7-0x{}-2-1", "ab".repeat(32)),
            String::new(),
        ] {
            assert!(wrong.parse::<JobId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_field_enters_the_root() {
        let base = JobId { slot: Slot(7), block_root: Root::repeat_byte(1), sub_block: 0, attempt: 0 };
        let others = [
            JobId { slot: Slot(8), ..base },
            JobId { block_root: Root::repeat_byte(2), ..base },
            JobId { sub_block: 1, ..base },
            JobId { attempt: 1, ..base },
        ];
        for other in others {
            assert_ne!(base.root(), other.root());
        }
    }
}
