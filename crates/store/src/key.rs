//! Keys: fixed-length bytes whose order is the order of the values.

/// A table key. `LEN` is the same for all values, and comparing encodings compares values, so that ranges of keys are
/// ranges of bytes.
pub trait Key: Sized {
    /// Length of every encoding.
    const LEN: usize;

    /// Appends the `LEN` bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Decodes `LEN` bytes; `None` if they are not a key.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// The encoding by itself.
    fn to_key(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        self.write(&mut out);
        out
    }
}

/// A key whose encoding starts the encoding of `K`: the first parts of a tuple.
pub trait PrefixOf<K: Key>: Key {}

macro_rules! unsigned_keys {
    ($($int:ty),*) => {$(
        /// Big-endian.
        impl Key for $int {
            const LEN: usize = size_of::<$int>();

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(<$int>::from_be_bytes)
            }
        }
    )*};
}

unsigned_keys!(u8, u16, u32, u64);

impl<const N: usize> Key for [u8; N] {
    const LEN: usize = N;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

macro_rules! tuple_keys {
    ($($part:ident $index:tt),+) => {
        /// The parts one after the other: ordered by the first, then the second, …
        impl<$($part: Key),+> Key for ($($part,)+) {
            const LEN: usize = 0 $(+ $part::LEN)+;

            fn write(&self, out: &mut Vec<u8>) {
                $(self.$index.write(out);)+
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                if bytes.len() != Self::LEN {
                    return None;
                }
                let mut rest = bytes;
                let key = ($({
                    let (part, tail) = rest.split_at($part::LEN);
                    rest = tail;
                    $part::read(part)?
                },)+);
                debug_assert!(rest.is_empty());
                Some(key)
            }
        }
    };
}

tuple_keys!(A 0, B 1);
tuple_keys!(A 0, B 1, C 2);
tuple_keys!(A 0, B 1, C 2, D 3);

impl<A: Key, B: Key> PrefixOf<(A, B)> for A {}
impl<A: Key, B: Key, C: Key> PrefixOf<(A, B, C)> for A {}
impl<A: Key, B: Key, C: Key> PrefixOf<(A, B, C)> for (A, B) {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for A {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for (A, B) {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for (A, B, C) {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Full = (u64, [u8; 3], u16, u8);

    proptest! {
        #[test]
        fn keys_round_trip_and_keep_their_order(a in any::<Full>(), b in any::<Full>()) {
            let (x, y) = (a.to_key(), b.to_key());
            prop_assert_eq!(x.len(), <Full as Key>::LEN);
            prop_assert_eq!(Full::read(&x), Some(a));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert!(x.starts_with(&(a.0, a.1).to_key()));
        }

        #[test]
        fn bytes_of_another_length_are_no_key(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(Full::read(&bytes).is_some(), bytes.len() == <Full as Key>::LEN);
            prop_assert_eq!(u32::read(&bytes).is_some(), bytes.len() == 4);
        }
    }
}
