//! The phase-1 columns of one instance, filled row by row in parallel.

use ff::Field;
use rayon::prelude::*;

use crate::{AirSpec, Cell, Column, ColumnClass, F, LocalTable};

/// Values of one column; rows past the end of the vector are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnData {
    /// Integers below 2^64.
    Uint(Vec<u64>),
    /// Field elements.
    Field(Vec<F>),
}

impl ColumnData {
    /// Value at a row.
    pub fn get(&self, row: usize) -> F {
        match self {
            Self::Uint(values) => values.get(row).map_or(F::ZERO, |&value| F::from(value)),
            Self::Field(values) => values.get(row).copied().unwrap_or(F::ZERO),
        }
    }

    /// Sets the value at a row below the height, widening the storage if it has to.
    pub fn set(&mut self, row: usize, value: F) {
        if let Self::Uint(values) = self {
            *self = Self::Field(values.iter().map(|&value| F::from(value)).collect());
        }
        if let Self::Field(values) = self {
            values[row] = value;
        }
    }

    /// All `rows` values.
    pub fn to_field(&self, rows: usize) -> Vec<F> {
        let mut values: Vec<F> = match self {
            Self::Uint(values) => values.iter().map(|&value| F::from(value)).collect(),
            Self::Field(values) => values.clone(),
        };
        values.resize(rows, F::ZERO);
        values
    }
}

/// The phase-1 columns of one instance: column-major, `height` rows each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In column order.
    pub columns: Vec<ColumnData>,
}

/// Rows per unit of parallel work.
const CHUNK: usize = 256;

enum Slice<'a> {
    Uint(&'a mut [u64]),
    Field(&'a mut [F]),
}

/// One row while it is filled.
#[allow(missing_debug_implementations, reason = "a borrowed view that lives for one closure call")]
pub struct RowMut<'r, 'a> {
    columns: &'r mut [Slice<'a>],
    offset: usize,
}

impl RowMut<'_, '_> {
    /// Sets a cell to an integer.
    pub fn set<B>(&mut self, column: Column<B>, value: u64) {
        match &mut self.columns[column.index()] {
            Slice::Uint(values) => values[self.offset] = value,
            Slice::Field(values) => values[self.offset] = F::from(value),
        }
    }

    /// Sets a cell to 0 or 1.
    pub fn set_bool<B>(&mut self, column: Column<B>, value: bool) {
        self.set(column, u64::from(value));
    }

    /// Sets a cell to a field element.
    ///
    /// # Panics
    /// If the column was declared as an integer column: a mistake of the AIR's author.
    pub fn set_field<B>(&mut self, column: Column<B>, value: F) {
        match &mut self.columns[column.index()] {
            Slice::Field(values) => values[self.offset] = value,
            Slice::Uint(_) => panic!("column {} holds integers", column.index()),
        }
    }
}

impl Trace {
    /// A trace of zeros.
    pub fn new(spec: &AirSpec) -> Self {
        let column = |class| match class {
            ColumnClass::Uint(_) => ColumnData::Uint(vec![0; spec.height()]),
            ColumnClass::Field => ColumnData::Field(vec![F::ZERO; spec.height()]),
        };
        Self { columns: spec.columns[..spec.phase_one].iter().map(|info| column(info.class)).collect() }
    }

    /// Fills rows `0 .. rows`, in parallel, each by one call of `fill`.
    pub fn fill(&mut self, rows: usize, fill: impl Fn(usize, &mut RowMut<'_, '_>) + Sync) {
        let mut chunks: Vec<Vec<Slice<'_>>> = (0..rows.div_ceil(CHUNK)).map(|_| Vec::new()).collect();
        for column in &mut self.columns {
            match column {
                ColumnData::Uint(values) => {
                    for (chunk, slice) in chunks.iter_mut().zip(values[..rows].chunks_mut(CHUNK)) {
                        chunk.push(Slice::Uint(slice));
                    }
                }
                ColumnData::Field(values) => {
                    for (chunk, slice) in chunks.iter_mut().zip(values[..rows].chunks_mut(CHUNK)) {
                        chunk.push(Slice::Field(slice));
                    }
                }
            }
        }
        chunks.par_iter_mut().enumerate().for_each(|(number, columns)| {
            let start = number * CHUNK;
            for offset in 0..CHUNK.min(rows - start) {
                fill(start + offset, &mut RowMut { columns, offset });
            }
        });
    }

    /// Value of a phase-1 cell.
    pub fn get(&self, column: usize, row: usize) -> F {
        self.columns[column].get(row)
    }

    /// Counts the lookups into the local tables. Call it when all rows are filled.
    pub fn count_tables(&mut self, spec: &AirSpec) {
        for table in &spec.tables {
            let counts = (0..spec.height())
                .into_par_iter()
                .fold(
                    || (vec![0u64; table.size], Vec::new()),
                    |(mut counts, mut parts), row| {
                        for &lookup in &table.lookups {
                            if let Some(place) = self.looked_up(spec, table, lookup, row, &mut parts) {
                                counts[place] += 1;
                            }
                        }
                        (counts, parts)
                    },
                )
                .map(|(counts, _)| counts)
                .reduce(
                    || vec![0u64; table.size],
                    |mut a, b| {
                        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                        a
                    },
                );
            if let ColumnData::Uint(column) = &mut self.columns[table.count] {
                column.fill(0);
                column[..table.size].copy_from_slice(&counts);
            }
        }
    }

    /// The table row that a lookup names at a trace row, if it looks at all and the row exists.
    fn looked_up(&self, spec: &AirSpec, table: &LocalTable, lookup: usize, row: usize, parts: &mut Vec<F>) -> Option<usize> {
        let load = |cell| match cell {
            Cell::Advice(column, rotation) => self.get(column, row.wrapping_add_signed(rotation as isize)),
            Cell::Fixed(column, _) => spec.fixed[column].values[row],
            Cell::Public(_) => F::ZERO,
        };
        let interaction = &spec.interactions[lookup];
        if interaction.multiplicity.eval(&load) == F::ZERO {
            return None;
        }
        parts.clear();
        parts.extend(interaction.message.parts.iter().map(|part| part.eval(&load)));
        table.place(parts)
    }
}
