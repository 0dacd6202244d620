//! Whom we speak with: conduct and bans, allowances, whom to dial, whom to pull from, whether we are cut off. All but [`gate`] is plain state that is told the
//! time.

pub(crate) mod address;
pub mod allowance;
pub mod assembler;
pub mod conduct;
pub mod dialer;
pub mod fetcher;
pub mod flood;
pub(crate) mod gate;
pub mod isolation;
pub mod parts;
