//! One device as a backend.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use ff::PrimeField;
use quintet_air::{ColumnData, F, Trace};
use quintet_plonk::{AirKey, Backend, Error as PlonkError, PhaseOne, Point, Resident, Witness, engine::column_length};

use crate::{
    Device, Error, PackedColumn,
    instance::{Circuit, Size},
    prove::{Committed, Proof, commit},
};

/// AIR, k, and the transcript representation of the verifying key.
type CircuitKey = (u16, u32, [u8; 32]);

/// A prover that keeps the whole proof on one device: packed witness columns go up once, points and scalars of the transcript come down. Its errors are
/// errors: [`Guarded`](crate::Guarded) is what goes on without it.
pub struct Gpu {
    device: Arc<Device>,
    sizes: Mutex<HashMap<u32, Arc<Size>>>,
    circuits: Mutex<HashMap<CircuitKey, Arc<Circuit>>>,
    /// One proof at a time: two would need twice the memory and finish no sooner.
    turn: Mutex<()>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("device", &self.device).finish_non_exhaustive()
    }
}

/// Largest k: what a dispatch of one thread a row can count.
const MAX_K: u32 = 20;
/// Smallest k: a column is a multiple of what parts of buffers are aligned to.
const MIN_K: u32 = 4;

impl Gpu {
    /// On a device.
    pub fn new(device: Arc<Device>) -> Self {
        Self { device, sizes: Mutex::default(), circuits: Mutex::default(), turn: Mutex::default() }
    }

    /// The device.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    fn size(&self, key: &AirKey) -> Result<Arc<Size>, Error> {
        let k = key.spec.k;
        if !(MIN_K..=MAX_K).contains(&k) {
            return Err(Error::Size(format!("k = {k} is not between {MIN_K} and {MAX_K}")));
        }
        kept(&self.sizes, k, || Size::new(&self.device, &key.params))
    }

    fn circuit(&self, size: &Size, key: &AirKey) -> Result<Arc<Circuit>, Error> {
        let name = (key.spec.id, key.spec.k, key.repr.to_repr());
        kept(&self.circuits, name, || Circuit::new(&self.device, size, key))
    }

    fn committed(&self, key: &AirKey, columns: &[&ColumnData], blinds: &[F]) -> Result<Committed, PlonkError> {
        let size = self.size(key)?;
        if columns.iter().any(|column| column_length(column) > size.rows()) {
            return Err(PlonkError::Witness { air: key.spec.name, reason: "a column is too long" });
        }
        let columns = columns.iter().map(|column| PackedColumn::new(&self.device, column)).collect::<Result<Vec<_>, _>>()?;
        let points = commit(&self.device, &size, &columns, blinds)?;
        Ok(Committed { blinds: blinds.to_vec(), columns, points })
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value by its name, made when it is first asked for; only the thread whose turn it is asks.
fn kept<K: Eq + Hash, V>(
    map: &Mutex<HashMap<K, Arc<V>>>,
    name: K,
    make: impl FnOnce() -> Result<V, Error>,
) -> Result<Arc<V>, Error> {
    if let Some(value) = map.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(make()?);
    Ok(Arc::clone(map.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_insert(value)))
}

impl Backend for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, PlonkError> {
        let _turn = self.turn();
        let (columns, blinds): (Vec<&ColumnData>, Vec<F>) = columns.iter().copied().unzip();
        Ok(self.committed(key, &columns, &blinds)?.points)
    }

    fn commit_phase_one(&self, key: &AirKey, trace: &Trace, blinds: &[F]) -> Result<PhaseOne, PlonkError> {
        let _turn = self.turn();
        let committed = self.committed(key, &trace.columns.iter().collect::<Vec<_>>(), blinds)?;
        let points = committed.points.clone();
        let resident: Resident = Arc::new(OnDevice { device: Arc::clone(&self.device), committed });
        Ok(PhaseOne { points, resident: Some(resident) })
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, PlonkError> {
        let _turn = self.turn();
        let size = self.size(key)?;
        let circuit = self.circuit(&size, key)?;
        quintet_plonk::engine::check(&key.spec, witness)?;
        let kept = witness.resident.and_then(|resident| resident.downcast_ref::<OnDevice>());
        let kept = kept.filter(|kept| {
            Arc::ptr_eq(&kept.device, &self.device)
                && kept.committed.points.len() == key.spec.phase_one
                && witness.blinds.advice.starts_with(&kept.committed.blinds)
        });
        let proof = Proof { device: &self.device, size: &size, circuit: &circuit, key, witness };
        match kept {
            Some(kept) => proof.make(&kept.committed),
            None => {
                let columns: Vec<&ColumnData> = witness.trace.columns.iter().collect();
                proof.make(&self.committed(key, &columns, &witness.blinds.advice[..key.spec.phase_one])?)
            }
        }
    }
}

/// What is kept between commitment and proof.
struct OnDevice {
    device: Arc<Device>,
    committed: Committed,
}
