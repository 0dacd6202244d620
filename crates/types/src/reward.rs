//! Amounts: integers in 10⁻⁹ of the unit that the source's table is written in.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssz::{Decode, DecodeError, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

/// How many [`Reward`] steps make one unit of the source's table.
pub const REWARD_SCALE: i64 = 1_000_000_000;

/// One reward (positive) or penalty (negative), in 10⁻⁹ units. SSZ: the 64 bits in two's complement.
///
/// Arithmetic saturates. No rule of the protocol comes near the bounds (9·10⁹ units in one entry), and a
/// saturated amount is the same on every machine, which a panic or a wrap in one build profile is not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reward(#[serde(with = "crate::quoted")] pub i64);

/// A sum of rewards over many jobs, in 10⁻⁹ units. SSZ: 128 bits in two's complement.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Balance(#[serde(with = "crate::quoted")] pub i128);

impl Reward {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many whole units of the source's table.
    pub const fn from_units(units: i64) -> Self {
        Self(units.saturating_mul(REWARD_SCALE))
    }

    /// `self × count / of`, rounded towards minus infinity ("floor division"); nothing if `of` is 0.
    ///
    /// Rounding down for penalties too means that no sum of parts exceeds the whole.
    #[must_use]
    pub const fn share(self, count: u64, of: u64) -> Self {
        if of == 0 {
            return Self::ZERO;
        }
        let quotient = (self.0 as i128 * count as i128).div_euclid(of as i128);
        Self(saturate(quotient))
    }

    /// `self × count`.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(saturate(self.0 as i128 * count as i128))
    }

    /// Whether nothing is paid or taken.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

const fn saturate(value: i128) -> i64 {
    if value > i64::MAX as i128 {
        i64::MAX
    } else if value < i64::MIN as i128 {
        i64::MIN
    } else {
        value as i64
    }
}

impl Add for Reward {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Reward {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Reward {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

/// Units with up to nine decimals, no exponent: `-1.5`.
fn write_units(f: &mut fmt::Formatter<'_>, value: i128) -> fmt::Result {
    let scale = u128::from(REWARD_SCALE.unsigned_abs());
    let (units, rest) = (value.unsigned_abs() / scale, value.unsigned_abs() % scale);
    let sign = if value < 0 { "-" } else { "" };
    if rest == 0 {
        return f.pad(&format!("{sign}{units}"));
    }
    f.pad(format!("{sign}{units}.{rest:09}").trim_end_matches('0'))
}

/// What amounts of both widths have in common: their text, and SSZ as the integer's bits in two's complement, little-endian.
macro_rules! amounts {
    ($($amount:ident($integer:ty)),*) => {$(
        impl fmt::Display for $amount {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_units(f, self.0.into())
            }
        }

        impl Encode for $amount {
            fn is_ssz_fixed_len() -> bool {
                true
            }

            fn ssz_fixed_len() -> usize {
                size_of::<$integer>()
            }

            fn ssz_bytes_len(&self) -> usize {
                size_of::<$integer>()
            }

            fn ssz_append(&self, buf: &mut Vec<u8>) {
                buf.extend_from_slice(&self.0.to_le_bytes());
            }
        }

        impl Decode for $amount {
            fn is_ssz_fixed_len() -> bool {
                true
            }

            fn ssz_fixed_len() -> usize {
                size_of::<$integer>()
            }

            fn from_ssz_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
                let (len, expected) = (bytes.len(), size_of::<$integer>());
                let bytes = bytes.try_into().map_err(|_| DecodeError::InvalidByteLength { len, expected })?;
                Ok(Self(<$integer>::from_le_bytes(bytes)))
            }
        }

        impl AddAssign<Reward> for $amount {
            fn add_assign(&mut self, reward: Reward) {
                self.0 = self.0.saturating_add(reward.0.into());
            }
        }

        impl Sum<Reward> for $amount {
            fn sum<I: Iterator<Item = Reward>>(iter: I) -> Self {
                iter.fold(Self(0), |mut total, reward| {
                    total += reward;
                    total
                })
            }
        }
    )*};
}

amounts!(Reward(i64), Balance(i128));

/// Reads what [`fmt::Display`] writes: units with up to nine decimals.
impl FromStr for Reward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not an amount in units: {text:?}");
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (units, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !is_number(units) || !is_number(decimals) || decimals.len() > 9 {
            return Err(wrong());
        }
        let whole: i128 = format!("{units}{decimals:0<9}").parse().map_err(|_| wrong())?;
        i64::try_from(sign * whole).map(Self).map_err(|_| wrong())
    }
}

impl TreeHash for Reward {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::Basic
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        self.0.cast_unsigned().tree_hash_packed_encoding()
    }

    fn tree_hash_packing_factor() -> usize {
        u64::tree_hash_packing_factor()
    }

    fn tree_hash_root(&self) -> Hash256 {
        self.0.cast_unsigned().tree_hash_root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_down_also_below_zero() {
        assert_eq!(Reward(10).share(1, 3), Reward(3));
        assert_eq!(Reward(-10).share(1, 3), Reward(-4));
        assert_eq!(Reward(10).share(0, 3), Reward::ZERO);
        assert_eq!(Reward(10).share(5, 0), Reward::ZERO);
        assert_eq!(Reward(i64::MAX).share(u64::MAX, 1), Reward(i64::MAX));
    }

    #[test]
    fn amounts_print_in_units_and_read_back() {
        for (amount, text) in [
            (Reward::from_units(9000), "9000"),
            (Reward(-1_500_000_000), "-1.5"),
            (Reward(1), "0.000000001"),
            (Reward(-1), "-0.000000001"),
            (Reward(i64::MIN), "-9223372036.854775808"),
        ] {
            assert_eq!(amount.to_string(), text);
            assert_eq!(text.parse(), Ok(amount));
        }
        for wrong in ["", "-", "1.", ".5", "1e3", "1.0000000001", "+1", "9223372037"] {
            assert!(wrong.parse::<Reward>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn negative_amounts_survive_ssz() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(Reward::from_ssz_bytes(&Reward(value).as_ssz_bytes()), Ok(Reward(value)));
            let balance = Balance(i128::from(value) * 4);
            assert_eq!(Balance::from_ssz_bytes(&balance.as_ssz_bytes()), Ok(balance));
        }
    }
}
