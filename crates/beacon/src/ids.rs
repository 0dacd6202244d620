//! Block and state identifiers of the Beacon API.

use std::fmt;

use quintet_types::{Root, Slot};

/// Names a block, or the state after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockId {
    /// The canonical head in the node's view.
    Head,
    /// The genesis block.
    Genesis,
    /// The last justified block.
    Justified,
    /// The last finalized block.
    Finalized,
    /// The canonical block at a slot.
    Slot(Slot),
    /// A block by its root.
    Root(Root),
}

/// Names a state. A root is the root of the state, not that of a block.
pub type StateId = BlockId;

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Genesis => f.write_str("genesis"),
            Self::Justified => f.write_str("justified"),
            Self::Finalized => f.write_str("finalized"),
            Self::Slot(slot) => slot.fmt(f),
            Self::Root(root) => write!(f, "{root:?}"),
        }
    }
}
