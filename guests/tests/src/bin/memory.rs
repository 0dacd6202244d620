//! The runtime's `memcpy`, `memmove`, `memset` and `memcmp` against plain loops, for every short length and alignment.
//! The words count the agreements, so that a wrong function shows on any machine.
#![no_std]
#![no_main]

use core::hint::black_box;
use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{Checksum, Random};

quintet_guest_rt::entry!(main);

const LEN: usize = 200;
type Area = [u8; LEN];

unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
    fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8;
    fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32;
    fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32;
}

fn fresh(seed: u64) -> Area {
    let mut random = Random::new(seed);
    let mut area = [0; LEN];
    area.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_le_bytes()));
    area
}

/// Lengths around the steps of the implementation.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=24).chain([31, 32, 33, 47, 55, 63, 64, 65, 71, 72, 79, 96, 128, 136])
}

/// Byte by byte, through a volatile read so that no library function takes its place.
fn slow_copy(area: &mut Area, to: usize, from: usize, len: usize) {
    let before = *area;
    for i in 0..len {
        // SAFETY: a reference is readable.
        area[to + i] = unsafe { core::ptr::read_volatile(&raw const before[from + i]) };
    }
}

/// Compares without `memcmp`.
fn same(left: &Area, right: &Area) -> bool {
    let word = |part: &[u8]| part.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    left.chunks_exact(8).zip(right.chunks_exact(8)).fold(0, |or, (l, r)| or | word(l) ^ word(r)) == 0
}

fn copies() -> u64 {
    let mut agreements = 0;
    for len in lengths() {
        for to in [0, 1, 4, 7] {
            for from in [0, 3] {
                let (mut area, mut expected) = (fresh(1), fresh(1));
                let (high, start) = (LEN - len - from, area.as_mut_ptr());
                // SAFETY: both ranges lie in the area; ranges of `memcpy` do not overlap where `to + len <= high`.
                let returned = unsafe {
                    if to + len <= high {
                        memcpy(start.add(to), start.add(high), len)
                    } else {
                        memmove(start.add(to), start.add(high), len)
                    }
                };
                slow_copy(&mut expected, to, high, len);
                agreements += u64::from(same(&area, &expected) && returned == start.wrapping_add(to));
            }
        }
    }
    agreements
}

fn overlapping_moves() -> u64 {
    let mut agreements = 0;
    for len in lengths() {
        for (to, from) in [(0, 1), (1, 0), (0, 8), (16, 3), (5, 5), (60, 0), (7, 40)] {
            let (mut area, mut expected) = (fresh(2), fresh(2));
            let start = area.as_mut_ptr();
            // SAFETY: both ranges lie in the area.
            unsafe { memmove(start.add(to), start.add(from), len) };
            slow_copy(&mut expected, to, from, len);
            agreements += u64::from(same(&area, &expected));
        }
    }
    agreements
}

fn fills() -> u64 {
    let mut agreements = 0;
    for len in lengths() {
        for (to, value) in [(0, 0), (1, 0x1ff), (5, 0x80), (8, 0x7b), (13, -1)] {
            let (mut area, mut expected) = (fresh(3), fresh(3));
            // SAFETY: the range lies in the area.
            unsafe { memset(area.as_mut_ptr().add(to), value, len) };
            for i in 0..len {
                expected[to + i] = black_box(value) as u8;
            }
            agreements += u64::from(same(&area, &expected));
        }
    }
    agreements
}

fn comparisons() -> u64 {
    let mut sum = Checksum::default();
    for len in lengths() {
        for shift in [0, 1, 8] {
            let left = fresh(4);
            let mut right = [0; LEN];
            for i in 0..LEN - shift {
                right[i + shift] = black_box(left[i]);
            }
            let (a, b) = (left.as_ptr(), right.as_mut_ptr().wrapping_add(shift));
            // SAFETY: `len` bytes are readable at both, and each index is below `len`.
            unsafe {
                sum.add(memcmp(a, b, len) as u64);
                for at in [0, len / 2, len.wrapping_sub(1)].into_iter().filter(|at| *at < len) {
                    *b.add(at) ^= 0x80;
                    sum.add(memcmp(a, b, len).signum() as u64);
                    sum.add(memcmp(b, a, len).signum() as u64);
                    sum.add(u64::from(bcmp(a, b, len) != 0));
                    *b.add(at) ^= 0x80;
                }
            }
        }
    }
    sum.value()
}

fn main() -> u64 {
    commit(0, copies());
    commit(1, overlapping_moves());
    commit(2, fills());
    commit(3, comparisons());
    0
}
