//! The contracts in `contracts/`, seen from Rust: what is signed for them, and how points and leaves are encoded.

mod leaves;
mod points;
mod possession;
mod statement;

pub use leaves::{AccountKind, Leaf, LeafTree};
pub use points::{g1_words, g2_words};
pub use possession::{DOMAIN_SETTLEMENT, DOMAIN_VALIDATOR_ENROLMENT, prover_possession_binding, validator_possession_binding};
pub use statement::Statement;
