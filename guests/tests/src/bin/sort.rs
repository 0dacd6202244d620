//! Sorting, searching and collections over the allocator: code as compilers make it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use quintet_guest_rt::ecall::commit;
use quintet_guest_tests::{Checksum, Random};

quintet_guest_rt::entry!(main);

fn digest(words: impl IntoIterator<Item = u64>) -> u64 {
    let mut sum = Checksum::default();
    words.into_iter().for_each(|word| sum.add(word));
    sum.value()
}

fn main() -> u64 {
    let mut random = Random::new(2026);
    let numbers: Vec<u64> = (0..600).map(|i| random.next() >> (i % 60)).collect();

    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    commit(0, digest(sorted.iter().copied()));

    let mut stable: Vec<(u8, u64)> = numbers.iter().map(|number| (*number as u8 & 15, *number)).collect();
    stable.sort_by_key(|(key, _)| *key);
    commit(1, digest(stable.iter().map(|(key, number)| number ^ u64::from(*key))));

    let found = numbers.iter().map(|number| sorted.binary_search(number).unwrap_or(9999) as u64);
    commit(2, digest(found.map(|at| sorted[at as usize])));

    let mut heap: BinaryHeap<i64> = numbers.iter().map(|number| *number as i64).collect();
    commit(3, digest(core::iter::from_fn(|| heap.pop()).map(|number| number as u64)));

    let mut map = BTreeMap::new();
    for number in &numbers {
        *map.entry(number % 97).or_insert(0u64) += number >> 3;
    }
    map.retain(|key, _| key % 3 != 0);
    commit(4, digest(map.into_iter().flat_map(|(key, value)| [key, value])));

    let mut queue: VecDeque<u64> = numbers.iter().copied().take(50).collect();
    for _ in 0..500 {
        let front = queue.pop_front().unwrap_or(0);
        queue.push_back(front.wrapping_mul(31).rotate_right(7));
    }
    commit(5, digest(queue));

    let mut text = String::new();
    for number in numbers.iter().take(40) {
        // Writing to a string never fails.
        let _ = write!(text, "{number},{:x};", number >> 5);
    }
    commit(6, digest(text.bytes().map(u64::from)));
    let parsed = text.split(';').filter_map(|pair| pair.split(',').next()?.parse::<u64>().ok());
    commit(7, u64::from(parsed.eq(numbers.iter().copied().take(40))));
    0
}
