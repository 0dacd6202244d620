//! Columns of field elements on the device, in slabs that a kernel can bind.

use std::ops::Range;

use quintet_air::F;

use crate::{Batch, Buffer, Device, Error, KernelSpec, Slice, field};

/// Threads of the workgroups of kernels that work row by row.
pub(crate) const THREADS: u32 = 64;

/// Workgroups for so many threads.
pub(crate) fn groups(threads: usize) -> [u32; 2] {
    [(threads as u32).div_ceil(THREADS), 1]
}

/// Columns of `rows` elements each, in Montgomery form; several to a buffer, as many as a kernel can bind.
#[derive(Debug)]
pub struct Columns {
    rows: usize,
    count: usize,
    per_slab: usize,
    slabs: Vec<Buffer>,
}

impl Columns {
    /// Takes memory for columns.
    ///
    /// # Errors
    /// If there is not enough, or one column does not fit a binding.
    pub fn new(device: &Device, label: &'static str, rows: usize, count: usize) -> Result<Self, Error> {
        let bytes = rows as u64 * field::BYTES;
        let per_slab = (device.options().max_binding / bytes) as usize;
        if per_slab == 0 || !bytes.is_multiple_of(device.alignment()) {
            return Err(Error::Size(format!("columns of {rows} rows do not fit this device's bindings")));
        }
        let slab = |first: usize| device.buffer(label, bytes * per_slab.min(count - first) as u64);
        let slabs = (0..count).step_by(per_slab).map(slab).collect::<Result<_, _>>()?;
        Ok(Self { rows, count, per_slab, slabs })
    }

    /// Rows of a column.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn count(&self) -> usize {
        self.count
    }

    /// One column.
    pub fn column(&self, place: usize) -> Slice<'_> {
        self.range(place..place + 1)
    }

    /// Columns that lie in one slab.
    pub fn range(&self, places: Range<usize>) -> Slice<'_> {
        let bytes = self.rows as u64 * field::BYTES;
        let first = places.start % self.per_slab;
        let slab = &self.slabs[places.start / self.per_slab];
        slab.part(first as u64 * bytes..(first + places.len()) as u64 * bytes)
    }

    /// Ranges of columns that lie in one slab, at most `most` in each.
    pub(crate) fn runs(&self, most: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, per_slab) = (self.count, self.per_slab);
        let mut next: usize = 0;
        std::iter::from_fn(move || {
            let end = count.min(next.saturating_add(most.max(1))).min((next / per_slab + 1) * per_slab);
            let run = next..end;
            next = end;
            (!run.is_empty()).then_some(run)
        })
    }

    /// Columns from this one on that lie in its slab.
    pub(crate) fn room(&self, place: usize) -> usize {
        self.per_slab - place % self.per_slab
    }

    /// The slab of a column, all of it, and the column's place in it.
    pub(crate) fn slab(&self, place: usize) -> (usize, Slice<'_>, usize) {
        let slab = place / self.per_slab;
        (slab, self.slabs[slab].all(), place % self.per_slab)
    }
}

impl Batch<'_> {
    /// Records `Σ weight · column` into `target`; with no columns that is 0.
    ///
    /// # Errors
    /// If the device fails.
    pub fn combine(&mut self, columns: &Columns, terms: &[(usize, F)], target: Slice<'_>) -> Result<(), Error> {
        if terms.is_empty() {
            self.clear(target);
        }
        self.combine_onto(columns, terms, target, false)
    }

    /// As [`Self::combine`], added to what the target holds if `onto` is set.
    ///
    /// # Errors
    /// If the device fails.
    pub fn combine_onto(
        &mut self,
        columns: &Columns,
        terms: &[(usize, F)],
        target: Slice<'_>,
        onto: bool,
    ) -> Result<(), Error> {
        let device = self.device();
        let kernel = device.kernel(&KernelSpec::fp("combine"))?;
        let mut left: Vec<(usize, F)> = terms.to_vec();
        let mut add = u32::from(onto);
        while let Some(&(first, _)) = left.first() {
            let (number, slab, _) = columns.slab(first);
            let (here, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(place, _)| columns.slab(*place).0 == number);
            left = rest;
            let starts: Vec<u32> = here.iter().map(|(place, _)| (columns.slab(*place).2 * columns.rows) as u32).collect();
            let weights: Vec<F> = here.iter().map(|(_, weight)| *weight).collect();
            let starts = device.upload("starts of columns", &starts)?;
            let weights = device.upload("weights", &field::montgomery(device.layout(), &weights))?;
            let parameters = [columns.rows as u32, here.len() as u32, add];
            self.run(&kernel, &parameters, &[starts.all(), weights.all(), slab, target], groups(columns.rows))?;
            add = 1;
        }
        Ok(())
    }

    /// Hands over what is recorded and gives the inner products of columns with `right`: their values at a point, if that holds its powers.
    ///
    /// # Errors
    /// If the device fails.
    pub fn inner_products(&mut self, columns: &Columns, places: &[usize], right: Slice<'_>) -> Result<Vec<F>, Error> {
        let mut values = vec![F::from(0); places.len()];
        let mut left: Vec<usize> = (0..places.len()).collect();
        while let Some(&first) = left.first() {
            let (number, slab, _) = columns.slab(places[first]);
            let (here, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|at| columns.slab(places[*at]).0 == number);
            left = rest;
            let starts: Vec<[usize; 2]> = here.iter().map(|at| [columns.slab(places[*at]).2 * columns.rows, 0]).collect();
            let products = self.inner(slab, right, &starts, columns.rows)?;
            here.into_iter().zip(products).for_each(|(at, product)| values[at] = product);
        }
        Ok(values)
    }

    /// Hands over what is recorded and gives inner products of `length` elements of `left` and `right`, which start at the given places.
    ///
    /// # Errors
    /// If the device fails.
    pub fn inner(&mut self, left: Slice<'_>, right: Slice<'_>, starts: &[[usize; 2]], length: usize) -> Result<Vec<F>, Error> {
        let device = self.device();
        let kernel = device.kernel(&KernelSpec::fp("inner"))?;
        let words: Vec<u32> = starts.iter().flatten().map(|start| *start as u32).collect();
        let words = device.upload("starts of columns", &words)?;
        let result = device.buffer("inner products", starts.len() as u64 * field::BYTES)?;
        let slices = [words.all(), left, right, result.all()];
        self.run(&kernel, &[length as u32], &slices, [starts.len() as u32, 1])?;
        field::from_montgomery(device.layout(), &self.read(result.all())?)
    }

    /// Records `factor · base^i` for as many `i` as the target holds.
    ///
    /// # Errors
    /// If the device fails.
    pub fn powers(&mut self, base: F, factor: F, target: Slice<'_>) -> Result<(), Error> {
        let device = self.device();
        let count = (target.bytes() / field::BYTES) as usize;
        let mut parameters = vec![count as u32, 0, 0, 0];
        parameters.extend(field::montgomery(device.layout(), &[base, factor]));
        self.run(&*device.kernel(&KernelSpec::fp("powers"))?, &parameters, &[target], groups(count.div_ceil(16)))
    }

    /// Records the halving of a vector of `2·half` elements: low half plus factor times high half.
    ///
    /// # Errors
    /// If the device fails.
    pub fn fold(&mut self, values: Slice<'_>, half: usize, factor: F) -> Result<(), Error> {
        let device = self.device();
        let mut parameters = vec![half as u32, 0, 0, 0];
        parameters.extend(field::montgomery(device.layout(), &[factor]));
        self.run(&*device.kernel(&KernelSpec::fp("fold"))?, &parameters, &[values], groups(half))
    }

    /// Records the integers of field elements, as many as the target holds.
    ///
    /// # Errors
    /// If the device fails.
    pub fn integers(&mut self, source: Slice<'_>, target: Slice<'_>) -> Result<(), Error> {
        let count = (target.bytes() / field::BYTES) as usize;
        let kernel = self.device().kernel(&KernelSpec::fp("integers"))?;
        self.run(&kernel, &[count as u32], &[source, target], groups(count))
    }
}
