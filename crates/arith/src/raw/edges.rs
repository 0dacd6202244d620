//! Elements to test arithmetic with.

use super::layout::{Modulus, element};

/// Edge values, and enough others to fill lanes in all combinations.
pub(crate) fn values<F: Modulus>() -> Vec<F> {
    let half = F::TWO_INV;
    let mut values = vec![
        F::ZERO,
        F::ONE,
        -F::ONE,
        F::from(2),
        -F::from(2),
        half,
        -half,
        F::from(u64::MAX),
        F::from(1 << 52),
        F::from(1 << 63),
    ];
    // Elements whose limbs in memory are all ones, or as large as they can be.
    for limbs in [
        [u64::MAX, u64::MAX, u64::MAX, 0x3fff_ffff_ffff_ffff],
        [F::P[0] - 1, F::P[1], F::P[2], F::P[3]],
        [1, 0, 0, 0],
        [0, 0, 0, 1 << 62],
    ] {
        values.push(element(limbs));
    }
    let mut power = F::MULTIPLICATIVE_GENERATOR;
    for _ in 0..34 {
        power = power.square() + F::ONE;
        values.push(power);
    }
    values
}
