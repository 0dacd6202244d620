//! The word ranges that a program occupies: text and image. Everything else in RAM is zero at the start.

use std::ops::Range;

use crate::Program;

/// Largest number of ranges that a program may have. The image and the memory AIR keep as many rows free.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ElfError, asm::Assembler};

    #[test]
    fn neighbours_are_one_region() {
        let mut a = Assembler::new();
        a.halt(0);
        let text = a.program().unwrap().text_words();
        a.data(8 * text.end, [1; 20], 4096).data(0x20_0004, [2; 8], 0).data(0x30_0000, [3; 8], 0);
        let regions = occupied(&a.program().unwrap());
        assert_eq!(regions, [text.start..text.end + 3, 0x4_0000..0x4_0002, 0x6_0000..0x6_0001]);
    }

    #[test]
    fn programs_in_too_many_pieces_are_refused() {
        let mut a = Assembler::new();
        a.halt(0);
        for i in 1..MAX_REGIONS as u64 {
            a.data(0x20_0000 + 32 * i, [1; 8], 0);
        }
        assert_eq!(occupied(&a.program().unwrap()).len(), MAX_REGIONS);
        a.data(0x30_0000, [1; 8], 0);
        assert_eq!(a.program(), Err(ElfError::Pieces { found: 17, max: 16 }));
    }
}
