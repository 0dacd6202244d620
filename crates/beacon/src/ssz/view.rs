//! Reads fields of a checked value by name, without copying it.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};

use super::bytes::{elements, fields};
use super::{SszError, SszFault, SszType, check, root};

/// A serialised value together with its type.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    ty: &'a SszType,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// Checks `bytes` against `ty`.
    ///
    /// # Errors
    /// When `bytes` are not one canonical value of `ty`.
    pub fn new(ty: &'a SszType, bytes: &'a [u8]) -> Result<Self, SszError> {
        check(ty, bytes)?;
        Ok(Self { ty, bytes })
    }

    /// The field `name` of a container.
    ///
    /// # Errors
    /// When the type has no such field.
    pub fn field(&self, name: &'static str) -> Result<Self, SszError> {
        self.find(name)?.ok_or_else(|| SszError::new(SszFault::Missing).at(name))
    }

    /// The field `name`, or `None` when the type of this fork does not have it.
    ///
    /// # Errors
    /// When this is not a container.
    pub fn find(&self, name: &'static str) -> Result<Option<Self>, SszError> {
        let SszType::Container(container) = self.ty else { return Err(SszFault::Json("a container").into()) };
        let Some(index) = container.fields.iter().position(|(field, _)| *field == name) else { return Ok(None) };
        let bytes = fields(self.ty, self.bytes)?[index];
        Ok(Some(Self { ty: &container.fields[index].1, bytes }))
    }

    /// The elements of a list or vector.
    ///
    /// # Errors
    /// When this is neither.
    pub fn items(&self) -> Result<Vec<Self>, SszError> {
        let (SszType::List(element, _) | SszType::Vector(element, _)) = self.ty else {
            return Err(SszFault::Json("a list").into());
        };
        Ok(elements(self.ty, self.bytes)?.into_iter().map(|bytes| Self { ty: element, bytes }).collect())
    }

    /// The serialised bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The serialised bytes, owned.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.bytes)
    }

    /// An integer of at most eight bytes.
    ///
    /// # Errors
    /// When the value is wider.
    pub fn to_u64(&self) -> Result<u64, SszError> {
        let mut word = [0; 8];
        if self.bytes.len() > word.len() {
            return Err(SszFault::Length { expected: word.len(), got: self.bytes.len() }.into());
        }
        word[..self.bytes.len()].copy_from_slice(self.bytes);
        Ok(u64::from_le_bytes(word))
    }

    /// A 256-bit integer.
    ///
    /// # Errors
    /// When the value does not have 32 bytes.
    pub fn to_u256(&self) -> Result<U256, SszError> {
        Ok(U256::from_le_bytes(self.to_fixed::<32>()?.0))
    }

    /// A byte vector of `N` bytes.
    ///
    /// # Errors
    /// When the length differs.
    pub fn to_fixed<const N: usize>(&self) -> Result<FixedBytes<N>, SszError> {
        FixedBytes::try_from(self.bytes).map_err(|_| SszFault::Length { expected: N, got: self.bytes.len() }.into())
    }

    /// A root or hash.
    ///
    /// # Errors
    /// When the value does not have 32 bytes.
    pub fn to_b256(&self) -> Result<B256, SszError> {
        self.to_fixed()
    }

    /// An execution address.
    ///
    /// # Errors
    /// When the value does not have 20 bytes.
    pub fn to_address(&self) -> Result<Address, SszError> {
        Ok(Address(self.to_fixed()?))
    }

    /// `hash_tree_root` of the value.
    ///
    /// # Errors
    /// Never for a value that [`View::new`] accepted.
    pub fn hash_tree_root(&self) -> Result<B256, SszError> {
        root(self.ty, self.bytes)
    }
}
