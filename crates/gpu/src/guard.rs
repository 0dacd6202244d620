//! Devices with a CPU behind them: what they make is checked, and what they fail at is done without them.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use halo2_proofs::transcript::Transcript;
use quintet_air::{ColumnData, F, Trace};
use quintet_plonk::{
    AirKey, Backend, Error as PlonkError, Native, PhaseOne, Point, Resident, Witness,
    engine::{Writer, check_proof, column_length, squeeze},
};
use rayon::prelude::*;

use crate::{
    Error, Gpu,
    slot::{DeviceStatus, Open, Slot},
};

/// Reads the state of devices while a backend works; by default of none.
#[derive(Clone, Default)]
pub struct Monitor(Arc<Vec<Slot>>);

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.status()).finish()
    }
}

impl Monitor {
    /// The state of each device.
    pub fn status(&self) -> Vec<DeviceStatus> {
        self.0.iter().map(Slot::status).collect()
    }

    /// Fallbacks of all devices.
    pub fn fallbacks(&self) -> u64 {
        self.0.iter().map(|slot| slot.fallbacks.load(Ordering::Relaxed)).sum()
    }
}

/// GPUs that share the instances, and our prover on the CPU for what they fail at. Whatever happens to a device, proofs are made.
///
/// With `checks`, a commitment of a device is held against a random combination of its columns computed on the CPU, and a proof is verified, before they leave:
/// a wrong commitment is a fault that costs a stake.
pub struct Guarded {
    slots: Arc<Vec<Slot>>,
    cpu: Native,
    checks: bool,
    /// How devices are opened again, if they are, and how long after a loss.
    open: Option<Open>,
    wait: Duration,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("devices", &self.monitor()).field("checks", &self.checks).finish_non_exhaustive()
    }
}

/// What is kept between commitment and proof, and on which device.
struct Kept {
    slot: Option<usize>,
    resident: Option<Resident>,
}

impl Guarded {
    /// Over devices, at least one.
    pub fn new(gpus: Vec<Gpu>, checks: bool) -> Self {
        Self::build(gpus, checks, None, Duration::ZERO)
    }

    /// As [`Self::new`]; a device that was lost or hung is opened again by its place, `wait` later, and after twice as long if it fails again, an hour at
    /// most.
    pub fn reopening(
        gpus: Vec<Gpu>,
        checks: bool,
        wait: Duration,
        open: impl Fn(usize) -> Result<Gpu, Error> + Send + Sync + 'static,
    ) -> Self {
        Self::build(gpus, checks, Some(Arc::new(open)), wait)
    }

    fn build(gpus: Vec<Gpu>, checks: bool, open: Option<Open>, wait: Duration) -> Self {
        let slots = gpus.into_iter().map(|gpu| Slot::new(gpu, wait)).collect();
        Self { slots: Arc::new(slots), cpu: Native::default(), checks, open, wait }
    }

    /// The devices' state, for metrics.
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.slots))
    }

    /// The working device with the least to do; `wanted` if it works.
    fn choose(&self, wanted: Option<usize>) -> Option<usize> {
        let works = |slot: &usize| self.slots[*slot].works();
        let least = || (0..self.slots.len()).filter(works).min_by_key(|slot| self.slots[*slot].waiting.load(Ordering::Relaxed));
        wanted.filter(works).or_else(least)
    }

    /// Runs `make` on a device and `check` on what it gives; on the CPU if there is no device or it fails.
    fn run<T>(
        &self,
        what: &'static str,
        wanted: Option<usize>,
        make: impl Fn(&dyn Backend, Option<usize>) -> Result<T, PlonkError>,
        check: impl Fn(&T) -> Result<(), Error>,
    ) -> Result<(T, Option<usize>), PlonkError> {
        if let Some(open) = &self.open {
            self.slots.iter().enumerate().for_each(|(place, slot)| slot.reopen(place, open));
        }
        let Some(place) = self.choose(wanted) else {
            self.slots.iter().take(1).for_each(|slot| _ = slot.fallbacks.fetch_add(1, Ordering::Relaxed));
            return Ok((make(&self.cpu, None)?, None));
        };
        let slot = &self.slots[place];
        slot.waiting.fetch_add(1, Ordering::Relaxed);
        let gpu = slot.gpu();
        let made = make(&*gpu, Some(place));
        slot.waiting.fetch_sub(1, Ordering::Relaxed);
        let made = match made {
            Ok(made) if self.checks => check(&made).map(|()| made).map_err(PlonkError::from),
            made => made,
        };
        match made {
            Ok(made) => {
                slot.succeeded(self.wait);
                Ok((made, Some(place)))
            }
            // A witness that is not of the AIR's shape is no fault of the device's.
            Err(error) if !matches!(error, PlonkError::Hardware(_)) => Err(error),
            Err(error) => {
                slot.failed(&gpu, what, &error, self.open.is_some());
                Ok((make(&self.cpu, None)?, None))
            }
        }
    }
}

/// Whether commitments are those of the columns: a combination of them is compared, with weights that depend on all points.
fn check_commitments(cpu: &Native, key: &AirKey, columns: &[(&ColumnData, F)], points: &[Point]) -> Result<(), PlonkError> {
    let mut transcript = Writer::init(Vec::new());
    for point in points {
        transcript.common_point(*point).map_err(PlonkError::Transcript)?;
    }
    let weight = squeeze(&mut transcript);
    let weights: Vec<F> = std::iter::successors(Some(weight), |power| Some(*power * weight)).take(points.len()).collect();
    let rows = columns.iter().map(|(column, _)| column_length(column)).max().unwrap_or(0);
    let terms = || columns.iter().zip(&weights);
    let row = |row: usize| terms().map(|((column, _), weight)| column.get(row) * weight).sum();
    let combined = ColumnData::Field((0..rows).into_par_iter().map(row).collect());
    let blind = terms().map(|((_, blind), weight)| *blind * weight).sum();
    let expected = cpu.commit(key, &[(&combined, blind)])?;
    let sum = points
        .iter()
        .zip(&weights)
        .fold(<pasta_curves::Eq as group::Group>::identity(), |sum, (point, weight)| sum + *point * *weight);
    if points.len() == columns.len() && group::Curve::to_affine(&sum) == expected[0] {
        return Ok(());
    }
    Err(Error::WrongResult("a commitment is not that of its column").into())
}

impl Backend for Guarded {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, PlonkError> {
        let made = self.run(
            "a commitment",
            None,
            |backend, _| backend.commit(key, columns),
            |points| wrong(check_commitments(&self.cpu, key, columns, points)),
        );
        Ok(made?.0)
    }

    fn commit_phase_one(&self, key: &AirKey, trace: &Trace, blinds: &[F]) -> Result<PhaseOne, PlonkError> {
        let columns: Vec<_> = trace.columns.iter().zip(blinds.iter().copied()).collect();
        let (made, slot) = self.run(
            "a commitment",
            None,
            |backend, _| backend.commit_phase_one(key, trace, blinds),
            |made| wrong(check_commitments(&self.cpu, key, &columns, &made.points)),
        )?;
        let resident: Resident = Arc::new(Kept { slot, resident: made.resident });
        Ok(PhaseOne { points: made.points, resident: Some(resident) })
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, PlonkError> {
        let kept = witness.resident.and_then(|resident| resident.downcast_ref::<Kept>());
        let made = self.run(
            "a proof",
            kept.and_then(|kept| kept.slot),
            |backend, slot| {
                // What another device or the CPU kept means nothing here.
                let resident = kept.filter(|kept| kept.slot == slot).and_then(|kept| kept.resident.as_ref());
                backend.prove(key, &Witness { resident, ..witness.clone() })
            },
            |proof| {
                if proof.len() == key.layout.proof_bytes() && check_proof(key, &witness.publics, proof).is_ok() {
                    return Ok(());
                }
                // A witness that breaks a constraint is no fault of the device's: then the CPU makes the same bytes.
                let again = self.cpu.prove(key, &Witness { resident: None, ..witness.clone() });
                if again.is_ok_and(|again| again == *proof) {
                    return Ok(());
                }
                Err(Error::WrongResult("a proof does not verify"))
            },
        );
        Ok(made?.0)
    }
}

/// The device's part of an error; an error of the check itself counts as one.
fn wrong(result: Result<(), PlonkError>) -> Result<(), Error> {
    result.map_err(|_| Error::WrongResult("a commitment is not that of its column"))
}
