//! The five phases, T1 to T5.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssz::{Decode, DecodeError, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

use crate::TypesError;

/// A phase of a job. SSZ: one byte, 1 to 5. JSON: `"T1"` to `"T5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Challenge commitment.
    T1,
    /// Partial proof submission.
    T2,
    /// Full proof aggregation.
    T3,
    /// First fall-back aggregation.
    T4,
    /// Second fall-back aggregation.
    T5,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 5] = [Self::T1, Self::T2, Self::T3, Self::T4, Self::T5];

    /// 1 for T1, …, 5 for T5.
    pub const fn number(self) -> u8 {
        match self {
            Self::T1 => 1,
            Self::T2 => 2,
            Self::T3 => 3,
            Self::T4 => 4,
            Self::T5 => 5,
        }
    }

    /// The phase with this number.
    ///
    /// # Errors
    /// If the number is not 1 to 5.
    pub const fn from_number(number: u64) -> Result<Self, TypesError> {
        match number {
            1 => Ok(Self::T1),
            2 => Ok(Self::T2),
            3 => Ok(Self::T3),
            4 => Ok(Self::T4),
            5 => Ok(Self::T5),
            other => Err(TypesError::UnknownPhase(other)),
        }
    }

    /// The phase that follows, if any.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::T1 => Some(Self::T2),
            Self::T2 => Some(Self::T3),
            Self::T3 => Some(Self::T4),
            Self::T4 => Some(Self::T5),
            Self::T5 => None,
        }
    }

    /// Whether full proofs are put together from partial proofs here: T3, T4 and T5.
    pub const fn is_aggregation(self) -> bool {
        matches!(self, Self::T3 | Self::T4 | Self::T5)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}", self.number())
    }
}

impl FromStr for Phase {
    type Err = TypesError;

    fn from_str(text: &str) -> Result<Self, TypesError> {
        let digits = text.strip_prefix(['T', 't']).unwrap_or(text);
        Self::from_number(digits.parse().unwrap_or(0))
    }
}

impl Encode for Phase {
    fn is_ssz_fixed_len() -> bool {
        true
    }

    fn ssz_fixed_len() -> usize {
        1
    }

    fn ssz_bytes_len(&self) -> usize {
        1
    }

    fn ssz_append(&self, buf: &mut Vec<u8>) {
        buf.push(self.number());
    }
}

impl Decode for Phase {
    fn is_ssz_fixed_len() -> bool {
        true
    }

    fn ssz_fixed_len() -> usize {
        1
    }

    fn from_ssz_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let number = u8::from_ssz_bytes(bytes)?;
        Self::from_number(number.into()).map_err(|e| DecodeError::BytesInvalid(e.to_string()))
    }
}

impl TreeHash for Phase {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::Basic
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        self.number().tree_hash_packed_encoding()
    }

    fn tree_hash_packing_factor() -> usize {
        u8::tree_hash_packing_factor()
    }

    fn tree_hash_root(&self) -> Hash256 {
        self.number().tree_hash_root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other_and_end_with_t5() {
        let mut phase = Phase::T1;
        let mut seen = vec![phase];
        while let Some(next) = phase.next() {
            phase = next;
            seen.push(phase);
        }
        assert_eq!(seen, Phase::ALL);
    }

    #[test]
    fn only_one_to_five_decode() {
        for byte in 0..=255u8 {
            let decoded = Phase::from_ssz_bytes(&[byte]);
            assert_eq!(decoded.is_ok(), (1..=5).contains(&byte));
            if let Ok(phase) = decoded {
                assert_eq!(phase.as_ssz_bytes(), [byte]);
                assert_eq!(phase.to_string().parse(), Ok(phase));
            }
        }
        assert!(Phase::from_ssz_bytes(&[]).is_err());
        assert!("T6".parse::<Phase>().is_err());
    }
}
