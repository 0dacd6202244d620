//! Byte lists: what proofs and points travel in.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::{VariableList, typenum::Unsigned};
use tree_hash::{BYTES_PER_CHUNK, Hash256, PackedEncoding, TreeHash, TreeHashType, merkle_root, mix_in_length};

/// `List[byte, N]`. JSON: hex. As a list of the SSZ library, but hashed in chunks and not byte by byte, which takes most of the time that a
/// submission may take.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(transparent, bound = "N: Unsigned")]
#[ssz(struct_behaviour = "transparent")]
pub struct ByteList<N: Unsigned>(#[serde(with = "ssz_types::serde_utils::hex_var_list")] VariableList<u8, N>);

impl<N: Unsigned> Deref for ByteList<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<N: Unsigned> DerefMut for ByteList<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<N: Unsigned> TryFrom<Vec<u8>> for ByteList<N> {
    type Error = ssz_types::Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        VariableList::new(bytes).map(Self)
    }
}

impl<N: Unsigned> TreeHash for ByteList<N> {
    fn tree_hash_type() -> TreeHashType {
        TreeHashType::List
    }

    fn tree_hash_packed_encoding(&self) -> PackedEncoding {
        unreachable!("a list is never packed")
    }

    fn tree_hash_packing_factor() -> usize {
        unreachable!("a list is never packed")
    }

    fn tree_hash_root(&self) -> Hash256 {
        mix_in_length(&merkle_root(&self.0, N::to_usize().div_ceil(BYTES_PER_CHUNK)), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use ssz_types::typenum::{U5, U32, U64, U96, U32768};

    use super::*;

    fn check<N: Unsigned>() {
        for length in [0, 1, 5, 31, 32, 33, 63, 64, 65, 96, 1000, 32_768] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7 + 1) as u8).collect();
            let library = VariableList::<u8, N>::new(bytes.clone());
            let ours = ByteList::<N>::try_from(bytes);
            assert_eq!(ours.is_ok(), library.is_ok(), "{length} of {}", N::to_usize());
            if let (Ok(ours), Ok(library)) = (ours, library) {
                assert_eq!(ours.tree_hash_root(), library.tree_hash_root(), "{length} of {}", N::to_usize());
            }
        }
    }

    #[test]
    fn roots_and_limits_are_those_of_the_ssz_librarys_lists() {
        check::<U5>();
        check::<U32>();
        check::<U64>();
        check::<U96>();
        check::<U32768>();
    }

    #[test]
    fn json_is_hex() {
        let list = ByteList::<U5>::try_from(vec![1, 255]).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), r#""0x01ff""#);
        assert_eq!(serde_json::from_str::<ByteList<U5>>(r#""0x01ff""#).unwrap(), list);
        assert!(serde_json::from_str::<ByteList<U5>>(r#""0x010203040506""#).is_err());
    }
}
