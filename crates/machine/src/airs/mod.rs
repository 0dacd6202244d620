//! The AIRs, one a module: columns, constraints, interactions and how the trace is filled (`docs/machine.md`).

pub mod add;
pub mod bitwise;
pub mod compare;
pub mod cpu;
pub mod div;
pub mod image;
pub mod keccak;
pub mod keccak_mem;
pub mod memory;
pub mod mul;
pub mod program;
pub mod regions;
pub mod registry;
pub mod shift;
pub mod subword;
pub mod tag;
pub mod testing;
pub mod word;

mod access;
mod alu;
#[cfg(test)]
mod alu_testing;
#[cfg(test)]
mod search;

use ff::PrimeField;
use quintet_air::{Expr, F, Range};

pub use registry::{TraceError, boundaries, pinned_instances, pinned_trace, publics, spec, trace};

/// A signed integer as a field element.
fn signed(value: i128) -> F {
    let magnitude = F::from_u128(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// The integer that a range holds in the next row.
fn next_of(range: &Range) -> Expr {
    let mut bits = 0;
    Expr::sum(range.limbs().iter().map(|limb| {
        let weighted = limb.next() * Expr::pow2(bits);
        bits += limb.bits();
        weighted
    }))
}
