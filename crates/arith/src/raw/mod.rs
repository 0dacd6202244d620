//! What knows how elements lie in memory and which instructions a machine has: the one module with `unsafe` code.
//!
//! `layout` relies on how `pasta_curves` lays out its elements, `x86` on instructions that were looked for; each says why that is sound.
#![allow(unsafe_code, reason = "see the modules' documentation")]

#[cfg(test)]
pub(crate) mod edges;
pub(crate) mod layout;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;
