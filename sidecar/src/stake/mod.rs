//! What the sidecar's program does with the contracts: enrol validators, submit evidence.

mod prove;
mod record;
mod slash;
mod state;
mod validator;

pub(crate) use slash::Slash;
pub(crate) use validator::Validator;

use clap::Args;
use quintet_staking::cli::{AccountFlags, ChainFlags, SendFlags};

/// What sending needs.
#[derive(Debug, Args)]
struct With {
    #[command(flatten)]
    chain: ChainFlags,
    #[command(flatten)]
    account: AccountFlags,
    #[command(flatten)]
    send: SendFlags,
}
