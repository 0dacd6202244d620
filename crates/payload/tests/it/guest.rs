//! The committed guest program on the machine: the same verdicts and outputs as the library.

use crate::samples::{capella, fulu, input};
use proptest::prelude::*;
use quintet_machine::{Execution, Options, Program};
use quintet_payload::{PayloadInput, SoftKeccak, check_bytes};
use std::sync::{Arc, LazyLock};

static GUEST: LazyLock<Arc<Program>> = LazyLock::new(|| {
    let elf = include_bytes!("../../../../guests/elf/payload.elf");
    Arc::new(Program::from_elf(elf).unwrap())
});

fn run(bytes: &[u8]) -> Execution {
    Execution::run(Arc::clone(&GUEST), Arc::from(bytes), &Options::default()).unwrap()
}

/// The guest halts with the code, and commits the words, that the library says.
fn agree(bytes: &[u8]) -> Execution {
    let execution = run(bytes);
    match check_bytes::<SoftKeccak>(bytes) {
        Ok(output) => {
            assert_eq!(execution.exit_code(), 0);
            assert_eq!(execution.outputs(), output.to_words());
        }
        Err(error) => {
            assert_eq!(execution.exit_code(), error.exit_code(), "{error}");
            assert!(execution.outputs().is_empty());
        }
    }
    execution
}

/// A payload of `count` transactions of `len` bytes and its right block hash.
fn payload(count: usize, len: usize, withdrawals: usize) -> Vec<u8> {
    let mut input = fulu();
    input.transactions = (0..count).map(|i| (0..len + i % 4).map(|j| (i * 29 + j * 7 + i * j) as u8).collect()).collect();
    input.withdrawals = vec![Default::default(); withdrawals];
    input.block_hash = crate::samples::alloy_hash(&input);
    input.encode().unwrap()
}

#[test]
fn real_blocks_take_fewer_than_two_thousand_cycles() {
    for input in [capella(), fulu()] {
        let execution = agree(&input.encode().unwrap());
        assert_eq!(execution.exit_code(), 0);
        assert!(execution.cycles() < 2_000, "{} cycles", execution.cycles());
    }
}

#[test]
fn transfers_take_fewer_than_five_hundred_cycles_each() {
    let cycles: Vec<_> = [1, 10, 100].map(|count| agree(&payload(count, 114, 0)).cycles()).into();
    println!("cycles with 1, 10 and 100 transfers: {cycles:?}");
    assert!(cycles[2] - cycles[1] < 90 * 500, "{cycles:?}");
}

#[test]
fn lists_of_every_kind_agree() {
    for count in [0, 2, 16, 17, 126, 127, 128, 129, 130, 255, 256, 257, 300] {
        agree(&payload(count, 1 + count % 7 * 10, count % 17));
    }
    for len in [1, 8, 55, 56, 135, 136, 137, 255, 256, 65_536, 1 << 20] {
        agree(&payload(1, len, 1));
    }
}

#[test]
fn malformed_inputs_halt_with_their_codes() {
    let bytes = fulu().encode().unwrap();
    for len in (0..bytes.len()).step_by(41) {
        assert_eq!(agree(&bytes[..len]).exit_code(), 0x10);
    }
    for offset in (0..bytes.len() - 8).step_by(8) {
        let mut changed = bytes.clone();
        changed[offset + 7] ^= 0x80;
        assert_ne!(agree(&changed).exit_code(), 0, "word at {offset}");
        changed[offset..offset + 8].fill(0xff);
        assert_ne!(agree(&changed).exit_code(), 0, "word at {offset}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_guest_and_the_library_agree(input in input(), change: Option<(prop::sample::Index, u8)>) {
        let input: PayloadInput = input;
        let mut bytes = input.encode().unwrap();
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        agree(&bytes);
    }
}
