//! Constraints interpreted and written out, timed against each other on one device.

use std::time::{Duration, Instant};

use ff::Field;
use quintet_air::{Air, AirSpec, Builder, Column, F, Free, build};
use quintet_plonk::engine::{Arg, Code, Group, Op};

use crate::{Batch, Buffer, Columns, Device, Error, field, program::Program, tile::Task};

/// Runs of which the fastest counts.
const RUNS: usize = 3;
/// Rows that are computed on the CPU too.
const CHECKED: usize = 4;

/// What one form of an AIR's constraints costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormCost {
    /// Until the first run over the rows is done, compilation by the driver included.
    pub first: Duration,
    /// A run after that.
    pub again: Duration,
}

/// Both forms of an AIR's constraints over the rows of one coset, with the same results, some of which were compared with the CPU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms {
    /// Multiplications a row.
    pub multiplications: usize,
    /// By `quotient.wgsl`.
    pub interpreted: FormCost,
    /// As kernels of their own.
    pub written: FormCost,
}

impl Forms {
    /// Runs the constraints of an AIR over columns of arbitrary values, of `rows` rows, a power of two.
    ///
    /// # Errors
    /// If the device fails, or computes wrongly.
    pub fn measure(device: &Device, spec: &AirSpec, rows: usize) -> Result<Self, Error> {
        let groups = Group::all(spec);
        let multiplications = groups.iter().map(|group| group.code.multiplications()).sum();
        let (interpreted, expected) = run(device, spec, rows, false)?;
        let (written, got) = run(device, spec, rows, true)?;
        if got != expected {
            return Err(Error::WrongResult("constraints that are written out differ from those that are interpreted"));
        }
        Ok(Self { multiplications, interpreted, written })
    }
}

fn run(device: &Device, spec: &AirSpec, rows: usize, written: bool) -> Result<(FormCost, Vec<F>), Error> {
    let mut cost = FormCost { first: Duration::ZERO, again: Duration::ZERO };
    let mut results = Vec::new();
    for group in Group::all(spec) {
        let mut batch = device.batch();
        let columns = columns(&mut batch, rows, group.code.columns.len())?;
        let scalar = |place: usize| F::from(place as u64 + 2).square() - F::from(1 << 40);
        let weights: Vec<F> = (0..spec.constraints.len()).map(scalar).collect();
        let challenges: Vec<F> = (0..=spec.powers).map(|place| -scalar(place)).collect();
        let scalars = group.code.scalars(&weights, &challenges);
        let read = group.code.columns.iter().zip(0..).map(|((_, rotation), place)| (place, *rotation)).collect();
        let target = device.buffer("values of constraints", rows as u64 * field::BYTES)?;
        batch.finish()?;
        let started = Instant::now();
        let program = Program::new(device, spec, group, written)?;
        let task = Task { program: &program, columns: &columns, read, scalars: &scalars };
        cost.first += timed(&task, &mut batch, &target, started)?;
        let mut best = Duration::MAX;
        for _ in 0..RUNS {
            best = best.min(timed(&task, &mut batch, &target, Instant::now())?);
        }
        cost.again += best;
        let values: Vec<F> = field::from_montgomery(device.layout(), &batch.read(target.all())?)?;
        let right = |row: &usize| values[*row] == on_host(program.code(), &scalars, *row, rows);
        if !(0..rows.min(CHECKED)).chain([rows - 1]).all(|row| right(&row)) {
            return Err(Error::WrongResult("constraints on arbitrary columns"));
        }
        results.extend(values);
    }
    Ok((cost, results))
}

fn timed(task: &Task<'_>, batch: &mut Batch<'_>, target: &Buffer, started: Instant) -> Result<Duration, Error> {
    task.run(batch, target.all(), (0, 1))?;
    batch.finish()?;
    Ok(started.elapsed())
}

/// First value of a column and the quotient of neighbours: full field elements, all different.
fn progression(column: usize) -> (F, F) {
    (F::from(column as u64 + 1), -F::from(column as u64 + 7).square())
}

fn columns(batch: &mut Batch<'_>, rows: usize, count: usize) -> Result<Columns, Error> {
    let columns = Columns::new(batch.device(), "columns on a coset", rows, count.max(1))?;
    for place in 0..count {
        let (first, quotient) = progression(place);
        batch.powers(quotient, first, columns.column(place))?;
    }
    Ok(columns)
}

/// The value of one row.
fn on_host(code: &Code, scalars: &[F], row: usize, rows: usize) -> F {
    let mut registers = vec![F::ZERO; code.registers];
    let fetch = |registers: &[F], arg| match arg {
        Arg::Register(place) => registers[usize::from(place)],
        Arg::Scalar(place) => scalars[usize::from(place)],
        Arg::Column(place) => {
            let (first, quotient) = progression(place.into());
            let row = (row as i64 + i64::from(code.columns[usize::from(place)].1)).rem_euclid(rows as i64);
            first * quotient.pow_vartime([row as u64])
        }
    };
    for step in &code.steps {
        let (a, b) = (fetch(&registers, step.a), fetch(&registers, step.b));
        registers[usize::from(step.to)] = match step.op {
            Op::Add => a + b,
            Op::Sub => a - b,
            Op::Mul | Op::Square => a * b,
            Op::Shift(_) => unreachable!("groups have no shifts"),
        };
    }
    fetch(&registers, code.result)
}

/// An AIR with as many multiplications as show what a driver makes of them, and no more: a program on the CPU compiles two to ten of them a second.
#[derive(Debug)]
struct Sample {
    columns: Vec<Column<Free>>,
}

impl Air for Sample {
    const ID: u16 = u16::MAX;
    const NAME: &'static str = "sample";

    fn build(b: &mut Builder) -> Self {
        let columns: Vec<Column<Free>> = (0..8).map(|place| b.field(format!("x{place}"))).collect();
        for (place, four) in columns.windows(4).enumerate() {
            b.constrain(format!("product {place}"), four[0] * four[1] * (four[2] - four[3]));
        }
        Self { columns }
    }
}

/// The AIR on which forms are measured before any other is known.
///
/// # Errors
/// If it breaks a rule of AIRs.
pub(crate) fn sample() -> Result<AirSpec, quintet_air::Error> {
    let (air, spec) = build::<Sample>(6)?;
    debug_assert_eq!(air.columns.len(), 8, "columns of the sample");
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_an_air_of_some_multiplications() {
        let spec = sample().unwrap();
        let multiplications: usize = Group::all(&spec).iter().map(|group| group.code.multiplications()).sum();
        assert!((16..=40).contains(&multiplications), "{multiplications}");
    }
}
