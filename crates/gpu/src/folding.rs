//! The rounds of the inner product argument.

use pasta_curves::Eq;
use quintet_air::F;

use crate::{Bases, Batch, Buffer, DeviceScalars, Error, KernelSpec, Slice, columns::groups, field};

/// What the prover of an inner product argument sends in a round, but for blinds and the term for the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// `⟨p_high, g_low⟩`.
    pub left: Eq,
    /// `⟨p_low, g_high⟩`.
    pub right: Eq,
    /// `⟨p_high, b_low⟩`.
    pub value_left: F,
    /// `⟨p_low, b_high⟩`.
    pub value_right: F,
}

/// The prover's state in an inner product argument, as `quintet_arith::Folding` has it. Generators are not collapsed: each round's sums run over the original
/// ones, with the challenges multiplied into the scalars.
#[derive(Debug)]
pub struct Folding<'a> {
    bases: &'a Bases,
    length: usize,
    coefficients: Buffer,
    powers: Buffer,
    weights: Buffer,
    left: Buffer,
    right: Buffer,
}

impl<'a> Folding<'a> {
    /// Starts with as many coefficients as bases, a power of two, and the point at which they are evaluated. The coefficients are copied.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(batch: &mut Batch<'_>, bases: &'a Bases, coefficients: Slice<'_>, point: F) -> Result<Self, Error> {
        let (device, length) = (batch.device(), bases.len());
        assert!(
            length.is_power_of_two() && coefficients.bytes() == length as u64 * field::BYTES,
            "a power of two, one per base"
        );
        let vector = |label| device.buffer(label, length as u64 * field::BYTES);
        let (own, powers) = (vector("coefficients of the opening")?, vector("powers of the point")?);
        let (left, right) = (vector("scalars of L")?, vector("scalars of R")?);
        batch.copy(coefficients, own.all());
        batch.powers(point, F::from(1), powers.all())?;
        let weights = device.upload("weights of parts", &field::montgomery(device.layout(), &[F::from(1)]))?;
        Ok(Self { bases, length, coefficients: own, powers, weights, left, right })
    }

    /// What to send in this round.
    ///
    /// # Errors
    /// If the device fails.
    pub fn round(&self, batch: &mut Batch<'_>) -> Result<Round, Error> {
        let (count, half) = (self.bases.len(), self.length / 2);
        assert!(half > 0, "a coefficient is left over for the end");
        let kernel = batch.device().kernel(&KernelSpec::fp("ipa_spread"))?;
        let slices = [self.coefficients.all(), self.weights.all(), self.left.all(), self.right.all()];
        batch.run(&kernel, &[count as u32, self.length as u32], &slices, groups(count))?;
        let scalars = [&self.left, &self.right].map(|words| DeviceScalars { words: words.all(), bits: 256, count });
        let points = self.bases.msm_many(batch, &scalars)?;
        let values = batch.inner(self.coefficients.all(), self.powers.all(), &[[half, 0], [0, half]], half)?;
        Ok(Round { left: points[0], right: points[1], value_left: values[0], value_right: values[1] })
    }

    /// Ends the round with the verifier's challenge and its inverse.
    ///
    /// # Errors
    /// If the device fails.
    pub fn fold(&mut self, batch: &mut Batch<'_>, u: F, u_inv: F) -> Result<(), Error> {
        let device = batch.device();
        let half = self.length / 2;
        batch.fold(self.coefficients.all(), half, u_inv)?;
        batch.fold(self.powers.all(), half, u)?;
        let parts = self.bases.len() / self.length;
        let doubled = device.buffer("weights of parts", 2 * parts as u64 * field::BYTES)?;
        let mut parameters = vec![parts as u32, 0, 0, 0];
        parameters.extend(field::montgomery(device.layout(), &[u]));
        let kernel = device.kernel(&KernelSpec::fp("ipa_weights"))?;
        batch.run(&kernel, &parameters, &[self.weights.all(), doubled.all()], groups(parts))?;
        (self.weights, self.length) = (doubled, half);
        Ok(())
    }

    /// The coefficient that is left.
    ///
    /// # Errors
    /// If the device fails.
    pub fn finish(self, batch: &mut Batch<'_>) -> Result<F, Error> {
        assert_eq!(self.length, 1, "all rounds are done");
        let words = batch.read(self.coefficients.part(0..field::BYTES))?;
        Ok(field::from_montgomery(batch.device().layout(), &words)?[0])
    }
}
