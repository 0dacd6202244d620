//! The quotient: the compiled constraints of an AIR, run over the rows of cosets.

use std::collections::BTreeMap;

use ff::{Field, PrimeField, WithSmallOrderMulGroup};
use quintet_air::F;
use quintet_plonk::engine::{Input, MAX_LOG};

use crate::{
    Batch, Error,
    columns::Columns,
    field,
    polynomials::Polynomials,
    program::{Program, Read},
    rooms::Rooms,
    tile::Task,
    transform::{Scale, Transform, omega},
};

/// What the quotient is made of.
pub(crate) struct Quotient<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) programs: &'a [Program],
    /// Everything that constraints read, and more.
    pub(crate) polynomials: &'a Polynomials<'a>,
    /// Where a column's polynomial is.
    pub(crate) place: &'a dyn Fn(Input) -> usize,
    pub(crate) k: u32,
    /// Constraints are run over `2^-parts` of a coset at a time.
    pub(crate) parts: u32,
}

/// The first element of a coset.
fn shift(k: u32, coset: usize) -> F {
    F::ZETA * omega(k + MAX_LOG).pow_vartime([coset as u64])
}

/// ω^exponent.
fn root(k: u32, exponent: i64) -> F {
    omega(k).pow_vartime([exponent.rem_euclid(1 << k) as u64])
}

impl Quotient<'_> {
    /// Gives the quotient's pieces of `2^k` coefficients. `weights` are the powers of y.
    ///
    /// Constraints are evaluated coset by coset, and part by part of each: rows `j, j + 2^parts, …` of a coset are a coset of a smaller subgroup, and their
    /// neighbours at a rotation are another. So no more of the columns is in memory than one part needs.
    pub(crate) fn pieces(
        &self,
        batch: &mut Batch<'_>,
        weights: &[F],
        challenges: &[F],
        pieces: usize,
    ) -> Result<Columns, Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let fine = if self.parts == 0 { None } else { Some(Transform::new(device, self.k - self.parts)?) };
        // One column per coset of each group.
        let mut values = Vec::new();
        for program in self.programs {
            values.push(Columns::new(device, "values of constraints", rows, 1 << program.log())?);
        }
        let mut done = vec![0; self.programs.len()];
        for coset in 0..1usize << MAX_LOG {
            let covering = || self.programs.iter().zip(0..).filter(|(program, _)| program.group.covers(coset));
            if covering().next().is_none() {
                continue;
            }
            let shift = shift(self.k, coset);
            // ζ has order 3 and ω a power of 2, so the shift's n-th power is not 1.
            let vanishing = shift.pow_vartime([rows as u64]) - F::ONE;
            let inverse = vanishing.invert().into_option().unwrap_or(F::ZERO);
            let weights: Vec<F> = weights.iter().map(|weight| *weight * inverse).collect();
            let reads = self.reads(covering().map(|(program, _)| program));
            for part in 0..1usize << self.parts {
                let first = shift * root(self.k, part as i64);
                let columns = self.on_coset(batch, &reads, first, fine.as_ref())?;
                for (program, number) in covering() {
                    let scalars = program.code().scalars(&weights, challenges);
                    let target = values[number].column(done[number]);
                    let task = Task { program, columns: &columns, read: self.read(program, &reads), scalars: &scalars };
                    task.run(batch, target, (part, 1 << self.parts))?;
                }
                batch.finish()?;
            }
            covering().for_each(|(_, number)| done[number] += 1);
        }
        self.combine(batch, &values, pieces)
    }

    /// Pieces from the values of constraints on their cosets.
    fn combine(&self, batch: &mut Batch<'_>, values: &[Columns], pieces: usize) -> Result<Columns, Error> {
        let (device, rows) = (batch.device(), 1usize << self.k);
        let vector = |label| device.buffer(label, rows as u64 * field::BYTES);
        let (scale, scratch) = (vector("powers of a coset's shift")?, vector("one column")?);
        let sum = Columns::new(device, "pieces of the quotient", rows, pieces)?;
        let coefficients = Columns::new(device, "coefficients of a coset", rows, 1 << MAX_LOG)?;
        let mut started = vec![false; pieces];
        for (program, values) in self.programs.iter().zip(values) {
            let count = 1usize << program.log();
            for i in 0..count {
                let shift = shift(self.k, i << (MAX_LOG - program.log()));
                let inverse = shift.invert().into_option().unwrap_or(F::ZERO);
                batch.powers(inverse, F::TWO_INV.pow_vartime([u64::from(self.k)]), scale.all())?;
                let place = (coefficients.column(i), scratch.all(), 1);
                self.transform.inverse(batch, values.column(i), Some(scale.all()), place)?;
            }
            // The coefficients of coset i are d[r] = Σ_t h[r + t·n] · (shiftⁿ)ᵗ, and the shifts' n-th powers are ζⁿ times the count-th roots of unity.
            let size_inverse = F::TWO_INV.pow_vartime([u64::from(program.log())]);
            let zeta_inverse = F::ZETA.square().pow_vartime([rows as u64]);
            let root_inverse = omega(program.log()).invert().into_option().unwrap_or(F::ONE);
            for (t, started) in started.iter_mut().enumerate().take(count) {
                let outer = zeta_inverse.pow_vartime([t as u64]) * size_inverse;
                let terms: Vec<(usize, F)> =
                    (0..count).map(|i| (i, root_inverse.pow_vartime([(i * t) as u64]) * outer)).collect();
                batch.combine_onto(&coefficients, &terms, sum.column(t), *started)?;
                *started = true;
            }
        }
        batch.finish()?;
        Ok(sum)
    }

    /// What programs read, in the order in which it is laid out: block by block of the polynomials and rotation by rotation. Of whole cosets each column
    /// is there once, and rotations are the program's.
    fn reads<'p>(&self, programs: impl Iterator<Item = &'p Program>) -> Vec<Read> {
        let all = programs.flat_map(|program| program.reads(self.place));
        let all = all.map(|(place, rotation)| (place, if self.parts == 0 { 0 } else { rotation }));
        let mut reads: Vec<(usize, i32, usize)> =
            all.map(|(place, rotation)| (self.polynomials.block(place), rotation, place)).collect();
        reads.sort_unstable();
        reads.dedup();
        reads.into_iter().map(|(_, rotation, place)| (place, rotation)).collect()
    }

    /// For each operand of a program that is a column: which of `reads` it is, and how many rows from its own.
    fn read(&self, program: &Program, reads: &[Read]) -> Vec<(usize, i32)> {
        let places: BTreeMap<Read, usize> = reads.iter().copied().zip(0..).collect();
        let at = |(place, rotation): Read| {
            let (key, left) = if self.parts == 0 { ((place, 0), rotation) } else { ((place, rotation), 0) };
            (places.get(&key).copied().unwrap_or_default(), left)
        };
        program.reads(self.place).map(at).collect()
    }

    /// Values of `reads` on the coset that starts with `first`; `fine` is the transform of a part's size.
    fn on_coset(&self, batch: &mut Batch<'_>, reads: &[Read], first: F, fine: Option<&Transform>) -> Result<Columns, Error> {
        let (device, rows) = (batch.device(), 1usize << (self.k - self.parts));
        let columns = Columns::new(device, "columns on a coset", rows, reads.len())?;
        let most = Rooms::of(device).scratch_columns(rows).min(reads.len());
        let scale = device.buffer("powers of a coset's shift", rows as u64 * field::BYTES)?;
        let scratch = device.buffer("columns between passes", (rows * most) as u64 * field::BYTES)?;
        let wanted: Vec<usize> = reads.iter().map(|(place, _)| *place).collect();
        let mut next = 0;
        self.polynomials.each(batch, &wanted, |batch, start, block| {
            let here = |read: &&Read| (start..start + block.count()).contains(&read.0);
            let end = next + reads[next..].iter().take_while(here).count();
            let mut rotated = None;
            while next < end {
                let rotation = reads[next].1;
                let first = first * root(self.k, rotation.into());
                if rotated != Some(rotation) {
                    batch.powers(first, F::ONE, scale.all())?;
                    rotated = Some(rotation);
                }
                // As many as have the rotation, lie in one slab here and there, and fit between passes.
                let room = columns.room(next).min(most).min(end - next);
                let (number, source, _) = block.slab(reads[next].0 - start);
                let same = reads[next..next + room].iter().take_while(|read| read.1 == rotation);
                let places = same.map(|read| block.slab(read.0 - start)).take_while(|(other, ..)| *other == number);
                let list: Vec<u32> = places.map(|(.., at)| at as u32).collect();
                let target = (columns.range(next..next + list.len()), scratch.all(), list.len());
                next += list.len();
                let list = device.upload("which columns", &list)?;
                match fine {
                    Some(fine) => fine.onto_coset(batch, (source, self.parts), &list, (scale.all(), first), target)?,
                    None => self.transform.forward(batch, source, Some(&list), Scale::Before(scale.all()), target)?,
                }
            }
            Ok(())
        })?;
        debug_assert_eq!(next, reads.len(), "all columns were made");
        Ok(columns)
    }
}
