//! The quotient: the compiled constraints of an AIR, run over the rows of cosets.

use ff::{Field, PrimeField, WithSmallOrderMulGroup};
use quintet_air::F;
use quintet_plonk::engine::{Arg, Code, Group, Input, MAX_LOG, Op};

use crate::{
    Batch, Buffer, Device, Error, KernelSpec, Slice,
    columns::{Columns, groups},
    field,
    transform::{Scale, Transform, omega},
};

/// The constraints of one degree on the device.
#[derive(Debug)]
pub(crate) struct Program {
    log: u32,
    /// What is computed, on the host: scalars change from proof to proof.
    group: Group,
    steps: Buffer,
    step_count: u32,
    result: u32,
    registers: u32,
}

impl Program {
    pub(crate) fn new(device: &Device, group: Group) -> Result<Self, Error> {
        let code = &group.code;
        let words: Vec<u32> =
            code.steps.iter().flat_map(|step| [op(step.op), u32::from(step.to), arg(step.a), arg(step.b)]).collect();
        Ok(Self {
            log: group.log,
            steps: device.upload("constraints", &words)?,
            step_count: code.steps.len() as u32,
            result: arg(code.result),
            // Kernels for different AIRs are the same if they need about as many registers.
            registers: (code.registers as u32).next_multiple_of(16).max(16),
            group,
        })
    }

    fn code(&self) -> &Code {
        &self.group.code
    }
}

fn op(op: Op) -> u32 {
    match op {
        Op::Add => 0,
        Op::Sub => 1,
        Op::Mul | Op::Square => 2,
    }
}

fn arg(arg: Arg) -> u32 {
    match arg {
        Arg::Register(place) => 4 * u32::from(place),
        Arg::Column(place) => 4 * u32::from(place) + 1,
        Arg::Scalar(place) => 4 * u32::from(place) + 2,
    }
}

/// What the quotient is made of.
#[derive(Debug)]
pub(crate) struct Quotient<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) programs: &'a [Program],
    /// Coefficients of everything that constraints read.
    pub(crate) coefficients: &'a Columns,
    pub(crate) k: u32,
}

/// The first element of a coset.
fn shift(k: u32, coset: usize) -> F {
    F::ZETA * omega(k + MAX_LOG).pow_vartime([coset as u64])
}

impl Quotient<'_> {
    /// Gives the quotient's pieces of `2^k` coefficients. `weights` are the powers of y, `place` says where a column's coefficients are.
    ///
    /// Constraints are evaluated coset by coset, so that one coset of the columns is in memory.
    pub(crate) fn pieces(
        &self,
        batch: &mut Batch<'_>,
        weights: &[F],
        challenges: &[F],
        place: &dyn Fn(Input) -> usize,
        pieces: usize,
    ) -> Result<Columns, Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let vector = |label| device.buffer(label, rows as u64 * field::BYTES);
        let (scale, scratch) = (vector("powers of a coset's shift")?, vector("one column")?);
        // One column per coset of each group.
        let mut values = Vec::new();
        for program in self.programs {
            values.push((Columns::new(device, "values of constraints", rows, 1 << program.log)?, 0));
        }
        for coset in 0..1usize << MAX_LOG {
            let shift = shift(self.k, coset);
            let covering = || self.programs.iter().zip(0..).filter(|(program, _)| program.group.covers(coset));
            if covering().next().is_none() {
                continue;
            }
            let mut inputs: Vec<Input> = covering().flat_map(|(program, _)| program.code().inputs()).collect();
            inputs.sort_unstable();
            inputs.dedup();
            batch.powers(shift, F::ONE, scale.all())?;
            let columns = self.on_coset(batch, &inputs, place, scale.all())?;
            // ζ has order 3 and ω a power of 2, so the shift's n-th power is not 1.
            let vanishing = shift.pow_vartime([rows as u64]) - F::ONE;
            let inverse = vanishing.invert().into_option().unwrap_or(F::ZERO);
            let weights: Vec<F> = weights.iter().map(|weight| *weight * inverse).collect();
            for (program, number) in covering() {
                let (target, done): &mut (Columns, usize) = &mut values[number];
                let scalars = program.code().scalars(&weights, challenges);
                self.evaluate(batch, program, &inputs, &columns, &scalars, target.column(*done))?;
                *done += 1;
            }
        }
        let sum = Columns::new(device, "pieces of the quotient", rows, pieces)?;
        let coefficients = Columns::new(device, "coefficients of a coset", rows, 1 << MAX_LOG)?;
        let mut started = vec![false; pieces];
        for (program, (values, _)) in self.programs.iter().zip(&values) {
            let count = 1usize << program.log;
            for i in 0..count {
                let shift = shift(self.k, i << (MAX_LOG - program.log));
                let inverse = shift.invert().into_option().unwrap_or(F::ZERO);
                batch.powers(inverse, F::TWO_INV.pow_vartime([u64::from(self.k)]), scale.all())?;
                let place = (coefficients.column(i), scratch.all(), 1);
                self.transform.inverse(batch, values.column(i), Some(scale.all()), place)?;
            }
            // The coefficients of coset i are d[r] = Σ_t h[r + t·n] · (shiftⁿ)ᵗ, and the shifts' n-th powers are ζⁿ times the count-th roots of unity.
            let size_inverse = F::TWO_INV.pow_vartime([u64::from(program.log)]);
            let zeta_inverse = F::ZETA.square().pow_vartime([rows as u64]);
            let root_inverse = omega(program.log).invert().into_option().unwrap_or(F::ONE);
            for (t, started) in started.iter_mut().enumerate().take(count) {
                let outer = zeta_inverse.pow_vartime([t as u64]) * size_inverse;
                let terms: Vec<(usize, F)> =
                    (0..count).map(|i| (i, root_inverse.pow_vartime([(i * t) as u64]) * outer)).collect();
                batch.combine_onto(&coefficients, &terms, sum.column(t), *started)?;
                *started = true;
            }
        }
        Ok(sum)
    }

    /// Values of columns on a coset.
    fn on_coset(
        &self,
        batch: &mut Batch<'_>,
        inputs: &[Input],
        place: &dyn Fn(Input) -> usize,
        scale: Slice<'_>,
    ) -> Result<Columns, Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let columns = Columns::new(device, "columns on a coset", rows, inputs.len())?;
        let most = scratch_columns(device, rows);
        let scratch = device.buffer("columns between passes", (rows * most.min(inputs.len())) as u64 * field::BYTES)?;
        for run in columns.runs(most) {
            // As far as the sources lie in one slab.
            let mut start = run.start;
            while start < run.end {
                let (number, slab, _) = self.coefficients.slab(place(inputs[start]));
                let places = inputs[start..run.end].iter().map(|input| self.coefficients.slab(place(*input)));
                let list: Vec<u32> = places.take_while(|(other, ..)| *other == number).map(|(.., at)| at as u32).collect();
                let end = start + list.len();
                let list = device.upload("which columns", &list)?;
                let target = (columns.range(start..end), scratch.all(), end - start);
                self.transform.forward(batch, slab, Some(&list), Scale::Before(scale), target)?;
                start = end;
            }
        }
        Ok(columns)
    }

    /// Runs a program over a coset, on as many rows at a time as fit one binding with all their columns.
    fn evaluate(
        &self,
        batch: &mut Batch<'_>,
        program: &Program,
        inputs: &[Input],
        columns: &Columns,
        scalars: &[F],
        target: Slice<'_>,
    ) -> Result<(), Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let at = |input: &Input| inputs.binary_search(input).unwrap_or_default();
        let scalars = device.upload("scalars", &field::montgomery(device.layout(), scalars))?;
        let kernel = device.kernel(&KernelSpec::fp("quotient").with("REGISTERS", i64::from(program.registers)))?;
        let read: Vec<(usize, i32)> = program.code().columns.iter().map(|(input, rotation)| (at(input), *rotation)).collect();
        let mut run = |values: Slice<'_>, read: &[(usize, i32)], shape: [usize; 4], target: Slice<'_>| {
            let meta: Vec<u32> = read.iter().flat_map(|(column, rotation)| [*column as u32, *rotation as u32]).collect();
            let meta = device.upload("columns of constraints", if meta.is_empty() { &[0, 0] } else { &meta })?;
            let [count, stride, first, mask] = shape.map(|value| value as u32);
            let parameters = [count, program.step_count, program.result, stride, first, mask];
            let slices = [program.steps.all(), meta.all(), scalars.all(), values, target];
            batch.run(&kernel, &parameters, &slices, groups(count as usize))
        };
        if columns.runs(usize::MAX).count() <= 1 {
            return run(columns.slab(0).1, &read, [rows, rows, 0, rows - 1], target);
        }
        self.evaluate_tiles(batch, program, &read, columns, (&kernel, &scalars), target)
    }

    /// As [`Self::evaluate`], where the columns do not fit one binding: parts of them are copied together.
    fn evaluate_tiles(
        &self,
        batch: &mut Batch<'_>,
        program: &Program,
        read: &[(usize, i32)],
        columns: &Columns,
        (kernel, scalars): (&crate::Kernel, &Buffer),
        target: Slice<'_>,
    ) -> Result<(), Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let mut used: Vec<usize> = read.iter().map(|(column, _)| *column).collect();
        used.sort_unstable();
        used.dedup();
        let above = read.iter().map(|(_, rotation)| rotation.min(&0).unsigned_abs() as usize).max().unwrap_or(0);
        let below = read.iter().map(|(_, rotation)| rotation.max(&0).unsigned_abs() as usize).max().unwrap_or(0);
        let bytes = field::BYTES;
        // A tile's results start at a multiple of the alignment.
        let step = (device.alignment() / bytes).max(1) as usize;
        let fitting = (device.options().max_binding / bytes) as usize / used.len().max(1);
        let height = fitting.saturating_sub(above + below) / step * step;
        if height == 0 {
            return Err(Error::Size(format!("{} columns of one row do not fit this device's bindings", used.len())));
        }
        let stride = height + above + below;
        let tile = device.buffer("rows of all columns", (used.len() * stride) as u64 * bytes)?;
        let meta: Vec<u32> = read
            .iter()
            .flat_map(|(column, rotation)| [used.binary_search(column).unwrap_or_default() as u32, *rotation as u32])
            .collect();
        let meta = device.upload("columns of constraints", &meta)?;
        for first in (0..rows).step_by(height) {
            let count = height.min(rows - first);
            for (place, column) in used.iter().enumerate() {
                let source = columns.column(*column);
                let mut at = place * stride;
                // The rows above and below go round.
                let (mut row, mut left) = ((first + rows - above % rows) % rows, count + above + below);
                while left > 0 {
                    let piece = left.min(rows - row);
                    let from = source.sub(row as u64 * bytes, piece as u64 * bytes);
                    batch.copy(from, tile.part(at as u64 * bytes..(at + piece) as u64 * bytes));
                    (at, left, row) = (at + piece, left - piece, 0);
                }
            }
            let shape = [count, stride, above].map(|value| value as u32);
            let parameters = [shape[0], program.step_count, program.result, shape[1], shape[2], u32::MAX];
            let out = target.sub(first as u64 * bytes, count as u64 * bytes);
            batch.run(
                kernel,
                &parameters,
                &[program.steps.all(), meta.all(), scalars.all(), tile.all(), out],
                groups(count),
            )?;
        }
        Ok(())
    }
}

/// Columns that are transformed at once: what is between two passes takes at most 64 MiB.
pub(crate) fn scratch_columns(device: &Device, rows: usize) -> usize {
    let bytes = device.options().max_binding.min(64 << 20);
    ((bytes / (rows as u64 * field::BYTES)) as usize).clamp(1, 1 << 12)
}
