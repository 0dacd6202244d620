//! Our own prover: the bytes of upstream's `create_proof`, several times faster.
//!
//! From the witness to the bytes: `prove` keeps the schedule, `polynomials` holds the columns, `quotient` runs the constraints that `graph` and
//! `code` have compiled, by degree as in `groups`, `opening` ends it. What does not depend on a witness is kept: `size` for all AIRs of one k, `circuit` for one AIR.

mod circuit;
mod code;
mod graph;
mod groups;
mod opening;
mod polynomials;
mod prove;
mod queries;
mod quotient;
mod size;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use ff::PrimeField;
use quintet_air::{ColumnData, F, Trace};
use quintet_arith::Path;

use crate::{AirKey, Backend, Error, PhaseOne, Resident, Witness, suite::Point};
use circuit::Circuit;
use size::Size;

/// What a backend on other hardware shares with ours: the constraints, compiled; what is opened, and in which order; the transcript.
pub mod engine {
    pub use super::{
        code::{Arg, Code, Op, Step},
        graph::{Input, challenge_of},
        groups::Group,
        opening::{Writer, squeeze},
        prove::check,
        queries::{Queries, Source},
        size::MAX_LOG,
    };
    pub use crate::{commitment::column_length, verify::check_proof};
}

/// AIR, k, and the transcript representation of the verifying key.
type CircuitKey = (u16, u32, [u8; 32]);

/// Our prover on CPUs.
pub struct Native {
    path: Path,
    sizes: Mutex<HashMap<u32, Arc<Size>>>,
    circuits: Mutex<HashMap<CircuitKey, Arc<Circuit>>>,
}

/// What is kept between commitment and proof: the points alone. Coefficients are 32 bytes a cell, and making them anew costs less than 4 % of a proof.
struct Points {
    blinds: Vec<F>,
    points: Vec<Point>,
}

impl Default for Native {
    /// The fastest path of this machine.
    fn default() -> Self {
        Self::new(Path::best())
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Native {
    /// A prover that uses the instructions of a path, which this machine must have.
    pub fn new(path: Path) -> Self {
        Self { path, sizes: Mutex::default(), circuits: Mutex::default() }
    }

    /// Makes what all proofs of an AIR share, which the first would make otherwise.
    pub fn prepare(&self, key: &AirKey) {
        self.circuit(&self.size(key), key);
    }

    fn size(&self, key: &AirKey) -> Arc<Size> {
        kept(&self.sizes, key.spec.k, || Size::new(self.path, &key.params))
    }

    fn circuit(&self, size: &Size, key: &AirKey) -> Arc<Circuit> {
        let name = (key.spec.id, key.spec.k, key.repr.to_repr());
        kept(&self.circuits, name, || Circuit::new(size, &key.spec))
    }
}

/// A value by its name, made when it is first asked for. Not under the lock: making it uses rayon, which may run another instance's proof on this very thread
/// while it waits.
fn kept<K: Eq + Hash, V>(map: &Mutex<HashMap<K, Arc<V>>>, name: K, make: impl FnOnce() -> V) -> Arc<V> {
    if let Some(value) = map.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
        return Arc::clone(value);
    }
    let value = Arc::new(make());
    Arc::clone(map.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_insert(value))
}

impl Backend for Native {
    fn name(&self) -> &'static str {
        match self.path {
            Path::Ifma => "cpu (AVX-512 IFMA)",
            Path::Avx2 => "cpu (AVX2)",
            Path::Portable => "cpu (portable)",
        }
    }

    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, Error> {
        let size = self.size(key);
        if columns.iter().any(|(column, _)| crate::commitment::column_length(column) > size.rows()) {
            return Err(Error::Witness { air: key.spec.name, reason: "a column is too long" });
        }
        Ok(prove::commit_columns(&size, columns))
    }

    fn commit_phase_one(&self, key: &AirKey, trace: &Trace, blinds: &[F]) -> Result<PhaseOne, Error> {
        let columns: Vec<_> = trace.columns.iter().zip(blinds.iter().copied()).collect();
        let points = self.commit(key, &columns)?;
        let resident: Resident = Arc::new(Points { blinds: blinds.to_vec(), points: points.clone() });
        Ok(PhaseOne { points, resident: Some(resident) })
    }

    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, Error> {
        let size = self.size(key);
        let circuit = self.circuit(&size, key);
        let kept = witness.resident.and_then(|resident| resident.downcast_ref::<Points>());
        let first =
            kept.filter(|kept| kept.points.len() == key.spec.phase_one && witness.blinds.advice.starts_with(&kept.blinds));
        prove::prove(&size, &circuit, key, witness, first.map(|kept| kept.points.as_slice()))
    }
}
