//! Integers in JSON as the Beacon API has them: written in quotes, read with or without.
//!
//! Unlike `ethereum_serde_utils`, negative integers may come unquoted too, because TOML files write them so.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

struct Quoted<T>(PhantomData<T>);

impl<T> Visitor<'_> for Quoted<T>
where
    T: FromStr + TryFrom<u64> + TryFrom<i64>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, quoted or not")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        // `FromStr` of integers takes a leading '+'; one value has one text here.
        if text.starts_with('+') {
            return Err(E::custom("an integer has no leading '+'"));
        }
        text.parse().map_err(|_| E::custom(format!("not an integer in range: {text:?}")))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::custom(format!("integer out of range: {value}")))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::custom(format!("integer out of range: {value}")))
    }
}

/// Writes the integer in quotes.
pub fn serialize<S: Serializer, T: Display>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads an integer, quoted or not.
pub fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr + TryFrom<u64> + TryFrom<i64>,
{
    deserializer.deserialize_any(Quoted(PhantomData))
}

/// Lists of integers: `["1", "2"]`.
pub mod list {
    pub use ssz_types::serde_utils::quoted_u64_var_list::{deserialize, serialize};
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Value(#[serde(with = "super")] i64);

    #[test]
    fn negative_integers_are_read_quoted_and_unquoted() {
        assert_eq!(serde_json::from_str::<Value>("\"-3\"").unwrap(), Value(-3));
        assert_eq!(serde_json::from_str::<Value>("-3").unwrap(), Value(-3));
        assert_eq!(serde_json::to_string(&Value(-3)).unwrap(), "\"-3\"");
    }

    #[test]
    fn out_of_range_and_decorated_integers_are_refused() {
        for text in ["\"9223372036854775808\"", "18446744073709551615", "\"+1\"", "\" 1\"", "\"\"", "1.5"] {
            serde_json::from_str::<Value>(text).unwrap_err();
        }
    }
}
