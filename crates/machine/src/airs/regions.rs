//! The word ranges that a program occupies: text and image. Everything else in RAM is zero at the start.

use std::ops::Range;

use crate::Program;

/// Largest number of ranges. The image and the memory AIR keep as many rows free.
pub const MAX_REGIONS: usize = 16;

/// The occupied ranges of word addresses, in order, disjoint, neighbours merged.
pub fn occupied(program: &Program) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let text = program.text_words();
    let split = program.image().partition_point(|word| word.0 < text.start);
    let (below, above) = program.image().split_at(split);
    let words = |image: &[(u64, u64)]| image.iter().map(|word| word.0..word.0 + 1).collect::<Vec<_>>();
    for range in words(below).into_iter().chain([text]).chain(words(above)) {
        match ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges
}
