//! `--backend`: what commits and proves.

use std::sync::Arc;

use clap::Args;
use quintet_plonk::Upstream;
use quintet_proving::Circuits;

/// What commits and proves.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BackendFlag {
    /// What commits and proves.
    #[arg(long, value_enum, default_value_t = Choice::Auto, env = "QUINTET_BACKEND")]
    backend: Choice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// The fastest that this machine has.
    Auto,
    /// halo2_proofs' own prover.
    Upstream,
}

impl BackendFlag {
    /// Circuits with the chosen backend.
    pub(crate) fn apply(self, circuits: Circuits) -> Circuits {
        match self.backend {
            Choice::Auto => circuits,
            Choice::Upstream => circuits.with_backend(Arc::new(Upstream::default())),
        }
    }
}
