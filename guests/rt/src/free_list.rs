//! A heap allocator that frees: size classes of powers of two, each with a list of the blocks that were freed.
//!
//! Reusing blocks keeps the number of distinct words that a guest touches down, and each of those is a row of the
//! memory argument. A block of any class is reused for that class only; there is no splitting or merging, so an
//! allocation is a dozen instructions, and at most half of a block is wasted. Blocks with an alignment above 16, which
//! hardly any program asks for, are not reused.

use core::alloc::Layout;

/// log₂ of the smallest block, which must hold the link of the free list.
const MIN_SHIFT: u32 = 4;
/// Alignment of every block, and the largest whose blocks are reused.
const ALIGN: usize = 1 << MIN_SHIFT;
/// Classes from 16 bytes to 128 MiB.
const CLASSES: usize = 24;

/// Free blocks by size class, and the part of the region that was never handed out.
#[derive(Debug)]
pub struct FreeList {
    heads: [*mut u8; CLASSES],
    next: usize,
    end: usize,
}

impl FreeList {
    /// An allocator without memory.
    #[must_use]
    pub const fn empty() -> Self {
        Self { heads: [core::ptr::null_mut(); CLASSES], next: 0, end: 0 }
    }

    /// Whether it still waits for its region.
    #[inline]
    #[must_use]
    pub const fn is_unset(&self) -> bool {
        self.end == 0
    }

    /// Gives the allocator its memory.
    ///
    /// # Safety
    /// The bytes from `start` to `end` are writable and belong to the allocator from now on.
    pub unsafe fn set_region(&mut self, start: usize, end: usize) {
        self.next = start;
        self.end = end;
    }

    /// A block for `layout`, or nothing when the region is used up.
    #[inline]
    pub fn allocate(&mut self, layout: Layout) -> Option<*mut u8> {
        let class = class_of(layout);
        let head = self.heads.get_mut(class)?;
        if !head.is_null() && layout.align() <= ALIGN {
            let block = *head;
            // SAFETY: blocks in the list were freed, so their first word is the link that `free` wrote.
            *head = unsafe { block.cast::<*mut u8>().read() };
            return Some(block);
        }
        let size = 1usize << (class as u32 + MIN_SHIFT);
        let align = usize::max(layout.align(), ALIGN);
        let start = self.next.checked_next_multiple_of(align)?;
        let after = start.checked_add(size)?;
        if after > self.end {
            return None;
        }
        self.next = after;
        Some(core::ptr::with_exposed_provenance_mut(start))
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from [`allocate`](Self::allocate) of this allocator with the same layout and is not used any more.
    #[inline]
    pub unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        if layout.align() > ALIGN {
            return;
        }
        let head = &mut self.heads[class_of(layout)];
        // SAFETY: the block has at least 16 bytes, is aligned to 16, and belongs to the allocator again.
        unsafe { block.cast::<*mut u8>().write(*head) };
        *head = block;
    }
}

/// The smallest class whose blocks hold the layout.
#[inline]
fn class_of(layout: Layout) -> usize {
    let shift = usize::BITS - (layout.size().max(1) - 1).leading_zeros();
    shift.saturating_sub(MIN_SHIFT) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An allocator over `len` bytes that live until the test ends.
    fn heap(len: usize) -> FreeList {
        let region = Box::leak(vec![0u128; len / 16].into_boxed_slice());
        let start = region.as_mut_ptr().expose_provenance();
        let mut heap = FreeList::empty();
        assert!(heap.is_unset());
        // SAFETY: leaked above, for this allocator alone.
        unsafe { heap.set_region(start, start + len) };
        heap
    }

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn classes_are_the_next_power_of_two_from_sixteen() {
        let of = |size| class_of(layout(size, 1));
        assert_eq!([of(0), of(1), of(16), of(17), of(32), of(33), of(4096)], [0, 0, 0, 1, 1, 2, 8]);
    }

    #[test]
    fn blocks_are_aligned_and_disjoint() {
        let mut heap = heap(1 << 16);
        let mut blocks: Vec<(usize, usize)> = Vec::new();
        for (i, align) in [1, 2, 4, 8, 16, 32, 64, 256].into_iter().cycle().take(64).enumerate() {
            let size = 1 + i * 7;
            let start = heap.allocate(layout(size, align)).unwrap() as usize;
            assert_eq!(start % align, 0);
            assert!(blocks.iter().all(|(s, e)| start >= *e || start + size <= *s));
            blocks.push((start, start + size));
        }
    }

    #[test]
    fn freed_blocks_are_reused_last_first() {
        let mut heap = heap(4096);
        let small = layout(40, 8);
        let (a, b) = (heap.allocate(small).unwrap(), heap.allocate(small).unwrap());
        // SAFETY: both came from `allocate` with this layout.
        unsafe {
            heap.free(a, small);
            heap.free(b, small);
        }
        assert_eq!(heap.allocate(layout(64, 16)), Some(b));
        assert_eq!(heap.allocate(layout(33, 1)), Some(a));
    }

    #[test]
    fn a_block_never_serves_a_larger_alignment() {
        let mut heap = heap(4096);
        let block = heap.allocate(layout(64, 8)).unwrap();
        // SAFETY: from `allocate` with this layout.
        unsafe { heap.free(block, layout(64, 8)) };
        let aligned = heap.allocate(layout(64, 64)).unwrap();
        assert_ne!(aligned, block);
        // SAFETY: from `allocate` with this layout; it is dropped silently.
        unsafe { heap.free(aligned, layout(64, 64)) };
        assert_eq!(heap.allocate(layout(64, 8)), Some(block));
    }

    #[test]
    fn a_full_heap_says_so() {
        let mut heap = heap(256);
        assert!(heap.allocate(layout(256, 1)).is_some());
        assert!(heap.allocate(layout(1, 1)).is_none());
        assert!(heap.allocate(layout(usize::MAX / 4, 1)).is_none());
    }
}
