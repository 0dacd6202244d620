//! SSZ driven by a schema that is data: one decoder for every fork, preset and progressive type.
//!
//! List limits and the size of the sync committee differ between presets and enter every hash tree root, and a node
//! may announce values of its own in `config/spec`. Types fixed at compile time would need one copy per preset and
//! fork. Here a [`SszType`] is built at run time from the node's own spec ([`crate::schema`]), and four functions walk
//! it: [`check`], [`root`], [`from_json`] and [`to_json`]. A [`View`] reads fields by name without copying.
//!
//! All of them work on bytes from outside: they never recurse deeper than the schema, never allocate more than a
//! constant times the input, and answer with [`SszError`], which names the path to the fault.

mod bytes;
mod json;
mod root;
mod transcode;
mod view;

pub use bytes::check;
pub use json::{JsonTextError, from_json, from_json_text, to_json};
pub use root::root;
pub use view::View;

use std::sync::Arc;

/// Bytes of an SSZ offset.
const OFFSET_BYTES: usize = 4;

/// How many elements a list may hold, and with that how it is merkleised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most this many; the tree has as many leaves (`List`, `Bitlist`, `ByteList`).
    Max(u64),
    /// No limit in the type; the tree grows in steps of four (EIP-7916 `ProgressiveList`).
    Progressive,
}

impl Limit {
    fn allows(self, length: usize) -> bool {
        match self {
            Self::Max(limit) => length as u64 <= limit,
            Self::Progressive => true,
        }
    }
}

/// An SSZ type, as data.
#[derive(Debug, Clone)]
pub enum SszType {
    /// Unsigned integer of this many bytes (1, 8 or 32), quoted decimal in JSON.
    Uint(usize),
    /// `Boolean`.
    Bool,
    /// `Vector[Byte, N]`, hexadecimal in JSON.
    Bytes(usize),
    /// `List[Byte, N]`, hexadecimal in JSON.
    ByteList(Limit),
    /// `Bitvector[N]`.
    Bitvector(usize),
    /// `Bitlist[N]`.
    Bitlist(Limit),
    /// `Vector[T, N]`.
    Vector(Arc<SszType>, usize),
    /// `List[T, N]`.
    List(Arc<SszType>, Limit),
    /// `Container` or `ProgressiveContainer`.
    Container(Arc<Container>),
}

/// A container type: named fields in order.
#[derive(Debug, Clone)]
pub struct Container {
    /// Name in the consensus specification, for error messages.
    pub name: &'static str,
    /// `ProgressiveContainer(active_fields=[1] * n)` of EIP-7495 rather than a plain `Container`.
    pub progressive: bool,
    /// Field names and types, in order.
    pub fields: Vec<(&'static str, SszType)>,
}

impl SszType {
    /// A plain container.
    #[must_use]
    pub fn container(name: &'static str, fields: Vec<(&'static str, Self)>) -> Self {
        Self::Container(Arc::new(Container { name, progressive: false, fields }))
    }

    /// A progressive container whose fields are all active.
    #[must_use]
    pub fn progressive_container(name: &'static str, fields: Vec<(&'static str, Self)>) -> Self {
        Self::Container(Arc::new(Container { name, progressive: true, fields }))
    }

    /// A list of `element`.
    #[must_use]
    pub fn list(element: Self, limit: Limit) -> Self {
        Self::List(Arc::new(element), limit)
    }

    /// A vector of `length` times `element`.
    #[must_use]
    pub fn vector(element: Self, length: usize) -> Self {
        Self::Vector(Arc::new(element), length)
    }

    /// Serialised size when it is the same for every value.
    #[must_use]
    pub fn fixed_size(&self) -> Option<usize> {
        match self {
            Self::Uint(bytes) | Self::Bytes(bytes) => Some(*bytes),
            Self::Bool => Some(1),
            Self::Bitvector(bits) => Some(bits.div_ceil(8)),
            Self::Vector(element, length) => element.fixed_size().map(|size| size * length),
            Self::Container(container) => {
                container.fields.iter().try_fold(0, |sum, (_, field)| Some(sum + field.fixed_size()?))
            }
            Self::ByteList(_) | Self::Bitlist(_) | Self::List(..) => None,
        }
    }

    /// Element type and limit of a list or vector.
    fn element(&self) -> Option<(&Self, Limit)> {
        match self {
            Self::Vector(element, length) => Some((element, Limit::Max(*length as u64))),
            Self::List(element, limit) => Some((element, *limit)),
            _ => None,
        }
    }

    /// Whether elements are packed into chunks rather than hashed one by one.
    fn is_basic(&self) -> bool {
        matches!(self, Self::Uint(_) | Self::Bool)
    }
}

/// What is wrong with a serialised value, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct SszError {
    /// Field names and list positions from the outermost value to the fault, dot separated.
    pub path: String,
    /// What is wrong there.
    pub fault: SszFault,
}

/// The ways in which a value can fail to be of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SszFault {
    /// The number of bytes does not fit the type.
    #[error("expected {expected} bytes, got {got}")]
    Length {
        /// Bytes the type needs.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// An offset points backwards, beyond the end, or not at the end of the fixed part.
    #[error("offset {offset} out of order")]
    Offset {
        /// The offset read.
        offset: usize,
    },
    /// More elements than the type allows.
    #[error("{got} elements, at most {limit} allowed")]
    TooMany {
        /// Elements there are.
        got: usize,
        /// Elements allowed.
        limit: u64,
    },
    /// A bitlist without delimiter, set padding bits, or a boolean that is neither 0 nor 1.
    #[error("not a canonical {0}")]
    NotCanonical(&'static str),
    /// A JSON value of another kind.
    #[error("expected {0}")]
    Json(&'static str),
    /// A JSON object lacks the field, or a type has no field of that name.
    #[error("field missing")]
    Missing,
    /// A JSON object has the field more than once.
    #[error("field given twice")]
    Twice,
}

impl SszError {
    fn new(fault: SszFault) -> Self {
        Self { path: String::new(), fault }
    }

    fn at(mut self, step: &str) -> Self {
        self.path = if self.path.is_empty() { step.to_owned() } else { format!("{step}.{}", self.path) };
        self
    }

    fn at_index(self, index: usize) -> Self {
        self.at(&index.to_string())
    }
}

impl From<SszFault> for SszError {
    fn from(fault: SszFault) -> Self {
        Self::new(fault)
    }
}

#[cfg(test)]
mod tests;
