//! Cycles per second of the executor: counting (the first run of a job) and replaying (one instance).
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quintet_machine::{
    AirId, Execution, Options, PlanIds, Planned, Program,
    asm::Assembler,
    decode::Mnemonic::{Add, Addi, Addiw, Bne, Jalr, Ld, Lw, Mul, Sd, Slli, Srli, Sw, Xor},
};

const BUFFER: u64 = 0x0010_0000;

/// Mixed code as compiled programs have it: a call, loads and stores of two widths, shifts, a multiplication, a branch.
/// Sixteen instructions an iteration over a buffer of 32 KiB.
fn mixed(iterations: u64) -> Arc<Program> {
    let mut a = Assembler::new();
    let (function, end) = (a.label(), a.label());
    a.li(5, BUFFER).li(6, iterations).li(7, 0x9e37_79b9_7f4a_7c15).li(8, 1);
    let top = a.here();
    a.jal(1, function);
    a.i(Ld, 9, 10, 0).i(Lw, 11, 10, 8).r(Add, 9, 9, 11).r(Xor, 8, 8, 9).s(Sd, 8, 10, 0).s(Sw, 6, 10, 16);
    a.i(Addi, 6, 6, -1).branch(Bne, 6, 0, top);
    a.jal(0, end);
    a.bind(function);
    a.r(Mul, 8, 8, 7).i(Srli, 12, 8, 52).i(Slli, 12, 12, 3).r(Add, 10, 5, 12).i(Addiw, 13, 8, 7).r(Xor, 8, 8, 13);
    a.i(Jalr, 0, 1, 0);
    a.bind(end);
    a.halt(0);
    Arc::new(a.program().expect("the program fits the memory map"))
}

/// Copies 64 KiB again and again, four doublewords an iteration.
fn copy(rounds: u64) -> Arc<Program> {
    let mut a = Assembler::new();
    a.li(6, rounds);
    let round = a.here();
    a.li(5, BUFFER).li(7, BUFFER + 0x1_0000).li(8, BUFFER + 0x1_0000);
    let top = a.here();
    for i in 0..4 {
        a.i(Ld, 9, 5, 8 * i).s(Sd, 9, 7, 8 * i);
    }
    a.i(Addi, 5, 5, 32).i(Addi, 7, 7, 32).branch(Bne, 5, 8, top);
    a.i(Addi, 6, 6, -1).branch(Bne, 6, 0, round);
    a.halt(0);
    Arc::new(a.program().expect("the program fits the memory map"))
}

fn run(program: &Arc<Program>) -> Execution {
    Execution::run(Arc::clone(program), Arc::from([]), &Options::default()).expect("the program halts")
}

fn count(c: &mut Criterion) {
    let mut group = c.benchmark_group("count");
    group.sample_size(10);
    for (name, program) in [("mixed", mixed(1_000_000)), ("copy", copy(700))] {
        group.throughput(Throughput::Elements(run(&program).cycles()));
        group.bench_function(name, |b| b.iter(|| black_box(run(&program))));
    }
    group.finish();
}

fn replay(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    let planned = Planned::new(run(&mixed(1_000_000)), 16, PlanIds::default()).expect("k is supported");
    group.throughput(Throughput::Elements(planned.capacity(AirId::Cpu)));
    for index in [0, 100, 200] {
        group.bench_function(format!("cpu/{index}"), |b| {
            b.iter(|| black_box(planned.instance_events(AirId::Cpu, index).expect("the instance exists")));
        });
    }
    group.finish();
}

criterion_group!(benches, count, replay);
criterion_main!(benches);
