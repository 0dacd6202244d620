//! What a proof takes on a device, and how it is cut up where that is more than there is.

use std::collections::BTreeSet;

use quintet_air::{AirSpec, ColumnClass, public};
use quintet_plonk::{
    ProofLayout,
    engine::{Group, MAX_LOG, Queries, challenge_of},
};

use crate::{
    Error,
    device::{ARENA, ARENAS},
    field,
    instance::Places,
    msm,
    program::{is_written, spilled},
    rooms::Rooms,
    tile,
    transform::Transform,
};

/// Log₂ of the parts of a coset, at most.
const MAX_PARTS: u32 = 6;
/// Rows of a part, at least: columns of so many rows are a multiple of what parts of buffers are aligned to.
const MIN_PART: u32 = 4;

/// How a proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Plan {
    /// Log₂ of the parts of a coset on which constraints are run one after another.
    pub(crate) parts: u32,
    /// Whether coefficients of all columns stay on the device. If not, they are made again, so many columns at a time, by each step that needs them.
    pub(crate) block: Option<usize>,
}

/// What of an AIR at one size decides about memory.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    air: &'static str,
    k: u32,
    rows: usize,
    /// The envelope and fixed columns.
    shared: usize,
    /// Witness columns that have polynomials, the instance among them.
    witness: usize,
    /// Field columns of the second phase.
    second: usize,
    /// First-phase columns by their bits on the device.
    first: Vec<u32>,
    /// What constraints read on the first coset, which has all of them: by column, and by program with rotations.
    read: BTreeSet<(usize, i32)>,
    programs: Vec<Vec<(usize, i32)>>,
    /// Values of a row that lie in a buffer, by program.
    spilled: Vec<u32>,
    scalars: usize,
    steps: usize,
    /// Columns of values of constraints.
    values: usize,
    pieces: usize,
    sets: usize,
}

impl Shape {
    /// With constraints written out that have up to `written` multiplications.
    pub(crate) fn new(spec: &AirSpec, written: usize) -> Self {
        let groups = Group::all(spec);
        let written = is_written(&groups, written);
        let places = Places::new(spec);
        let queries = Queries::new(spec);
        let programs: Vec<Vec<(usize, i32)>> = groups
            .iter()
            .map(|group| group.code.columns.iter().map(|(input, rotation)| (places.of(*input), *rotation)).collect())
            .collect();
        let second = (spec.phase_one..spec.columns.len()).filter(|column| challenge_of(spec, *column).is_none()).count();
        let bits = |class: &ColumnClass| match class {
            ColumnClass::Uint(bits) => bits.next_power_of_two().max(8),
            ColumnClass::Field => 256,
        };
        let no_weights = vec![quintet_air::F::from(0); spec.constraints.len()];
        let no_challenges = vec![quintet_air::F::from(0); 1 + spec.powers];
        let scalars = groups.iter().map(|group| group.code.scalars(&no_weights, &no_challenges).len()).sum();
        Self {
            air: spec.name,
            k: spec.k,
            rows: spec.rows(),
            shared: 1 + spec.fixed.len(),
            witness: 1 + spec.phase_one + second,
            second,
            first: spec.columns[..spec.phase_one].iter().map(|column| bits(&column.class)).collect(),
            read: programs.iter().flatten().copied().collect(),
            spilled: groups.iter().map(|group| spilled(group, written)).collect(),
            scalars,
            steps: groups.iter().map(|group| group.code.steps.len()).sum(),
            values: groups.iter().map(|group| 1 << group.log).sum(),
            programs,
            pieces: ProofLayout::new(spec).pieces,
            sets: queries.sets.len(),
        }
    }

    /// Bytes of a column of field elements.
    fn column(&self) -> u64 {
        self.rows as u64 * field::BYTES
    }

    /// Bytes of the first-phase columns as they are brought to the device.
    pub(crate) fn packed(&self) -> u64 {
        self.first.iter().map(|bits| self.packed_column(*bits)).sum()
    }

    fn packed_column(&self, bits: u32) -> u64 {
        self.rows as u64 * u64::from(bits) / 8
    }

    /// Bytes of generators and roots of unity.
    pub(crate) fn size(&self) -> u64 {
        4 * self.column() + Transform::bytes(self.k)
    }

    /// Bytes of what all proofs of the AIR share.
    pub(crate) fn circuit(&self) -> u64 {
        self.shared as u64 * self.column() + 16 * self.steps as u64 + 64
    }

    /// The most that is held while generators and shared columns are made, beside those.
    pub(crate) fn preparing(&self, rooms: &Rooms) -> u64 {
        let columns =
            self.host(rooms, self.column(), self.shared as u64 * self.column()) + self.transformed(rooms, self.shared);
        let envelope = self.packed_column(8) + self.sums(8, 1, rooms);
        // Of the generators that go up, copies are on their way.
        slack() + rooms.uploads.min(2 * self.column()).max(columns).max(envelope)
    }

    /// Of columns of `all` bytes in the host's memory, those that are on the device at a time, and their copies on the way.
    fn host(&self, rooms: &Rooms, widest: u64, all: u64) -> u64 {
        rooms.columns.max(widest).min(all) + rooms.uploads.min(all)
    }

    /// What interpolating so many columns takes beside them.
    fn transformed(&self, rooms: &Rooms, count: usize) -> u64 {
        2 * rooms.scratch_columns(self.rows).min(count.max(1)) as u64 * self.column()
    }

    fn sums(&self, bits: u32, count: usize, rooms: &Rooms) -> u64 {
        msm::bytes(self.rows, bits, count, rooms)
    }

    /// The most that committing to the first phase takes, beside columns that are kept.
    pub(crate) fn committing(&self, rooms: &Rooms) -> u64 {
        let sums = |bits| self.sums(bits, self.first.iter().filter(|own| **own == bits).count(), rooms);
        let widest = self.first.iter().map(|bits| self.packed_column(*bits)).max().unwrap_or(0);
        slack() + self.host(rooms, widest, self.packed()) + [8, 16, 32, 64, 256].map(sums).into_iter().max().unwrap_or(0)
    }

    /// The most that a proof takes at a time, beside generators, shared columns and packed columns of the first phase that are on the device.
    ///
    /// # Errors
    /// If one row of all columns does not fit a binding.
    pub(crate) fn peak(&self, plan: Plan, rooms: &Rooms) -> Result<u64, Error> {
        let column = self.column();
        let instance = (public::COUNT as u64 * field::BYTES).next_multiple_of(16);
        let second = self.second as u64 * column + instance;
        let host = |all: u64| self.host(rooms, column, all);
        let all = self.packed() + second;
        // What lies there all the time, what a step that reads coefficients has beside it, and what making them takes.
        let (kept, block, making) = match plan.block {
            None => (self.witness as u64 * column, 0, host(all) + self.transformed(rooms, self.witness)),
            Some(block) => {
                let block = block.min(self.witness);
                (0, block as u64 * column, host(all) + self.transformed(rooms, block))
            }
        };
        let resident = if plan.block.is_none() { second } else { 0 };
        let at_once = (rooms.columns / column).max(1) as usize;
        let committed = match plan.block {
            None => resident + rooms.uploads.min(second) + self.sums(256, self.second.max(1), rooms),
            Some(_) => host(second) + self.sums(256, (self.second + 1).min(at_once + 1), rooms),
        };
        let interpolated = if plan.block.is_none() { kept + resident + making } else { 0 };
        let streamed = block + if plan.block.is_some() { making } else { 0 };
        let quotient = kept + self.constraints(plan, rooms, streamed)?;
        let pieces = self.pieces as u64 * column;
        let combined = kept + (self.values as u64 + 2 + (1 << MAX_LOG)) * column + pieces;
        let sent = kept + 2 * pieces + self.sums(256, self.pieces, rooms);
        let sets = self.sets as u64;
        let opened = kept + pieces + (2 * sets + 5) * column + streamed.max(self.sums(256, 1, rooms));
        let folded = kept + pieces + 9 * column + self.sums(256, 2, rooms);
        Ok(slack() + [committed, interpolated, quotient, combined, sent, opened, folded].into_iter().max().unwrap_or(0))
    }

    /// The most that running constraints takes, with `streamed` for columns that are not there.
    fn constraints(&self, plan: Plan, rooms: &Rooms, streamed: u64) -> Result<u64, Error> {
        let rows = self.rows >> plan.parts;
        let part = rows as u64 * field::BYTES;
        let reads: BTreeSet<(usize, i32)> =
            if plan.parts == 0 { self.read.iter().map(|(place, _)| (*place, 0)).collect() } else { self.read.clone() };
        let flat = |read: &(usize, i32)| {
            if plan.parts == 0 { *read } else { (reads.iter().position(|own| own == read).unwrap_or(0), 0) }
        };
        let mut tiles = 0;
        for (program, spilled) in self.programs.iter().zip(&self.spilled) {
            let read: Vec<(usize, i32)> = program.iter().map(flat).collect();
            tiles += tile::bytes(reads.len(), &read, *spilled, rows, rooms)?;
        }
        let scratch = rooms.scratch_columns(rows).min(reads.len()) as u64 * part;
        let fine = if plan.parts == 0 { 0 } else { Transform::bytes(self.k - plan.parts) };
        let lists = 32 * (reads.len() + self.scalars) as u64 + 4096;
        let columns = reads.len() as u64 * part;
        Ok(self.values as u64 * self.column()
            + fine
            + columns
            + lists
            + (part + scratch + streamed).max(part + scratch + tiles))
    }

    /// The quickest way to make a proof within `free` bytes.
    pub(crate) fn plan(&self, rooms: &Rooms, free: u64) -> Option<Plan> {
        let block = rooms.scratch_columns(self.rows);
        let last = MAX_PARTS.min(self.k.saturating_sub(MIN_PART));
        let mut plans: Vec<Plan> =
            (0..=last).flat_map(|parts| [Plan { parts, block: None }, Plan { parts, block: Some(block) }]).collect();
        plans.sort_by_key(|plan| self.cost(*plan));
        plans.into_iter().find(|plan| self.peak(*plan, rooms).is_ok_and(|peak| peak <= free))
    }

    /// Multiplications for a coefficient on one coset.
    fn cost(&self, plan: Plan) -> u32 {
        let parts = 1 << plan.parts;
        let folding = if plan.parts == 0 { 0 } else { parts };
        self.k / 2 + folding + if plan.block.is_some() { parts * (self.k / 2 + 2) } else { 0 }
    }
}

/// Parameters, and lists of columns that are too short to be counted one by one.
fn slack() -> u64 {
    ARENA * (ARENAS as u64 + 1) + (64 << 10)
}

/// What proofs of an AIR at one size take on a device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Need {
    /// With everything on the device from commitment to proof.
    pub whole: u64,
    /// At least: columns stream from the host's memory, and constraints are run on parts of the rows.
    pub least: u64,
    /// Columns as they are kept between commitment and proof, for each instance that is committed to; those are the first to go if memory is short.
    pub kept: u64,
}

impl Need {
    /// Of an AIR, on a device whose kernels see `binding` bytes of a buffer and are written out for constraints of up to `written` multiplications.
    ///
    /// # Errors
    /// If one row of its columns does not fit.
    pub fn new(spec: &AirSpec, binding: u64, written: usize) -> Result<Self, Error> {
        let shape = Shape::new(spec, written);
        let whole = shape.whole(&Rooms::new(u64::MAX, binding))?;
        Ok(Self { whole, least: shape.least(whole, binding), kept: shape.packed() })
    }
}

impl Shape {
    /// What stays between proofs.
    fn base(&self) -> u64 {
        self.size() + self.circuit() + slack()
    }

    fn whole(&self, rooms: &Rooms) -> Result<u64, Error> {
        let proof = self.peak(Plan { parts: 0, block: None }, rooms)?;
        let base = self.base();
        Ok((base + self.packed() + proof.max(self.committing(rooms))).max(base + self.preparing(rooms)))
    }

    /// Whether a device with this budget can make a proof.
    fn fits(&self, budget: u64, binding: u64) -> bool {
        let rooms = Rooms::new(budget, binding);
        let free = budget.saturating_sub(self.base());
        self.preparing(&rooms) <= free && self.committing(&rooms) <= free && self.plan(&rooms, free).is_some()
    }

    /// The least budget that is enough, to a thousandth of one that is.
    fn least(&self, enough: u64, binding: u64) -> u64 {
        let (mut low, mut high) = (0, enough);
        while high - low > (enough >> 10).max(1) {
            let middle = low + (high - low) / 2;
            if self.fits(middle, binding) { high = middle } else { low = middle }
        }
        high
    }

    /// The error of a proof that does not fit.
    pub(crate) fn too_small(&self, rooms: &Rooms, budget: u64, in_use: u64) -> Error {
        match self.whole(&Rooms::new(u64::MAX, rooms.binding)) {
            Ok(whole) => Error::TooSmall { air: self.air, k: self.k, least: self.least(whole, rooms.binding), budget, in_use },
            Err(error) => error,
        }
    }
}
