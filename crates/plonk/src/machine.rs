//! The keys of a whole machine at one size, and the `machine_id` that stands for them.

use std::{collections::BTreeMap, sync::Arc};

use quintet_air::AirSpec;
use rayon::prelude::*;

use crate::{
    AirKey, AirKind, Digest, Error, Params,
    hash::{Domain, ProofHash},
    suite::Hash,
};

/// One AIR that a machine has.
#[derive(Clone, Debug)]
pub struct MachineAir {
    /// Its description at the machine's size.
    pub spec: AirSpec,
    /// Which of its instances a plan may hold.
    pub kind: AirKind,
}

/// Keys of all AIRs of a machine at one k.
#[derive(Debug)]
pub struct MachineKeys {
    params: Arc<Params>,
    airs: BTreeMap<u16, Arc<AirKey>>,
    id: Digest,
}

impl MachineKeys {
    /// Makes the verifying keys, in parallel.
    ///
    /// # Errors
    /// If two AIRs share a number, or one cannot become a circuit.
    pub fn new(params: &Arc<Params>, airs: Vec<MachineAir>) -> Result<Self, Error> {
        params.upstream();
        let keys: Vec<AirKey> =
            airs.into_par_iter().map(|air| AirKey::new(params, air.spec, air.kind)).collect::<Result<_, _>>()?;
        let mut by_id = BTreeMap::new();
        for key in keys {
            let air = key.spec.name;
            if by_id.insert(key.spec.id, Arc::new(key)).is_some() {
                return Err(Error::Spec { air, reason: "its number is taken".into() });
            }
        }
        let id = machine_id(params.k(), &by_id);
        Ok(Self { params: Arc::clone(params), airs: by_id, id })
    }

    /// Log₂ of the number of rows of every table.
    pub fn k(&self) -> u32 {
        self.params.k()
    }

    /// Generators.
    pub fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// `machine_id`: a hash of all verifying keys.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The key of an AIR.
    pub fn air(&self, id: u16) -> Option<&Arc<AirKey>> {
        self.airs.get(&id)
    }

    /// The key of an AIR, or an error that names it.
    ///
    /// # Errors
    /// If the machine has no such AIR.
    pub fn require(&self, id: u16) -> Result<&Arc<AirKey>, Error> {
        self.air(id).ok_or(Error::UnknownAir(id))
    }

    /// All AIRs by number.
    pub fn airs(&self) -> impl Iterator<Item = &Arc<AirKey>> {
        self.airs.values()
    }
}

/// H(k, number of AIRs, and of each: id, kind, first-phase columns, pinned columns, transcript representation). The number of
/// first-phase columns and the pins are no part of a verifying key, but what verifying means depends on them.
fn machine_id(k: u32, airs: &BTreeMap<u16, Arc<AirKey>>) -> Digest {
    let hash = Hash::new(Domain::Machine).uint(u64::from(k)).uint(airs.len() as u64);
    let add = |hash: Hash, (id, key): (&u16, &Arc<AirKey>)| {
        let kind = match key.kind {
            AirKind::Execution => 0,
            AirKind::Whole => 1,
            AirKind::Selection => 2,
        };
        let pinned: Vec<usize> = key.pinned_columns().collect();
        let hash = hash.uint(u64::from(*id)).uint(kind).uint(key.layout.phase_one as u64).uint(pinned.len() as u64);
        pinned.into_iter().fold(hash, |hash, column| hash.uint(column as u64)).field(key.repr)
    };
    airs.iter().fold(hash, add).digest()
}
