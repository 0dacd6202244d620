//! Keys of machine and guest by size, made when first needed and kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use quintet_machine::{AirId, airs};
use quintet_plonk::{
    AirKind, Backend, BackendKind, InstanceId, MachineAir, MachineKeys, Params, PinnedInstance, ProgramKey, ProofLayout,
};
use quintet_types::Root;

use crate::{Error, Guest};

/// Machine and guest at one k.
#[derive(Clone, Debug)]
pub struct SizedCircuits {
    /// Verifying keys of all AIRs.
    pub keys: Arc<MachineKeys>,
    /// Pinned commitments of the guest.
    pub program: Arc<ProgramKey>,
}

impl SizedCircuits {
    /// `machine_id`.
    pub fn machine_id(&self) -> Root {
        self.keys.id().0.into()
    }

    /// `program_id`.
    pub fn program_id(&self) -> Root {
        self.program.id().0.into()
    }
}

/// Where parameters of a size come from.
pub type ParamsSource = Box<dyn Fn(u32) -> Result<Arc<Params>, quintet_plonk::Error> + Send + Sync>;

/// Machine and guest at every k that was asked for.
pub struct Circuits {
    guest: Guest,
    params: ParamsSource,
    backend: Arc<dyn Backend>,
    sizes: Mutex<HashMap<u32, Arc<Mutex<Option<SizedCircuits>>>>>,
}

impl std::fmt::Debug for Circuits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Circuits")
            .field("guest", &self.guest.name)
            .field("backend", &self.backend.name())
            .finish_non_exhaustive()
    }
}

/// Which instances of an AIR a plan may hold.
const fn kind(air: AirId) -> AirKind {
    match air {
        AirId::Program => AirKind::Selection,
        AirId::Image => AirKind::Whole,
        _ => AirKind::Execution,
    }
}

impl Circuits {
    /// Circuits of a guest, proven by the fastest backend that this machine has. `params` gives the generators of a size, usually out of a cache on disk.
    pub fn new(guest: Guest, params: ParamsSource) -> Self {
        Self { guest, params, backend: BackendKind::Auto.build(), sizes: Mutex::default() }
    }

    /// The same with another backend.
    #[must_use]
    pub fn with_backend(self, backend: Arc<dyn Backend>) -> Self {
        Self { backend, ..self }
    }

    /// The guest.
    pub const fn guest(&self) -> &Guest {
        &self.guest
    }

    /// What commits and proves.
    pub const fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Machine and guest at size `2^k`; made on the first call, which takes seconds.
    ///
    /// # Errors
    /// If parameters or keys cannot be made.
    pub fn at(&self, k: u32) -> Result<SizedCircuits, Error> {
        let slot = Arc::clone(self.sizes.lock().unwrap_or_else(PoisonError::into_inner).entry(k).or_default());
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*slot {
            return Ok(made.clone());
        }
        let made = self.make(k)?;
        Ok(slot.insert(made).clone())
    }

    fn make(&self, k: u32) -> Result<SizedCircuits, Error> {
        let params = (self.params)(k)?;
        let machine = AirId::ALL.map(|air| MachineAir { spec: (*airs::spec(air, k)).clone(), kind: kind(air) });
        let keys = Arc::new(MachineKeys::new(&params, machine.into())?);
        let mut tables = Vec::new();
        for air in AirId::ALL {
            for index in 0..airs::pinned_instances(&self.guest.program, air, k) {
                tables.push(self.pinned(air, index, k)?);
            }
        }
        let program = Arc::new(ProgramKey::new(&keys, &*self.backend, self.guest.layout(), tables)?);
        Ok(SizedCircuits { keys, program })
    }

    fn pinned(&self, air: AirId, index: u32, k: u32) -> Result<PinnedInstance, Error> {
        let spec = airs::spec(air, k);
        let trace = airs::pinned_trace(&self.guest.program, air, index, k)?;
        let columns = trace.columns.into_iter().zip(&spec.columns).filter(|(_, info)| info.pinned);
        let columns = columns.map(|(values, _)| values).collect();
        Ok(PinnedInstance { id: InstanceId { air: air.number(), index }, columns })
    }

    /// Bytes of a partial proof of an AIR at a size.
    pub fn partial_bytes(air: AirId, k: u32) -> u64 {
        ProofLayout::new(&airs::spec(air, k)).proof_bytes() as u64
    }
}
