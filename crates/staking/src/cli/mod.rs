//! Flags and dialogue of the commands that send transactions: the same in every program.

mod dialogue;
mod flags;

pub use dialogue::{DialogueError, Done, carry_out};
pub use flags::{AccountFlags, ChainFlags, DeploymentFile, FlagError, SendFlags, parse_ether};
