//! Arbitrary instructions: every execution halts or traps, and what halts can be planned and recorded.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use quintet_machine::{
    AirId, Execution, Options, PlanIds, Planned,
    asm::{Assembler, encode},
    decode::{Decoded, Mnemonic},
    layout::{INPUT_START, RAM_END},
};

const DATA: u64 = 0x0020_0000;
const OPTIONS: Options = Options { max_cycles: 20_000, max_checkpoints: 4, checkpoint_bytes: 1 << 14, first_interval: 64 };

fuzz_target!(|bytes: &[u8]| {
    let mut a = Assembler::new();
    a.data(DATA, bytes.get(..64).unwrap_or_default().to_vec(), 4096);
    a.li(5, DATA).li(6, INPUT_START).li(7, RAM_END - 8).li(8, u64::MAX);
    for chunk in bytes.chunks_exact(6).take(2000) {
        let &[kind, rd, rs1, rs2, low, high] = chunk else { continue };
        let imm = i64::from(i16::from_le_bytes([low, high]));
        match Mnemonic::ALL.get(usize::from(kind % 72)) {
            Some(mnemonic) => a.word(encode(Decoded {
                mnemonic: *mnemonic,
                rd: rd % 32,
                rs1: rs1 % 32,
                rs2: rs2 % 32,
                imm: if matches!(mnemonic, Mnemonic::Lui | Mnemonic::Auipc) { imm << 12 } else { imm },
            })),
            None if kind % 2 == 0 => a.ecall(u64::from(rd % 6)),
            None => a.word(u32::from_le_bytes([rs1, rs2, low, high])),
        };
    }
    a.halt(0);
    let Ok(program) = a.program() else { return };
    let Ok(execution) = Execution::run(Arc::new(program), Arc::from(bytes), &OPTIONS) else { return };
    let planned = Planned::new(execution, 10, PlanIds::default()).expect("k is supported");
    for entry in &planned.plan().entries {
        let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
        planned.instance_events(air, entry.index).expect("planned instances can be built");
    }
});
