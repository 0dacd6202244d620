//! A program of constraints over the rows of a coset, on as many rows at a time as one binding holds of all its columns.

use quintet_air::F;

use crate::{Batch, Error, Slice, columns::Columns, field, program::Program, rooms::Rooms, written::Operands};

/// Rows of a program with so many values of a row in a buffer that are run at a time.
fn rows_at_once(spilled: u32, rows: usize, room: u64) -> usize {
    if spilled == 0 { rows } else { rows.min((room / (u64::from(spilled) * field::BYTES)) as usize).max(1) }
}

/// Bytes of so many values of each row.
fn spilled_bytes(spilled: u32, rows: usize) -> u64 {
    u64::from(spilled) * rows as u64 * field::BYTES
}

/// A program, its columns on a coset, and its scalars.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) program: &'a Program,
    pub(crate) columns: &'a Columns,
    /// Column and rotation of each operand that is a column.
    pub(crate) read: Vec<(usize, i32)>,
    pub(crate) scalars: &'a [F],
}

/// Rows of all columns that are copied together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    columns: usize,
    height: usize,
    above: usize,
    below: usize,
}

impl Tile {
    /// The highest that the room holds, not higher than the table.
    fn new(columns: usize, rotations: impl Iterator<Item = i32>, rows: usize, room: u64) -> Result<Self, Error> {
        let (above, below) = rotations.fold((0, 0), |(above, below): (u32, u32), rotation| {
            (above.max(rotation.min(0).unsigned_abs()), below.max(rotation.max(0).unsigned_abs()))
        });
        let (above, below) = (above as usize, below as usize);
        let fitting = (room / field::BYTES) as usize / columns.max(1);
        let height = fitting.saturating_sub(above + below).min(rows);
        if height == 0 {
            return Err(Error::Size(format!("{columns} columns of one row do not fit this device's bindings")));
        }
        Ok(Self { columns, height, above, below })
    }

    fn stride(&self) -> usize {
        self.height + self.above + self.below
    }

    fn bytes(&self) -> u64 {
        (self.columns * self.stride()) as u64 * field::BYTES
    }
}

/// Bytes of the tile for columns and their rotations, if they need one beside `all` columns on the coset, and of what lies in a buffer.
pub(crate) fn bytes(all: usize, read: &[(usize, i32)], spilled: u32, rows: usize, rooms: &Rooms) -> Result<u64, Error> {
    let most = rows_at_once(spilled, rows, rooms.tile);
    let spilled = spilled_bytes(spilled, most);
    if all as u64 * rows as u64 * field::BYTES <= rooms.binding {
        return Ok(spilled);
    }
    Ok(spilled + Tile::new(used(read).len(), read.iter().map(|read| read.1), most, rooms.tile)?.bytes())
}

/// The columns among operands, each once.
fn used(read: &[(usize, i32)]) -> Vec<usize> {
    let mut used: Vec<usize> = read.iter().map(|(column, _)| *column).collect();
    used.sort_unstable();
    used.dedup();
    used
}

impl Task<'_> {
    /// Records the run. The result of row `i` goes to place `first + i · step` of the target.
    pub(crate) fn run(&self, batch: &mut Batch<'_>, target: Slice<'_>, (first, step): (usize, usize)) -> Result<(), Error> {
        let (device, program, rows) = (batch.device(), self.program, self.columns.rows());
        let rooms = Rooms::of(device);
        let most = rows_at_once(program.spilled(), rows, rooms.tile);
        let used = used(&self.read);
        let place = |column: &usize| used.binary_search(column).unwrap_or_default();
        let tiled = self.columns.runs(usize::MAX).count() > 1;
        let (tile, read, mask): (Tile, Vec<(usize, i32)>, u32) = if tiled {
            let tile = Tile::new(used.len(), self.read.iter().map(|read| read.1), most, rooms.tile)?;
            (tile, self.read.iter().map(|(column, rotation)| (place(column), *rotation)).collect(), u32::MAX)
        } else {
            let whole = Tile { columns: self.columns.count(), height: most, above: 0, below: 0 };
            (whole, self.read.clone(), rows as u32 - 1)
        };
        let memory = if tiled { Some(device.buffer("rows of all columns", tile.bytes())?) } else { None };
        let meta: Vec<u32> = read.iter().flat_map(|(column, rotation)| [*column as u32, *rotation as u32]).collect();
        let meta = device.upload("columns of constraints", if meta.is_empty() { &[0, 0] } else { &meta })?;
        let scalars = device.upload("scalars", &field::montgomery(device.layout(), self.scalars))?;
        let handed = device.buffer("values between steps", spilled_bytes(program.spilled(), tile.height))?;
        for row in (0..rows).step_by(tile.height) {
            let count = tile.height.min(rows - row);
            if let Some(memory) = &memory {
                for (place, column) in used.iter().enumerate() {
                    self.copy(batch, *column, (row, count), memory.all(), place * tile.stride(), &tile);
                }
            }
            let stride = if tiled { tile.stride() } else { rows };
            let values = memory.as_ref().map_or(self.columns.slab(0).1, crate::Buffer::all);
            let parameters = [stride, if tiled { tile.above } else { row }, mask as usize, first + row * step, step];
            let (columns, scalars, handed) = (meta.all(), scalars.all(), handed.all());
            let operands = Operands { columns, values, scalars, handed, result: target };
            program.run(batch, count as u32, parameters.map(|value| value as u32), &operands)?;
        }
        Ok(())
    }

    /// Records the copy of some rows of a column to a tile, with those above and below, which go round.
    fn copy(
        &self,
        batch: &mut Batch<'_>,
        column: usize,
        (first, count): (usize, usize),
        to: Slice<'_>,
        at: usize,
        tile: &Tile,
    ) {
        let (rows, bytes) = (self.columns.rows(), field::BYTES);
        let source = self.columns.column(column);
        let mut at = at;
        let (mut row, mut left) = ((first + rows - tile.above % rows) % rows, count + tile.above + tile.below);
        while left > 0 {
            let piece = left.min(rows - row);
            batch.copy(source.sub(row as u64 * bytes, piece as u64 * bytes), to.sub(at as u64 * bytes, piece as u64 * bytes));
            (at, left, row) = (at + piece, left - piece, 0);
        }
    }
}
