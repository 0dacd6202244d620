//! One device as a backend.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use ff::PrimeField;
use quintet_air::{ColumnData, F, Trace};
use quintet_plonk::{AirKey, Backend, Error as PlonkError, PhaseOne, Point, Resident, Witness, engine::column_length};
use rayon::prelude::*;

use crate::{
    Device, Error, HostColumn, PackedColumn,
    instance::{Circuit, Size},
    plan::{Plan, Shape},
    polynomials::Source,
    prove::{First, Proof, commit},
    rooms::Rooms,
};

/// AIR, k, and the transcript representation of the verifying key.
type CircuitKey = (u16, u32, [u8; 32]);

/// A prover that keeps the whole proof on one device: packed witness columns go up once, points and scalars of the transcript come down. Its errors are
/// errors: [`Guarded`](crate::Guarded) is what goes on without it.
pub struct Gpu {
    device: Arc<Device>,
    sizes: Mutex<HashMap<u32, Arc<Size>>>,
    circuits: Mutex<HashMap<CircuitKey, Arc<Circuit>>>,
    shapes: Mutex<HashMap<CircuitKey, Arc<Shape>>>,
    /// Columns that wait on the device for their proofs, oldest first.
    kept: Mutex<Vec<Weak<OnDevice>>>,
    /// Proofs that streamed.
    streamed: AtomicU64,
    forced: Option<Plan>,
    /// Multiplications of an AIR's constraints up to which these are written out.
    written: AtomicUsize,
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
        Self {
            device,
            sizes: Mutex::default(),
            circuits: Mutex::default(),
            shapes: Mutex::default(),
            kept: Mutex::default(),
            streamed: AtomicU64::new(0),
            forced: None,
            written: AtomicUsize::new(0),
            turn: Mutex::default(),
        }
    }

    /// Makes every proof in this way, as if memory were short: constraints on `2^-parts` of a coset at a time, and coefficients, if `block` is there, of so
    /// many columns at a time. For tests and measurements.
    pub fn streaming(self, parts: u32, block: Option<usize>) -> Self {
        Self { forced: Some(Plan { parts, block }), ..self }
    }

    /// Writes constraints out as kernels of their own for AIRs of up to `most` multiplications a row; those with more, and by default all, are interpreted.
    pub fn writing(self, most: usize) -> Self {
        Self { written: AtomicUsize::new(most), ..self }
    }

    /// Multiplications of an AIR's constraints up to which these are written out; 0 where none are.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    /// Proofs that did not fit the device's memory as a whole.
    pub fn streamed(&self) -> u64 {
        self.streamed.load(Ordering::Relaxed)
    }

    /// The device.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    fn shape(&self, key: &AirKey) -> Result<Arc<Shape>, Error> {
        let k = key.spec.k;
        if !(MIN_K..=MAX_K).contains(&k) {
            return Err(Error::Size(format!("k = {k} is not between {MIN_K} and {MAX_K}")));
        }
        kept(&self.shapes, name(key), || Ok(Shape::new(&key.spec, self.written())))
    }

    fn size(&self, key: &AirKey, shape: &Shape) -> Result<Arc<Size>, Error> {
        kept(&self.sizes, key.spec.k, || {
            self.make_room(shape.size() + shape.preparing(&self.rooms()), None)?;
            Size::new(&self.device, &key.params)
        })
    }

    fn circuit(&self, size: &Size, key: &AirKey, shape: &Shape) -> Result<Arc<Circuit>, Error> {
        kept(&self.circuits, name(key), || {
            self.make_room(shape.circuit() + shape.preparing(&self.rooms()), None)?;
            Circuit::new(&self.device, size, key, self.written())
        })
    }

    /// All that proofs of an AIR share. If the driver refuses kernels that are written out, none are from now on.
    fn prepared(&self, key: &AirKey) -> Result<Prepared, Error> {
        let prepare = || {
            let shape = self.shape(key)?;
            let size = self.size(key, &shape)?;
            let circuit = self.circuit(&size, key, &shape)?;
            Ok(Prepared { shape, size, circuit })
        };
        match prepare() {
            Err(error @ Error::Kernel { .. }) if self.written() > 0 => {
                tracing::warn!(air = key.spec.name, %error, "the driver refuses constraints that are written out: they are interpreted");
                self.written.store(0, Ordering::Relaxed);
                lock(&self.shapes).clear();
                lock(&self.circuits).clear();
                prepare()
            }
            prepared => prepared,
        }
    }

    fn rooms(&self) -> Rooms {
        Rooms::of(&self.device)
    }

    /// Bytes that are free.
    fn free(&self) -> u64 {
        self.device.budget().saturating_sub(self.device.memory())
    }

    /// Gives up what waits on the device until so many bytes are free or nothing is left to give up: columns, which are in the host's memory too, the
    /// oldest first, but not those of `own`; then what is kept for other AIRs and sizes.
    fn make_room(&self, bytes: u64, own: Option<&OnDevice>) -> Result<(), Error> {
        self.device.settle()?;
        let waiting: Vec<Arc<OnDevice>> = lock(&self.kept).iter().filter_map(Weak::upgrade).collect();
        for columns in waiting.iter().filter(|columns| own.is_none_or(|own| !std::ptr::eq(own, &***columns))) {
            if self.free() >= bytes {
                return Ok(());
            }
            lock(&columns.columns).take();
        }
        if self.free() < bytes {
            lock(&self.circuits).retain(|_, circuit| Arc::strong_count(circuit) > 1);
            lock(&self.sizes).retain(|_, size| Arc::strong_count(size) > 1);
        }
        Ok(())
    }

    /// Commits to columns. With `keep`, those go up together and come back with the commitments.
    fn committed(
        &self,
        key: &AirKey,
        columns: &[&ColumnData],
        blinds: &[F],
        keep: bool,
    ) -> Result<(Vec<Point>, Option<Vec<PackedColumn>>), PlonkError> {
        let shape = self.shape(key)?;
        if columns.iter().any(|column| column_length(column) > key.spec.rows()) {
            return Err(PlonkError::Witness { air: key.spec.name, reason: "a column is too long" });
        }
        let size = self.size(key, &shape)?;
        let host: Vec<HostColumn> = columns.par_iter().map(|column| HostColumn::new(column)).collect();
        let bytes = host.iter().map(HostColumn::bytes).sum::<u64>();
        let committing = shape.committing(&self.rooms());
        self.make_room(committing, None)?;
        let mut batch = self.device.batch();
        // A quarter of the budget is for columns that wait for their proofs.
        if keep && self.waiting() + bytes <= self.device.budget() / 4 && self.free() >= bytes + committing {
            let kept = host.iter().map(|column| column.upload(&self.device)).collect::<Result<Vec<_>, _>>()?;
            let points = commit(&mut batch, &size, &kept.iter().map(Source::Device).collect::<Vec<_>>(), blinds)?;
            return Ok((points, Some(kept)));
        }
        Ok((commit(&mut batch, &size, &host.iter().map(Source::Host).collect::<Vec<_>>(), blinds)?, None))
    }

    /// Bytes of columns that wait for their proofs.
    fn waiting(&self) -> u64 {
        let mut kept = lock(&self.kept);
        kept.retain(|columns| columns.strong_count() > 0);
        let bytes = |columns: Arc<OnDevice>| lock(&columns.columns).as_ref().map_or(0, |_| columns.bytes);
        kept.iter().filter_map(Weak::upgrade).map(bytes).sum()
    }

    /// How a proof is made: with all on the device if that is possible at all, else in the quickest way that fits.
    fn plan(&self, shape: &Shape, own: Option<&OnDevice>) -> Result<Plan, Error> {
        let rooms = self.rooms();
        if let Some(plan) = self.forced {
            return Ok(plan);
        }
        let whole = Plan { parts: 0, block: None };
        if let Ok(bytes) = shape.peak(whole, &rooms) {
            self.make_room(bytes, own)?;
            if bytes <= self.free() {
                return Ok(whole);
            }
        }
        if let Some(plan) = shape.plan(&rooms, self.free()) {
            return Ok(plan);
        }
        self.make_room(u64::MAX, None)?;
        let plan = shape.plan(&rooms, self.free());
        plan.ok_or_else(|| shape.too_small(&rooms, self.device.budget(), self.device.memory()))
    }

    /// Counts a proof that is not made in the usual way.
    fn note(&self, key: &AirKey, plan: Plan) {
        let Plan { parts, block } = plan;
        let (air, k) = (key.spec.name, key.spec.k);
        if parts > 0 || block.is_some() {
            self.streamed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                air,
                k,
                parts = 1 << parts,
                ?block,
                "the proof does not fit the GPU's memory as a whole and streams"
            );
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turn)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(key: &AirKey) -> CircuitKey {
    (key.spec.id, key.spec.k, key.repr.to_repr())
}

/// A value by its name, made when it is first asked for; only the thread whose turn it is asks.
fn kept<K: Eq + Hash, V>(
    map: &Mutex<HashMap<K, Arc<V>>>,
    name: K,
    make: impl FnOnce() -> Result<V, Error>,
) -> Result<Arc<V>, Error> {
    if let Some(value) = lock(map).get(&name) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(make()?);
    Ok(Arc::clone(lock(map).entry(name).or_insert(value)))
}

impl Backend for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, PlonkError> {
        let _turn = self.turn();
        let (columns, blinds): (Vec<&ColumnData>, Vec<F>) = columns.iter().copied().unzip();
        Ok(self.committed(key, &columns, &blinds, false)?.0)
    }

    fn commit_phase_one(&self, key: &AirKey, trace: &Trace, blinds: &[F]) -> Result<PhaseOne, PlonkError> {
        let _turn = self.turn();
        let (points, columns) = self.committed(key, &trace.columns.iter().collect::<Vec<_>>(), blinds, true)?;
        let bytes = columns.iter().flatten().map(PackedColumn::bytes).sum();
        let kept = Arc::new(OnDevice {
            device: Arc::clone(&self.device),
            blinds: blinds.to_vec(),
            points: points.clone(),
            bytes,
            columns: Mutex::new(columns.map(Arc::new)),
        });
        lock(&self.kept).push(Arc::downgrade(&kept));
        let resident: Resident = kept;
        Ok(PhaseOne { points, resident: Some(resident) })
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, PlonkError> {
        let _turn = self.turn();
        quintet_plonk::engine::check(&key.spec, witness)?;
        let Prepared { shape, size, circuit } = self.prepared(key)?;
        let kept = witness.resident.and_then(|resident| resident.downcast_ref::<OnDevice>());
        let kept = kept.filter(|kept| {
            Arc::ptr_eq(&kept.device, &self.device)
                && kept.points.len() == key.spec.phase_one
                && witness.blinds.advice.starts_with(&kept.blinds)
        });
        let points = match kept {
            Some(kept) => kept.points.clone(),
            None => {
                let columns: Vec<&ColumnData> = witness.trace.columns.iter().collect();
                self.committed(key, &columns, &witness.blinds.advice[..key.spec.phase_one], false)?.0
            }
        };
        let plan = self.plan(&shape, kept)?;
        self.note(key, plan);
        let on_device = kept.and_then(|kept| lock(&kept.columns).clone());
        let on_host: Vec<HostColumn> = match on_device {
            Some(_) => Vec::new(),
            None => witness.trace.columns.par_iter().map(HostColumn::new).collect(),
        };
        let columns = match &on_device {
            Some(columns) => columns.iter().map(Source::Device).collect(),
            None => on_host.iter().map(Source::Host).collect(),
        };
        let proof = Proof { device: &self.device, size: &size, circuit: &circuit, key, witness, plan };
        proof.make(First { columns, points })
    }
}

/// What proofs of one AIR share.
struct Prepared {
    shape: Arc<Shape>,
    size: Arc<Size>,
    circuit: Arc<Circuit>,
}

/// What is kept between commitment and proof.
struct OnDevice {
    device: Arc<Device>,
    blinds: Vec<F>,
    points: Vec<Point>,
    /// Bytes of the columns.
    bytes: u64,
    /// The columns, as long as there is room for them.
    columns: Mutex<Option<Arc<Vec<PackedColumn>>>>,
}
