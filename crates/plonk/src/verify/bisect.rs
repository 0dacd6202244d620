//! Finding the multi-scalar multiplications that are not zero with few evaluations.

use super::strategy::Msm;
use crate::Params;

/// Places of those that are not zero, in order.
pub(crate) fn bad(params: &Params, msms: &[Msm<'_>]) -> Vec<usize> {
    if is_zero(params, msms) { Vec::new() } else { bad_among(params, msms) }
}

/// The same when it is known that their sum is not zero.
pub(crate) fn bad_among(params: &Params, msms: &[Msm<'_>]) -> Vec<usize> {
    let mut found = Vec::new();
    halve(&|range| is_zero(params, &msms[range]), 0..msms.len(), &mut found);
    found
}

fn is_zero(params: &Params, msms: &[Msm<'_>]) -> bool {
    let mut sum = params.empty_msm();
    msms.iter().for_each(|msm| sum.add_msm(msm));
    sum.eval()
}

/// `range` is known not to be zero as a whole. If its left half is, the right half cannot be, and needs no evaluation of its own.
fn halve(is_zero: &impl Fn(std::ops::Range<usize>) -> bool, range: std::ops::Range<usize>, found: &mut Vec<usize>) {
    match range.len() {
        0 => {}
        1 => found.push(range.start),
        len => {
            let middle = range.start + len / 2;
            if is_zero(range.start..middle) {
                halve(is_zero, middle..range.end, found);
            } else {
                halve(is_zero, range.start..middle, found);
                if !is_zero(middle..range.end) {
                    halve(is_zero, middle..range.end, found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exactly_the_bad_ones_are_found(flags in prop::collection::vec(any::<bool>(), 1..60)) {
            let expected: Vec<usize> = (0..flags.len()).filter(|place| flags[*place]).collect();
            let mut found = Vec::new();
            if !expected.is_empty() {
                halve(&|range| !flags[range].contains(&true), 0..flags.len(), &mut found);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
