//! Fast arithmetic over the Pasta curves: what a halo2 prover with commitments on Vesta spends its time on.
//!
//! * [`Bases`]: multi-scalar multiplication over fixed points, with short cuts for small scalars;
//! * [`Folding`]: the rounds of the inner product argument; [`fold_bases`] alone collapses generators;
//! * [`Domain`] and [`Cosets`]: transforms between values and coefficients; [`Evals`]: values on a coset, for [`RowTask`]s that combine columns;
//! * [`vector`]: inner products, linear combinations, evaluation, division, powers, inversion;
//! * [`group_ifft`]: generators in the Lagrange basis.
//!
//! Everything is computed in lanes of eight elements. A [`Path`] says how: with the AVX-512 IFMA instructions, with AVX2 and FMA, or portably. All give
//! the same results. All functions run in variable time: use them on public data, or where timing is not observed.

mod affine;
mod bases;
mod block;
mod collapse;
mod cosets;
mod digits;
mod domain;
mod evals;
mod fold;
mod glv;
mod group_fft;
mod lanes;
mod msm;
mod ntt;
mod path;
mod portable;
mod raw;
mod rows;
mod scalars;
mod subsets;
mod sums;
pub mod vector;

pub use bases::Bases;
pub use cosets::Cosets;
pub use domain::Domain;
pub use evals::{Evals, RowTask};
pub use fold::{Folding, FoldingRound, fold_bases};
pub use group_fft::group_ifft;
pub use lanes::{LANES, Lanes, MAX_SHIFT};
pub use path::{Path, Task};
pub use portable::Portable;
pub use scalars::Scalars;
