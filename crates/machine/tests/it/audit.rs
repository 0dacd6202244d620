//! The bus, balanced from records alone: whatever one AIR sends another must receive.

use std::collections::HashMap;

use quintet_machine::{
    Access, AirId, InstanceEvents, Planned, WordEvent,
    isa::{access_bytes, alu, extend, flag},
    layout::{SLOT_MEMORY, SLOT_RD, SLOT_RS1, SLOT_RS2, ecall},
};

/// A message: tag and tuple.
type Message = (&'static str, Vec<u64>);

/// Sums of multiplicities by message.
#[derive(Default)]
struct Bus(HashMap<Message, i64>);

impl Bus {
    fn send(&mut self, tag: &'static str, tuple: &[u64]) {
        *self.0.entry((tag, tuple.to_vec())).or_default() += 1;
    }

    fn receive(&mut self, tag: &'static str, tuple: &[u64]) {
        *self.0.entry((tag, tuple.to_vec())).or_default() -= 1;
    }

    fn access(&mut self, access: &Access, ts: u64) {
        assert_eq!(access.ts, ts, "timestamp of {access:?}");
        assert!(access.prev_ts < access.ts, "time goes on: {access:?}");
        self.receive("MEM", &[access.addr, access.prev_ts, access.old]);
        self.send("MEM", &[access.addr, access.ts, access.new]);
    }

    fn word(&mut self, word: &WordEvent) {
        self.send("MEM", &[word.addr, 0, word.initial]);
        self.receive("MEM", &[word.addr, word.last_ts, word.last]);
    }
}

/// Checks all instances of a plan against each other. Returns the number of messages that cancelled.
pub(crate) fn audit(planned: &Planned) -> usize {
    let mut bus = Bus::default();
    let execution = planned.execution();
    bus.send("CPU", &[execution.program().entry(), 1]);
    bus.receive("HALT", &[execution.exit_code()]);
    for (index, word) in (0..).zip(execution.outputs()) {
        bus.receive("OUT", &[index, *word]);
    }
    let mut chain = None;
    for entry in &planned.plan().entries {
        let air = AirId::try_from(entry.air).expect("plans hold known AIRs");
        let events = planned.instance_events(air, entry.index).expect("planned instances can be built");
        match &events {
            InstanceEvents::Cpu(_) => cpu(&mut bus, planned, &events),
            InstanceEvents::Program(counts) => {
                let first = planned.capacity(air) as usize * entry.index as usize;
                for (row, count) in (first..).zip(counts) {
                    *bus.0.entry(("PROGRAM", vec![row as u64])).or_default() -= i64::try_from(*count).expect("small");
                }
            }
            InstanceEvents::Image(words) => words.iter().for_each(|word| bus.word(word)),
            InstanceEvents::Memory { previous, is_last, words } => {
                assert_eq!(*previous, chain, "the chain of memory instances");
                assert_eq!(*is_last, last_of(planned, air) == entry.index);
                for word in words {
                    assert!(chain < Some(word.addr), "addresses rise");
                    assert!(word.last_ts > 0, "only touched words");
                    assert_eq!(execution.program().image_word(word.addr), None, "the image is elsewhere");
                    chain = Some(word.addr);
                    bus.word(word);
                }
            }
            InstanceEvents::LoadStore(events) => {
                for event in events {
                    load_store(&mut bus, event, air);
                }
            }
            InstanceEvents::Alu(events) => {
                for event in events {
                    assert_eq!((AirId::of_alu(event.op), event.c), (Some(air), alu(event.op, event.a, event.b)));
                    bus.receive("ALU", &[event.op.into(), event.a, event.b, event.c]);
                }
            }
            InstanceEvents::Keccak(calls) => {
                for call in calls {
                    let (send, receive) = if air == AirId::Keccak { (1, 0) } else { (0, 1) };
                    for (lane, access) in (0..).zip(&call.lanes) {
                        let (input, output) = ([call.clock, 2 * lane, access.old], [call.clock, 2 * lane + 1, access.new]);
                        *bus.0.entry(("KSTATE", input.to_vec())).or_default() += receive - send;
                        *bus.0.entry(("KSTATE", output.to_vec())).or_default() += send - receive;
                        if air == AirId::KeccakMemory {
                            assert_eq!(access.addr, call.addr / 8 + lane);
                            bus.access(access, 4 * call.clock + SLOT_MEMORY);
                        }
                    }
                    if air == AirId::KeccakMemory {
                        bus.receive("KECCAK", &[call.clock, call.addr]);
                    }
                }
            }
        }
    }
    let messages = bus.0.len();
    let open: Vec<_> = bus.0.into_iter().filter(|(_, sum)| *sum != 0).take(5).collect();
    assert!(open.is_empty(), "the bus does not balance: {open:x?}");
    messages
}

fn last_of(planned: &Planned, air: AirId) -> u32 {
    planned.plan().entries.iter().filter(|entry| entry.air == air.number()).map(|entry| entry.index).max().unwrap_or(0)
}

fn cpu(bus: &mut Bus, planned: &Planned, events: &InstanceEvents) {
    let InstanceEvents::Cpu(events) = events else { return };
    for event in events {
        let row = planned.execution().program().rows()[event.row];
        assert_eq!(row.pc, event.pc);
        bus.receive("CPU", &[event.pc, event.clock]);
        bus.send("PROGRAM", &[event.row as u64]);
        let accesses = [(event.rs1, SLOT_RS1), (event.rs2, SLOT_RS2), (event.rd, SLOT_RD)];
        for (access, slot) in accesses {
            if let Some(access) = access {
                bus.access(&access, 4 * event.clock + slot);
            }
        }
        let is_ecall = row.has(flag::ECALL);
        assert_eq!(event.rs1.map(|a| a.addr), (row.has(flag::R1) || is_ecall).then_some(row.rs1.into()));
        assert_eq!(event.rs2.map(|a| a.addr), (row.has(flag::R2) || is_ecall).then_some(row.rs2.into()));
        assert_eq!(event.rd.map(|a| a.addr), (row.has(flag::W) || is_ecall).then_some(row.rd.into()));
        let (a, r2) = (event.rs1.map_or(0, |a| a.old), event.rs2.map_or(0, |a| a.old));
        let b = if row.has(flag::B_IMM) { u64::try_from(row.imm).expect("ALU immediates are unsigned") } else { r2 };
        if let Some(c) = event.alu {
            bus.send("ALU", &[row.op.into(), a, b, c]);
        }
        assert_eq!(event.alu.is_some(), row.has(flag::ALU));
        let addr = u64::try_from(i128::from(a) + row.imm);
        if row.has(flag::LOAD) || row.has(flag::STORE) {
            let value = if row.has(flag::LOAD) { event.loaded.expect("loads load") } else { r2 };
            bus.send("LDST", &[row.op.into(), event.clock, addr.expect("addresses do not wrap"), value]);
        }
        check_write(event, &row);
        let next = next_pc(bus, event, &row, a, r2);
        assert_eq!(event.next_pc, next.unwrap_or(event.pc), "{row:?}");
        if let Some(next) = next {
            bus.send("CPU", &[next, event.clock + 1]);
        }
    }
}

/// The value written to rd is the one that the flags say.
fn check_write(event: &quintet_machine::CpuEvent, row: &quintet_machine::Lowered) {
    let Some(rd) = event.rd else { return };
    let value = if row.has(flag::ECALL) {
        rd.old
    } else if row.has(flag::JAL) || row.has(flag::JALR) {
        event.pc + 4
    } else if row.has(flag::CONST) {
        u64::try_from(row.imm).expect("constants are unsigned")
    } else if row.has(flag::LOAD) {
        event.loaded.expect("loads load")
    } else {
        event.alu.expect("what else is there")
    };
    assert_eq!(rd.new, value, "{row:?}");
}

/// The pc after a row; `None` after a halt. Sends what an ecall sends.
fn next_pc(bus: &mut Bus, event: &quintet_machine::CpuEvent, row: &quintet_machine::Lowered, a7: u64, a0: u64) -> Option<u64> {
    let target = u64::try_from(row.imm);
    if row.has(flag::ECALL) {
        match a7 {
            ecall::HALT => {
                bus.send("HALT", &[a0]);
                return None;
            }
            ecall::OUTPUT => bus.send("OUT", &[a0, event.rd.expect("ecalls read a1").old]),
            ecall::KECCAK => bus.send("KECCAK", &[event.clock, a0]),
            _ => {}
        }
    }
    Some(match event.alu {
        Some(1) if row.has(flag::BRANCH) => target.expect("targets are unsigned"),
        Some(c) if row.has(flag::JALR) => c & !1,
        _ if row.has(flag::JAL) => target.expect("targets are unsigned"),
        _ => event.pc + 4,
    })
}

fn load_store(bus: &mut Bus, event: &quintet_machine::LoadStoreEvent, air: AirId) {
    assert_eq!(AirId::of_access(event.op, event.addr), air);
    bus.receive("LDST", &[event.op.into(), event.clock, event.addr, event.value]);
    let size = access_bytes(event.op) as usize;
    let offset = event.addr as usize % 8;
    assert_eq!(event.first.addr, event.addr / 8);
    assert_eq!(event.second.map(|word| word.addr), (offset + size > 8).then_some(event.addr / 8 + 1));
    bus.access(&event.first, 4 * event.clock + SLOT_MEMORY);
    let second = event.second.unwrap_or_default();
    if event.second.is_some() {
        bus.access(&second, 4 * event.clock + SLOT_MEMORY);
    }
    let bytes = |low: u64, high: u64| [low.to_le_bytes(), high.to_le_bytes()].concat();
    let (old, new) = (bytes(event.first.old, second.old), bytes(event.first.new, second.new));
    if event.op < 72 {
        let mut raw = [0; 8];
        raw[..size].copy_from_slice(&old[offset..offset + size]);
        assert_eq!(event.value, extend(event.op, u64::from_le_bytes(raw)));
        assert_eq!(old, new, "loads change nothing");
    } else {
        let mut expected = old;
        expected[offset..offset + size].copy_from_slice(&event.value.to_le_bytes()[..size]);
        assert_eq!(new, expected, "stores change their bytes only");
    }
}
