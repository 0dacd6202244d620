//! Our verification strategy: hand back the final multi-scalar multiplication of a proof instead of evaluating it, so that those of proofs
//! under different verifying keys become one.

use halo2_proofs::{
    plonk::{Error, VerificationStrategy},
    poly::commitment::{Guard, MSM},
    transcript::EncodedChallenge,
};

use crate::{Params, suite::Point};

/// A multi-scalar multiplication that has to be zero.
pub(crate) type Msm<'p> = MSM<'p, Point>;

/// Gives the multi-scalar multiplication of one proof.
#[derive(Debug)]
pub(crate) struct Unevaluated<'p>(Msm<'p>);

impl<'p> Unevaluated<'p> {
    pub(crate) fn new(params: &'p Params) -> Self {
        Self(params.empty_msm())
    }
}

impl<'p> VerificationStrategy<'p, Point> for Unevaluated<'p> {
    type Output = Msm<'p>;

    fn process<E: EncodedChallenge<Point>>(
        self,
        f: impl FnOnce(Msm<'p>) -> Result<Guard<'p, Point, E>, Error>,
    ) -> Result<Msm<'p>, Error> {
        Ok(f(self.0)?.use_challenges())
    }
}
