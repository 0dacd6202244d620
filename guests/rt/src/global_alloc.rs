//! The free-list allocator as the program's global allocator, over the RAM between `.bss` and the stack.

use crate::abi::EXIT_OUT_OF_MEMORY;
use crate::ecall::halt;
use crate::free_list::FreeList;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

struct GuestHeap(UnsafeCell<FreeList>);

// SAFETY: the machine has one hart and no interrupts; nothing ever runs beside the guest.
unsafe impl Sync for GuestHeap {}

#[global_allocator]
static HEAP: GuestHeap = GuestHeap(UnsafeCell::new(FreeList::empty()));

/// Bounds of the heap.
#[cfg(not(feature = "linux"))]
fn bounds() -> (usize, usize) {
    unsafe extern "C" {
        static __heap_start: u8;
        static __heap_end: u8;
    }
    (&raw const __heap_start as usize, &raw const __heap_end as usize)
}

/// Under Linux only the ELF's segments are mapped, so the heap is a static there.
#[cfg(feature = "linux")]
fn bounds() -> (usize, usize) {
    const LEN: usize = 8 << 20;
    #[repr(align(16))]
    struct Arena(UnsafeCell<[u8; LEN]>);
    // SAFETY: one thread.
    unsafe impl Sync for Arena {}
    static ARENA: Arena = Arena(UnsafeCell::new([0; LEN]));
    let start = ARENA.0.get() as usize;
    (start, start + LEN)
}

// SAFETY: FreeList hands out disjoint blocks of the right size and alignment; running out halts instead of
// returning null, so that no caller has to cope with it.
unsafe impl GlobalAlloc for GuestHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference to the list lives, see `Sync` above.
        let heap = unsafe { &mut *self.0.get() };
        if heap.is_unset() {
            let (start, end) = bounds();
            // SAFETY: the region is RAM that nothing else uses.
            unsafe { heap.set_region(start, end) };
        }
        heap.allocate(layout).unwrap_or_else(|| halt(EXIT_OUT_OF_MEMORY))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the caller passes what `alloc` gave for the same layout.
        unsafe { (*self.0.get()).free(block, layout) }
    }
}
