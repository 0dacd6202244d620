//! A program as the verifier knows it: its entry, its layout and the pinned commitments of its tables.

use std::{collections::BTreeMap, ops::Range};

use quintet_air::ColumnData;

use crate::{
    AirKind, Backend, Digest, Error, InstanceId, MachineKeys,
    blinds::pinned_blind,
    commitment::{PointBytes, column_length, encode_points},
    hash::{Domain, ProofHash},
    statement::hash_instance,
    suite::Hash,
};

/// What a program is besides its tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramLayout {
    /// Address of the first instruction.
    pub entry: u64,
    /// Byte addresses of the executable segment.
    pub text: Range<u64>,
    /// Byte addresses of the segments with initial values, by address.
    pub image: Vec<Range<u64>>,
}

/// The pinned columns of one instance, in column order.
#[derive(Clone, Debug)]
pub struct PinnedInstance {
    /// The instance.
    pub id: InstanceId,
    /// Values of its pinned columns.
    pub columns: Vec<ColumnData>,
}

/// A program at one size: what proofs of it are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramKey {
    k: u32,
    layout: ProgramLayout,
    pins: BTreeMap<InstanceId, Vec<PointBytes>>,
    id: Digest,
}

impl ProgramKey {
    /// Commits to the program's tables. Every instance of every pinned AIR has to be given, each once, numbered without gaps.
    ///
    /// # Errors
    /// If an instance is doubled, missing below another, not of a pinned AIR or not of its shape.
    pub fn new(
        keys: &MachineKeys,
        backend: &dyn Backend,
        layout: ProgramLayout,
        tables: impl IntoIterator<Item = PinnedInstance>,
    ) -> Result<Self, Error> {
        let mut pins = BTreeMap::new();
        for table in tables {
            let key = keys.require(table.id.air)?;
            let columns: Vec<usize> = key.pinned_columns().collect();
            let fits = table.columns.iter().all(|values| column_length(values) <= key.spec.height());
            if columns.is_empty() || columns.len() != table.columns.len() || !fits {
                return Err(Error::WrongPins(table.id));
            }
            let blinded: Vec<_> = table
                .columns
                .iter()
                .zip(&columns)
                .map(|(values, &column)| (values, pinned_blind(table.id.air, table.id.index, column)))
                .collect();
            let points = encode_points(&backend.commit(key, &blinded)?);
            if pins.insert(table.id, points).is_some() {
                return Err(Error::WrongPins(table.id));
            }
        }
        let mut next: BTreeMap<u16, u32> = BTreeMap::new();
        for id in pins.keys() {
            let index = next.entry(id.air).or_default();
            if id.index != *index {
                return Err(Error::NotPinned(InstanceId { air: id.air, index: *index }));
            }
            *index += 1;
        }
        let id = program_id(keys.k(), &layout, &pins);
        Ok(Self { k: keys.k(), layout, pins, id })
    }

    /// `program_id`.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// Log₂ of the number of rows of its tables.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Address of the first instruction and ranges.
    pub fn layout(&self) -> &ProgramLayout {
        &self.layout
    }

    /// Pinned points of an instance, in column order; none for AIRs without pins.
    pub fn pins(&self, id: InstanceId) -> &[PointBytes] {
        self.pins.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Number of instances of a pinned AIR.
    pub fn instances(&self, air: u16) -> usize {
        self.pins.keys().filter(|id| id.air == air).count()
    }

    /// Whether an instance may occur, as far as the program is concerned.
    pub(crate) fn has(&self, kind: AirKind, id: InstanceId) -> bool {
        !kind.is_pinned() || self.pins.contains_key(&id)
    }
}

/// H(domain, k, entry, text, image ranges, and of each pinned instance: AIR, index, points).
fn program_id(k: u32, layout: &ProgramLayout, pins: &BTreeMap<InstanceId, Vec<PointBytes>>) -> Digest {
    let range = |hash: Hash, range: &Range<u64>| hash.uint(range.start).uint(range.end);
    let hash = Hash::new(Domain::Program).uint(u64::from(k)).uint(layout.entry);
    let hash = range(hash, &layout.text).uint(layout.image.len() as u64);
    let hash = layout.image.iter().fold(hash, range).uint(pins.len() as u64);
    let add = |hash: Hash, (id, points): (&InstanceId, &Vec<PointBytes>)| {
        let hash = hash_instance(hash, *id).uint(points.len() as u64);
        points.iter().fold(hash, |hash, point| hash.word(point))
    };
    pins.iter().fold(hash, add).digest()
}
