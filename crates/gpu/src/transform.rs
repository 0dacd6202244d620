//! Transforms of many columns at once between values on a domain and coefficients.

use ff::{Field, PrimeField};
use quintet_air::F;

use crate::{Batch, Buffer, Device, Error, KernelSpec, Slice, columns::groups, device::WORKGROUP_THREADS, field};

/// Log₂ of the largest number of values that one workgroup transforms: 256 of them fill 8 KiB of its memory.
const MAX_LOG_RADIX: u32 = 8;

/// What values are multiplied with on their way.
#[derive(Clone, Copy, Debug)]
pub enum Scale<'a> {
    /// Nothing.
    None,
    /// The input, place by place.
    Before(Slice<'a>),
    /// The output, place by place.
    After(Slice<'a>),
}

/// The roots of unity of order `2^k` on the device.
#[derive(Debug)]
pub struct Transform {
    k: u32,
    roots: Buffer,
    inverse_roots: Buffer,
    /// `1/n` at every place.
    size_inverse: Buffer,
    none: Buffer,
}

impl Transform {
    /// For columns of `2^k` rows.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(device: &Device, k: u32) -> Result<Self, Error> {
        let bytes = field::BYTES << k;
        let roots = device.buffer("roots of unity", bytes)?;
        let inverse_roots = device.buffer("inverse roots of unity", bytes)?;
        let size_inverse = device.buffer("inverse of the size", bytes)?;
        let none = device.buffer("nothing", field::BYTES)?;
        let omega = omega(k);
        let mut batch = device.batch();
        batch.powers(omega, F::ONE, roots.all())?;
        batch.powers(omega.invert().into_option().unwrap_or(F::ONE), F::ONE, inverse_roots.all())?;
        batch.powers(F::ONE, F::TWO_INV.pow_vartime([u64::from(k)]), size_inverse.all())?;
        batch.flush()?;
        Ok(Self { k, roots, inverse_roots, size_inverse, none })
    }

    /// Records the transform of coefficients to values. `columns` lists those of the source to take; without it they are taken in order. The target has
    /// room for `count` columns, and so has `scratch`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn forward(
        &self,
        batch: &mut Batch<'_>,
        source: Slice<'_>,
        columns: Option<&Buffer>,
        scale: Scale<'_>,
        (target, scratch, count): (Slice<'_>, Slice<'_>, usize),
    ) -> Result<(), Error> {
        self.run(batch, &self.roots, source, columns, scale, (target, scratch, count))
    }

    /// Records the transform of columns of `2^(k + log_parts)` coefficients to their values on a coset of `2^k` elements, of which `first` is the first.
    /// `columns` lists those of the source to take, `scale` holds the powers
    /// of `first`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn onto_coset(
        &self,
        batch: &mut Batch<'_>,
        (source, log_parts): (Slice<'_>, u32),
        columns: &Buffer,
        (scale, first): (Slice<'_>, F),
        (target, scratch, count): (Slice<'_>, Slice<'_>, usize),
    ) -> Result<(), Error> {
        let device = batch.device();
        // The first pass must not write what it reads.
        let folded = if passes(self.k).len() % 2 == 1 { scratch } else { target };
        let mut parameters = vec![self.k, log_parts, 0, 0];
        parameters.extend(field::montgomery(device.layout(), &[first.pow_vartime([1 << self.k])]));
        let kernel = device.kernel(&KernelSpec::fp("coset_fold"))?;
        let slices = [source, columns.all(), scale, folded];
        batch.run(&kernel, &parameters, &slices, [groups(1 << self.k)[0], count as u32])?;
        self.run(batch, &self.roots, folded, None, Scale::None, (target, scratch, count))
    }

    /// Bytes that it takes on a device.
    pub(crate) fn bytes(k: u32) -> u64 {
        3 * (field::BYTES << k) + field::BYTES
    }

    /// Records the transform of values to coefficients, scaled by `1/n`, or by `scale`, which then holds that too.
    ///
    /// # Errors
    /// If the device fails.
    pub fn inverse(
        &self,
        batch: &mut Batch<'_>,
        source: Slice<'_>,
        scale: Option<Slice<'_>>,
        place: (Slice<'_>, Slice<'_>, usize),
    ) -> Result<(), Error> {
        let scale = Scale::After(scale.unwrap_or(self.size_inverse.all()));
        self.run(batch, &self.inverse_roots, source, None, scale, place)
    }

    fn run(
        &self,
        batch: &mut Batch<'_>,
        roots: &Buffer,
        source: Slice<'_>,
        columns: Option<&Buffer>,
        scale: Scale<'_>,
        (target, scratch, count): (Slice<'_>, Slice<'_>, usize),
    ) -> Result<(), Error> {
        let passes = passes(self.k);
        let (mut from, mut done) = (source, 0);
        for (place, log_radix) in passes.iter().enumerate() {
            let (first, last) = (place == 0, place + 1 == passes.len());
            let (scaled, factors) = match scale {
                Scale::Before(factors) if first => (1, factors),
                Scale::After(factors) if last => (2, factors),
                _ => (0, self.none.all()),
            };
            let (chosen, list) = match columns {
                Some(list) if first => (1, list.all()),
                _ => (0, self.none.all()),
            };
            // The last pass ends in the target, the one before it in the scratch space.
            let to = if (passes.len() - place) % 2 == 1 { target } else { scratch };
            let kernel = batch.device().kernel(&kernel(*log_radix))?;
            let parameters = [self.k, done, scaled, chosen];
            batch.run(
                &kernel,
                &parameters,
                &[from, to, roots.all(), factors, list],
                [1 << (self.k - log_radix), count as u32],
            )?;
            done += log_radix;
            from = to;
        }
        Ok(())
    }
}

/// The generator of the roots of unity of order `2^k`, upstream's ω.
pub(crate) fn omega(k: u32) -> F {
    (k..F::S).fold(F::ROOT_OF_UNITY, |root, _| root.square())
}

fn kernel(log_radix: u32) -> KernelSpec {
    let threads = (1 << log_radix.saturating_sub(1)).min(WORKGROUP_THREADS);
    let spec = KernelSpec::fp("ntt").with("LOG_RADIX", i64::from(log_radix)).with("RADIX", 1 << log_radix);
    spec.with("THREADS", i64::from(threads))
}

/// Log₂ of the radices of the passes: as few as there can be, as even as they can be.
fn passes(k: u32) -> Vec<u32> {
    let count = k.div_ceil(MAX_LOG_RADIX).max(1);
    (0..count).map(|place| (k + place) / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_make_up_the_size() {
        for k in 0..=24 {
            let passes = passes(k);
            assert_eq!(passes.iter().sum::<u32>(), k);
            assert!(passes.iter().all(|log| *log <= MAX_LOG_RADIX), "{k}");
        }
    }
}
