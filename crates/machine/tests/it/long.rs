//! Long executions stay within bounded memory.

use std::{sync::Arc, time::Instant};

use quintet_machine::{AirId, Execution, InstanceEvents, Options, PlanIds, Planned, asm::Assembler, decode::Mnemonic::*};

use crate::support::DATA;

/// Ten instructions an iteration, stores all over 1 MiB.
fn scattered(iterations: u64) -> Assembler {
    let mut a = Assembler::new();
    a.li(5, DATA).li(6, iterations).li(7, 0x9e37_79b9_7f4a_7c15).li(8, 1);
    let top = a.here();
    a.r(Mul, 8, 8, 7).i(Addi, 8, 8, 99).i(Srli, 9, 8, 47).i(Slli, 9, 9, 3).r(Add, 9, 9, 5);
    a.i(Ld, 10, 9, 0).r(Xor, 10, 10, 8).s(Sd, 10, 9, 0).i(Addi, 6, 6, -1).branch(Bne, 6, 0, top);
    a.halt(0);
    a
}

/// Peak resident memory of this process in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn run(iterations: u64) {
    let program = Arc::new(scattered(iterations).program().expect("the program loads"));
    let start = Instant::now();
    let execution = Execution::run(program, Arc::from([]), &Options::default()).expect("the program halts");
    let seconds = start.elapsed().as_secs_f64();
    let cycles = execution.cycles();
    assert!(cycles > iterations * 10);
    let (checkpoints, bytes) = execution.checkpoint_size();
    assert!((100..=257).contains(&checkpoints), "{checkpoints} checkpoints");
    assert!(bytes <= Options::default().checkpoint_bytes, "{bytes} bytes of checkpoints");
    let planned = Planned::new(execution, 16, PlanIds::default()).expect("k is supported");
    let instances = planned.plan().entries.iter().filter(|entry| entry.air == AirId::Cpu.number()).count() as u32;
    for index in [0, instances / 2, instances - 1] {
        let start = Instant::now();
        let events = planned.instance_events(AirId::Cpu, index).expect("the instance exists");
        let InstanceEvents::Cpu(events) = events else { panic!("wrong records") };
        assert_eq!(events[0].clock, u64::from(index) * planned.capacity(AirId::Cpu) + 1);
        println!("cpu instance {index} of {instances}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    let peak = peak_kib().unwrap_or(0) / 1024;
    println!("{cycles} cycles in {seconds:.2} s, {checkpoints} checkpoints of {} MiB, peak {peak} MiB", bytes >> 20);
    assert!(peak < 512, "peak of {peak} MiB");
}

#[test]
fn ten_million_cycles() {
    run(1_000_000);
}

#[test]
#[ignore = "takes seconds: cargo nextest run -p quintet-machine --run-ignored only"]
fn hundred_million_cycles() {
    run(10_000_000);
}

#[test]
fn checkpoints_stay_within_their_budget() {
    let program = Arc::new(scattered(200_000).program().expect("the program loads"));
    let budget = 8 << 20;
    let options = Options { checkpoint_bytes: budget, ..Options::default() };
    let execution = Execution::run(program, Arc::from([]), &options).expect("the program halts");
    let (checkpoints, bytes) = execution.checkpoint_size();
    // Every other push makes room, and what is accessed between two checkpoints is at most 3 MiB here.
    assert!(checkpoints > 2 && bytes <= budget + (4 << 20), "{checkpoints} checkpoints of {bytes} bytes");
}
