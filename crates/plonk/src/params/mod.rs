//! Generators: made once per size and machine, kept on disk, checked when read.

mod cache;
mod generate;
mod generators;
mod known;
mod raw;

pub use cache::ParamsCache;
pub use generate::generate;
pub use generators::Params;

/// What is being done about parameters, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamsStage {
    /// Hashing to the curve: `total` generators.
    Hashing,
    /// Transforming the generators to the Lagrange basis: `total` layers.
    Transforming,
    /// Reading and checking the file: `total` bytes.
    Reading,
    /// Waiting for another process that makes the same parameters.
    Waiting,
}

/// How far that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamsProgress {
    /// What is being done.
    pub stage: ParamsStage,
    /// How much of it.
    pub done: u64,
    /// Out of how much.
    pub total: u64,
}

/// Takes progress reports.
pub type OnProgress<'a> = &'a (dyn Fn(ParamsProgress) + Sync);
