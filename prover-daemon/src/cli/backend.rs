//! `--backend`: what commits and proves.

use clap::Args;
use quintet_plonk::BackendKind;
use quintet_proving::Circuits;

/// What commits and proves.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BackendFlag {
    /// What commits and proves: `auto` (the fastest that this machine has), `cpu` (our own prover) or `upstream` (the prover of halo2_proofs,
    /// several times slower, to compare).
    #[arg(long, value_name = "NAME", default_value_t = BackendKind::Auto, env = "QUINTET_BACKEND")]
    backend: BackendKind,
}

impl BackendFlag {
    /// Circuits with the chosen backend.
    pub(crate) fn apply(self, circuits: Circuits) -> Circuits {
        circuits.with_backend(self.backend.build())
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.backend.build().name()
    }
}
