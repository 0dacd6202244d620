//! Processor time, time on the clock, and peak memory of a piece of work.

use std::{fs, time::Instant};

use anyhow::{Error, Result};
use cpu_time::ProcessTime;
use serde::Serialize;

/// What something took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    /// Peak memory of the process meanwhile, what it held before included; 0 where the system does not say.
    pub(crate) peak_mib: u64,
}

/// Runs `work`.
pub(crate) fn measure<T, E: Into<Error>>(work: impl FnOnce() -> std::result::Result<T, E>) -> Result<(Cost, T)> {
    // Resets the peak; where that cannot be done, the peak is the process's.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let value = work().map_err(Into::into)?;
    let (cpu, wall) = (cpu.elapsed(), wall.elapsed());
    Ok((Cost { cpu_s: cpu.as_secs_f64(), wall_s: wall.as_secs_f64(), peak_mib: peak_mib() }, value))
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
