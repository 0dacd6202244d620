//! Finds the block or state that an identifier names.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_types::Slot;

use super::reply::Failure;
use crate::block::StoredBlock;
use crate::chain::Chain;

enum Id {
    Head,
    Genesis,
    Justified,
    Finalized,
    Slot(Slot),
    Root(B256),
}

fn parse(text: &str) -> Result<Id, Failure> {
    match text {
        "head" => Ok(Id::Head),
        "genesis" => Ok(Id::Genesis),
        "justified" => Ok(Id::Justified),
        "finalized" => Ok(Id::Finalized),
        _ if text.starts_with("0x") => text.parse().map(Id::Root).map_err(|_| Failure::bad_request("invalid root")),
        _ => text.parse().map(Id::Slot).map_err(|_| Failure::bad_request("invalid identifier")),
    }
}

/// The block that `text` names.
pub(super) fn block(chain: &Chain, text: &str) -> Result<Arc<StoredBlock>, Failure> {
    let found = match parse(text)? {
        Id::Head => Some(chain.head()),
        Id::Genesis => chain.at(Slot(0)),
        Id::Justified => chain.by_root(&chain.justified().root),
        Id::Finalized => chain.by_root(&chain.finalized().root),
        Id::Slot(slot) => chain.at(slot),
        Id::Root(root) => chain.by_root(&root),
    };
    found.cloned().ok_or_else(|| Failure::not_found(&format!("beacon block {}", shorten(text))))
}

/// The block after which the state that `text` names stands. A state at a missed slot is that of the block before.
pub(super) fn state(chain: &Chain, text: &str) -> Result<Arc<StoredBlock>, Failure> {
    let found = match parse(text)? {
        Id::Slot(slot) if slot > chain.head().slot => None,
        Id::Slot(slot) => chain.at_or_before(slot),
        Id::Root(root) => chain.by_state_root(&root),
        _ => return block(chain, text),
    };
    found.cloned().ok_or_else(|| Failure::not_found(&format!("beacon state {}", shorten(text))))
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
