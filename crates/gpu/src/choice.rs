//! Which backend a person chose, and what this machine makes of it.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use quintet_plonk::{Backend, BackendKind};

use crate::{Adapters, Device, DeviceOptions, Error, Gpu, Guarded, Monitor, tune};

/// Which backend to use, as a person chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// All GPUs of this machine that are no programs on the CPU; the CPU if there are none.
    #[default]
    Auto,
    /// GPUs, and an error if there are none.
    Gpu,
    /// Our prover on CPUs.
    Cpu,
    /// Upstream's prover, the reference.
    Upstream,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Gpu, Self::Cpu, Self::Upstream];

    /// Name on command lines and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
            Self::Upstream => "upstream",
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no backend has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no backend {0:?}: there are auto, gpu, cpu and upstream")]
pub struct UnknownChoice(String);

impl FromStr for Choice {
    type Err = UnknownChoice;

    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        Self::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(|| UnknownChoice(name.to_owned()))
    }
}

/// A backend, with what can be seen of its devices.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// What commits and proves.
    pub backend: Arc<dyn Backend>,
    /// Its devices; nothing if it has none.
    pub monitor: Option<Monitor>,
    /// What the person should know: a GPU that is missing, idle or a program on the CPU.
    pub warning: Option<String>,
}

impl Chosen {
    fn plain(kind: BackendKind) -> Self {
        Self { backend: kind.build(), monitor: None, warning: None }
    }
}

/// How constraints are run on GPUs, as a person chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Constraints {
    /// What [`tune::written`] measures on each.
    #[default]
    Auto,
    /// Written out as kernels of their own, however long drivers compile them.
    Written,
    /// Interpreted.
    Interpreted,
}

impl Constraints {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Written, Self::Interpreted];

    /// Name on command lines and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Written => "written",
            Self::Interpreted => "interpreted",
        }
    }

    /// Multiplications of an AIR up to which its constraints are written out on a device.
    fn on(self, device: &Device) -> Result<usize, Error> {
        match self {
            Self::Auto => tune::written(device, tune::default_file().as_deref()),
            Self::Written => Ok(usize::MAX),
            Self::Interpreted => Ok(0),
        }
    }
}

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no way of running constraints has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("constraints cannot be {0:?}: there are auto, written and interpreted")]
pub struct UnknownConstraints(String);

impl FromStr for Constraints {
    type Err = UnknownConstraints;

    fn from_str(name: &str) -> Result<Self, UnknownConstraints> {
        Self::ALL.into_iter().find(|way| way.name() == name).ok_or_else(|| UnknownConstraints(name.to_owned()))
    }
}

/// How GPUs are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuOptions {
    /// Indices of adapters; without any, all that are no programs on the CPU.
    pub gpus: Vec<usize>,
    /// Bytes that may be held on each; what [`AdapterInfo::budget`](crate::AdapterInfo::budget) says if absent.
    pub memory: Option<u64>,
    /// Whether what they make is checked, as [`Guarded`] says.
    pub checks: bool,
    /// How constraints are run.
    pub constraints: Constraints,
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self { gpus: Vec::new(), memory: None, checks: true, constraints: Constraints::Auto }
    }
}

/// How long after its loss a device is opened again.
const REOPEN: Duration = Duration::from_secs(30);

/// Opens what was chosen.
///
/// # Errors
/// If GPUs were asked for by `gpu` or by index and cannot be opened.
pub fn open(choice: Choice, options: &GpuOptions) -> Result<Chosen, Error> {
    let gpus = &options.gpus[..];
    match choice {
        Choice::Upstream => return Ok(Chosen::plain(BackendKind::Upstream)),
        Choice::Cpu => return Ok(Chosen::plain(BackendKind::Cpu)),
        Choice::Auto | Choice::Gpu => {}
    }
    let adapters = Adapters::find();
    let found: Vec<usize> = adapters.hardware().map(|info| info.index).collect();
    let wanted = if gpus.is_empty() { &found[..] } else { gpus };
    if wanted.is_empty() && choice == Choice::Gpu {
        return Err(Error::NoAdapter("no driver shows one; `quintet-prover devices` lists what there is".into()));
    }
    let (mut opened, mut indices) = (Vec::new(), Vec::new());
    let mut warnings = Vec::new();
    for &index in wanted {
        match open_one(&adapters, index, options.memory, options.constraints) {
            Ok(gpu) => {
                if gpu.device().info().software {
                    warnings.push(format!("GPU {index} is a program on the CPU, slower than the CPU itself"));
                }
                opened.push(gpu);
                indices.push(index);
            }
            // One that was named has to work; one that was found need not.
            Err(error) if !gpus.is_empty() || choice == Choice::Gpu => return Err(error),
            Err(error) => warnings.push(format!("GPU {index} is idle: {error}")),
        }
    }
    let unsuitable = adapters.infos().filter(|info| !info.software && gpus.is_empty());
    for (info, reason) in unsuitable.filter_map(|info| Some((info, info.unsuitable.as_ref()?))) {
        warnings.push(format!("{} is idle: {reason}", info.name));
    }
    let left = found.iter().filter(|index| !gpus.is_empty() && !gpus.contains(index)).count();
    if left > 0 {
        warnings.push(format!("{left} more GPUs are idle: --gpu does not name them"));
    }
    if adapters.hardware().next().is_none() && gpus.is_empty() {
        warnings.push("no GPU was found: the CPU proves".into());
    }
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    if opened.is_empty() {
        return Ok(Chosen { warning, ..Chosen::plain(BackendKind::Cpu) });
    }
    let (memory, constraints) = (options.memory, options.constraints);
    // Adapters are asked for again: the one that a lost device was on may be gone from the list.
    let reopen = move |place: usize| {
        let gpu = open_one(&Adapters::find(), indices[place], memory, constraints)?;
        tune::multiplications(gpu.device())?;
        Ok(gpu)
    };
    let guarded = Guarded::reopening(opened, options.checks, REOPEN, reopen);
    let monitor = Some(guarded.monitor());
    Ok(Chosen { backend: Arc::new(guarded), monitor, warning })
}

fn open_one(adapters: &Adapters, index: usize, memory: Option<u64>, constraints: Constraints) -> Result<Gpu, Error> {
    let layout = tune::layout(adapters, index, tune::default_file().as_deref())?;
    let device = Device::open(adapters, index, DeviceOptions { memory, ..DeviceOptions::new(layout) })?;
    let written = constraints.on(&device)?;
    Ok(Gpu::new(Arc::new(device)).writing(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_the_names_that_they_show() {
        for choice in Choice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert!("cuda".parse::<Choice>().is_err());
        for way in Constraints::ALL {
            assert_eq!(way.to_string().parse(), Ok(way));
        }
        assert!("compiled".parse::<Constraints>().is_err());
    }

    #[test]
    fn the_cpu_is_chosen_without_asking_drivers() {
        for choice in [Choice::Cpu, Choice::Upstream] {
            let chosen = open(choice, &GpuOptions::default()).unwrap();
            assert!(chosen.monitor.is_none() && chosen.warning.is_none());
        }
    }
}
