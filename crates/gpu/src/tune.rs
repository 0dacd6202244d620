//! Which layout is faster on an adapter, and whether constraints are written out there: measured once, remembered on disk.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ff::PrimeField;
use pasta_curves::Fp;

use crate::{Adapters, Device, DeviceOptions, Error, Forms, KernelSpec, field, forms, shader::Layout};

/// Threads and multiplications a thread of a measurement.
const THREADS: usize = 1 << 14;
const REPEAT: u32 = 256;
/// Measurements, of which the fastest counts.
const RUNS: usize = 3;

/// How long a driver may compile the constraints of one AIR.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Multiplications that are written out at most, however fast the driver is: what it keeps of them is in no account.
pub const WRITTEN: usize = 4096;

/// What was measured, by adapter and driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Remembered {
    layouts: BTreeMap<String, Layout>,
    /// Multiplications of an AIR up to which its constraints are written out, by layout too.
    #[serde(default)]
    written: BTreeMap<String, usize>,
}

impl Remembered {
    fn read(file: Option<&Path>) -> Self {
        file.and_then(|file| fs::read(file).ok()).map_or_else(Self::default, |bytes| {
            serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "the file of GPU measurements is damaged and will be replaced");
                Self::default()
            })
        })
    }

    fn write(&self, file: Option<&Path>) {
        if let Some(file) = file
            && let Err(error) = write(file, self)
        {
            tracing::warn!(%error, file = %file.display(), "GPU measurements cannot be remembered");
        }
    }
}

/// Where measurements are remembered: `quintet/gpu.json` in the user's cache folder.
pub fn default_file() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)?;
    Some(cache.join("quintet").join("gpu.json"))
}

/// The layout for an adapter: the remembered one, or the faster one, which is then remembered. Without a choice nothing is measured. A file that cannot be
/// read or written costs a measurement at the next start, and a warning.
///
/// # Errors
/// If no layout works.
pub fn layout(adapters: &Adapters, index: usize, file: Option<&Path>) -> Result<Layout, Error> {
    let info = adapters.get(index)?.0.clone();
    if let [only] = info.layouts() {
        return Ok(*only);
    }
    let mut remembered = Remembered::read(file);
    if let Some(layout) = remembered.layouts.get(&info.identity()).filter(|layout| info.layouts().contains(layout)) {
        return Ok(*layout);
    }
    let mut best: Result<(Duration, Layout), Error> = Err(Error::NoAdapter("no layout was measured".into()));
    for layout in info.layouts() {
        // A driver may say that it has 64-bit integers and then fail with them: the other layout is tried.
        let time = Device::open(adapters, index, DeviceOptions::new(*layout)).and_then(|device| multiplications(&device));
        match time {
            Ok(time) => {
                let rate = (THREADS as f64 * f64::from(REPEAT)) / time.as_secs_f64() / 1e6;
                tracing::info!(adapter = info.name, layout = layout.name(), "{rate:.0} million multiplications a second");
                best = match best {
                    Ok(known) if known.0 <= time => Ok(known),
                    _ => Ok((time, *layout)),
                };
            }
            Err(error) => {
                tracing::warn!(adapter = info.name, layout = layout.name(), %error, "layout cannot be used");
                best = best.or(Err(error));
            }
        }
    }
    let layout = best?.1;
    remembered.layouts.insert(info.identity(), layout);
    remembered.write(file);
    Ok(layout)
}

/// Multiplications of an AIR up to which its constraints are written out as kernels on a device; 0 where interpreting them is faster. That is remembered, or
/// measured on a small AIR and then remembered: written out they have to be faster, and what the driver takes to compile a multiplication decides how many
/// it compiles within [`PATIENCE`]. If the driver refuses the small AIR or computes it wrongly, constraints are interpreted.
///
/// # Errors
/// If the device fails.
pub fn written(device: &Device, file: Option<&Path>) -> Result<usize, Error> {
    let name = format!("{} | {}", device.info().identity(), device.layout().name());
    let mut remembered = Remembered::read(file);
    if let Some(most) = remembered.written.get(&name) {
        return Ok(*most);
    }
    let sample = forms::sample().map_err(|error| Error::Size(error.to_string()))?;
    let rows = if device.info().software { 1 << 8 } else { 1 << 16 };
    let most = match Forms::measure(device, &sample, rows) {
        Ok(forms) => {
            let most = affordable(&forms);
            let Forms { interpreted, written, .. } = forms;
            tracing::info!(adapter = device.info().name, ?interpreted, ?written, most, "constraints measured");
            most
        }
        Err(error @ (Error::Kernel { .. } | Error::WrongResult(_))) => {
            tracing::warn!(adapter = device.info().name, %error, "constraints that are written out cannot be used");
            0
        }
        Err(error) => return Err(error),
    };
    remembered.written.insert(name, most);
    remembered.write(file);
    Ok(most)
}

/// Multiplications that are worth writing out.
fn affordable(forms: &Forms) -> usize {
    let Forms { multiplications, interpreted, written } = forms;
    if written.again >= interpreted.again {
        return 0;
    }
    let one = written.first.saturating_sub(written.again).as_secs_f64() / (*multiplications).max(1) as f64;
    // A cast of what is too large, or infinite, gives the largest.
    ((PATIENCE.as_secs_f64() / one) as usize).min(WRITTEN)
}

fn write(file: &Path, remembered: &Remembered) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Another process may read it at any time.
    let new = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, serde_json::to_vec_pretty(remembered)?)?;
    fs::rename(new, file)
}

/// Time for `THREADS · REPEAT` multiplications, whose results are checked.
///
/// # Errors
/// If the device fails or computes wrongly.
pub fn multiplications(device: &Device) -> Result<Duration, Error> {
    let threads = if device.info().software { THREADS >> 6 } else { THREADS };
    let (a, b) = (Fp::from(3), -Fp::from(5));
    let left = device.upload("operands", &field::integers(&vec![a; threads]))?;
    let right = device.upload("operands", &field::integers(&vec![b; threads]))?;
    let result = device.buffer("results", threads as u64 * field::BYTES)?;
    let kernel = device.kernel(&KernelSpec::fp("field_ops"))?;
    let expected = a * ff::Field::pow_vartime(&b, [u64::from(REPEAT)]);
    let mut best = Duration::MAX;
    // Once more than counted: drivers compile at the first dispatch.
    for run in 0..=RUNS {
        let mut batch = device.batch();
        let slices = [left.all(), right.all(), result.all()];
        batch.run(&kernel, &[threads as u32, 2, REPEAT], &slices, crate::columns::groups(threads))?;
        let started = Instant::now();
        batch.flush()?;
        device.wait()?;
        if run > 0 {
            best = best.min(started.elapsed() * (THREADS / threads) as u32);
        }
    }
    let got: Vec<Fp> = field::from_integers(&device.read(result.all())?)?;
    if got.iter().any(|value| value.to_repr() != expected.to_repr()) {
        return Err(Error::WrongResult("a product of field elements"));
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FormCost;

    #[test]
    fn constraints_are_written_out_where_that_is_faster_and_soon_compiled() {
        let ms = Duration::from_millis;
        let interpreted = FormCost { first: ms(100), again: ms(10) };
        let forms = |first, again| Forms { multiplications: 16, interpreted, written: FormCost { first, again } };
        assert_eq!(affordable(&forms(ms(3000), ms(11))), 0, "not faster");
        assert_eq!(affordable(&forms(ms(3205), ms(5))), 50, "0.2 s for each");
        assert_eq!(affordable(&forms(ms(21), ms(5))), WRITTEN, "a millisecond for each");
        assert_eq!(affordable(&forms(ms(5), ms(5))), WRITTEN, "no time at all");
    }
}
