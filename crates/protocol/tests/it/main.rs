//! Integration tests of `quintet-protocol`.
//!
//! `source_*` modules hold one test for each sentence of the source document; `docs/protocol.md` has the table.

mod assignment;
mod bundles;
mod docs;
mod examples;
mod holes;
mod ledger;
mod lifecycle;
mod payoff;
mod selection;
mod source_gigagas;
mod source_phases;
mod source_selection;
mod support;
