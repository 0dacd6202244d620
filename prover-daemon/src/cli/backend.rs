//! `--backend` and `--gpu`: what commits and proves.

use anyhow::Context as _;
use clap::Args;
use quintet_gpu::{Choice, Chosen, Constraints, GpuOptions, Monitor};
use quintet_proving::Circuits;

/// What commits and proves.
#[derive(Clone, Debug, Args)]
pub(crate) struct BackendFlag {
    /// What commits and proves: `auto` (GPUs if there are any, else the CPU), `gpu`, `cpu` (our own prover) or `upstream` (the prover of halo2_proofs,
    /// several times slower, to compare).
    #[arg(long, value_name = "NAME", default_value_t = Choice::Auto, env = "QUINTET_BACKEND")]
    backend: Choice,
    /// Which GPUs, by their number in `quintet-prover devices`; several share the instances. All GPUs if absent.
    #[arg(long, value_name = "NUMBER", env = "QUINTET_GPU", value_delimiter = ',')]
    gpu: Vec<usize>,
    /// Memory in MiB that may be used on each GPU; 85 % of it where the system tells how much there is, else 3072. Proofs that need more stream.
    #[arg(long, value_name = "MIB", env = "QUINTET_GPU_MEMORY", value_parser = clap::value_parser!(u64).range(64..=(1 << 20)))]
    gpu_memory: Option<u64>,
    /// Trust GPUs: do not check their commitments and proofs on the CPU before they are used.
    #[arg(long, env = "QUINTET_TRUST_GPU")]
    trust_gpu: bool,
    /// How GPUs run constraints: `written` out as kernels for each AIR, `interpreted`, or `auto`, which measures at the first start what is worth it.
    #[arg(long, value_name = "HOW", default_value_t = Constraints::Auto, env = "QUINTET_GPU_CONSTRAINTS")]
    gpu_constraints: Constraints,
}

impl BackendFlag {
    /// Opens what was chosen.
    pub(crate) fn open(&self) -> anyhow::Result<Chosen> {
        let memory = self.gpu_memory.map(|mib| mib << 20);
        let (gpus, constraints) = (self.gpu.clone(), self.gpu_constraints);
        let options = GpuOptions { gpus, memory, checks: !self.trust_gpu, constraints };
        quintet_gpu::open(self.backend, &options).context("--backend")
    }

    /// Circuits with the chosen backend, and what can be seen of its devices. What the person should know about these goes to `warn`.
    pub(crate) fn apply(&self, circuits: Circuits, warn: impl Fn(&str)) -> anyhow::Result<(Circuits, Option<Monitor>)> {
        let chosen = self.open()?;
        chosen.warning.iter().for_each(|warning| warn(warning));
        Ok((circuits.with_backend(chosen.backend), chosen.monitor))
    }
}
