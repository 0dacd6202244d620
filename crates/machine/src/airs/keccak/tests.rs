//! The keccak AIRs against known answers, and every cell against changes.

use ff::Field;
use quintet_air::{AirSpec, BusBalance, F, Publics, Trace, build, check_rows, phase_two, public};

use super::{KECCAK_ROWS, Keccak, keccak_f};
use crate::{
    airs::{
        keccak_mem::KeccakMem,
        search::{Case, System, only_honest_answers, spare_constraints},
        tag,
        testing::{check, idle, mutate_every_cell},
    },
    event::{Access, KeccakEvent},
};

const K: u32 = 11;

fn event(clock: u64, addr: u64, input: [u64; 25]) -> KeccakEvent {
    let output = keccak_f(input);
    let lane = |i: usize| Access {
        addr: addr / 8 + i as u64,
        prev_ts: 3 * i as u64,
        ts: 4 * clock + 2,
        old: input[i],
        new: output[i],
    };
    KeccakEvent { clock, addr, lanes: std::array::from_fn(lane) }
}

fn events() -> Vec<KeccakEvent> {
    let mixed = std::array::from_fn(|i| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    vec![event(100, 0x2_0000, mixed), event(200, 0x3_0000, [u64::MAX; 25])]
}

/// What the cpu and the memory put on the bus.
fn surroundings() -> BusBalance {
    let mut bus = BusBalance::default();
    for event in events() {
        bus.add(tag::KECCAK, &[F::from(event.clock), F::from(event.addr)], F::ONE, "cpu");
        for lane in &event.lanes {
            bus.add(tag::MEM, &[lane.addr, lane.prev_ts, lane.old].map(F::from), F::ONE, "before");
            bus.add(tag::MEM, &[lane.addr, lane.ts, lane.new].map(F::from), -F::ONE, "after");
        }
    }
    bus
}

fn violated(spec: &AirSpec, trace: &Trace) -> bool {
    let (alpha, beta) = (F::from(7).pow_vartime([91u64]), F::from(11).pow_vartime([83u64]));
    let second = phase_two(spec, trace, alpha, beta);
    let mut publics = [F::ZERO; public::COUNT];
    publics[public::ALPHA] = alpha;
    publics[public::BETA] = beta;
    publics[public::AIR] = F::from(u64::from(spec.id));
    publics[public::SUM] = second.sum;
    !check_rows(spec, trace, &second, &Publics(publics)).is_empty()
}

#[test]
fn permutation_of_the_zero_state_is_the_published_one() {
    // Keccak-f[1600] on the zero state, from the Keccak team's KeccakF-1600-IntermediateValues.txt.
    let output = keccak_f([0; 25]);
    assert_eq!(output[0], 0xF125_8F79_40E1_DDE7);
    assert_eq!(output[1], 0x84D5_CCF9_33C0_478A);
    assert_eq!(output[24], 0xEAF1_FF7B_5CEC_A249);
}

#[test]
fn traces_satisfy_their_constraints_and_the_bus_balances() {
    let (keccak, spec) = build::<Keccak>(K).unwrap();
    let (mem, mem_spec) = build::<KeccakMem>(K).unwrap();
    let (trace, mem_trace) = (keccak.trace(&spec, &events()), mem.trace(&mem_spec, &events()));
    assert!(!violated(&spec, &trace) && !violated(&mem_spec, &mem_trace));
    let mut bus = surroundings();
    bus.add_instance(&spec, &trace);
    bus.add_instance(&mem_spec, &mem_trace);
    assert_eq!(bus.imbalances(), []);
}

/// Cells that a row does not use may hold anything that is boolean or a digit rest: they take part in nothing.
fn harmless(name: &str, row: usize) -> bool {
    let step = row % KECCAK_ROWS;
    let lane_of_round = (25..KECCAK_ROWS - 25).contains(&step).then(|| (step - 25) % 30);
    match name {
        // Digit rests are used by lane and parity rows only.
        name if name.starts_with("q_") => lane_of_round.is_none(),
        // The received lane is used by lane and out rows only, the sent one by lane and in rows only.
        "input" => !(lane_of_round.is_some_and(|row| row < 25) || step >= KECCAK_ROWS - 25),
        "output" => !(lane_of_round.is_some_and(|row| row < 25) || step < 25),
        name if name.starts_with("d_") || name.starts_with("sheet_") => lane_of_round.is_none(),
        _ => false,
    }
}

#[test]
fn a_change_of_any_cell_is_caught() {
    let (keccak, spec) = build::<Keccak>(K).unwrap();
    let (mem, mem_spec) = build::<KeccakMem>(K).unwrap();
    let (trace, mem_trace) = (keccak.trace(&spec, &events()), mem.trace(&mem_spec, &events()));
    // One row of each kind in each of the two permutations: in, lane (each X), parity (middle, last), out.
    let rows = [0, 24, 25, 26, 58, 59, 51, 54, 84, KECCAK_ROWS - 25, KECCAK_ROWS - 1, KECCAK_ROWS + 40, 2 * KECCAK_ROWS - 1];
    let mut balanced = surroundings();
    balanced.add_instance(&mem_spec, &mem_trace);
    for (column, info) in spec.columns[..spec.phase_one].iter().enumerate() {
        for (turn, &row) in rows.iter().enumerate() {
            // All columns at all rows would take minutes: bits and rests take turns.
            if info.name.starts_with(['b', 'q']) && (column + turn) % 7 != 0 || harmless(&info.name, row) {
                continue;
            }
            let old = trace.get(column, row);
            for value in [F::ONE - old, old + F::ONE, old - F::ONE] {
                if value == old {
                    continue;
                }
                let mut forged = trace.clone();
                forged.columns[column].set(row, value);
                let caught = changed_constraint(&spec, &forged, row) || {
                    let mut bus = surroundings();
                    bus.add_instance(&mem_spec, &mem_trace);
                    bus.add_instance(&spec, &forged);
                    !bus.imbalances().is_empty()
                };
                assert!(caught, "{} at row {row} may be {value:?}", info.name);
            }
        }
    }
}

/// Whether a phase-1 constraint fails at a row from which `row` is seen.
fn changed_constraint(spec: &AirSpec, trace: &Trace, row: usize) -> bool {
    use quintet_air::Cell;
    (row.saturating_sub(2)..=(row + 4).min(spec.height() - 1)).any(|at| {
        let second_phase = std::cell::Cell::new(false);
        spec.constraints.iter().any(|constraint| {
            let value = constraint.expr.eval(&|cell| match cell {
                Cell::Advice(column, rotation) if column < spec.phase_one => {
                    trace.get(column, (at as i64 + i64::from(rotation)).rem_euclid(spec.rows() as i64) as usize)
                }
                Cell::Fixed(column, rotation) => {
                    spec.fixed[column].values[(at as i64 + i64::from(rotation)).rem_euclid(spec.rows() as i64) as usize]
                }
                _ => {
                    second_phase.set(true);
                    F::ZERO
                }
            });
            !second_phase.take() && value != F::ZERO
        })
    })
}

/// Rows `start .. start + count` of a permutation with what the bus brings: the lanes of the state, or those of the round before.
fn rows_of(spec: &AirSpec, start: usize, count: usize) -> Case<'_> {
    let (keccak, _) = build::<Keccak>(K).unwrap();
    let trace = keccak.trace(spec, &events());
    let mut system = System::new(spec, start..start + count, 0);
    system.know_of(start, &["real", "clock"], &trace);
    for row in start..start + count {
        system.hear(row, "lane in", &trace, &[2]).hear(row, "lane of the round before", &trace, &[2]);
    }
    system.as_in(&trace)
}

/// The lanes that come in; rounds, the first, one with a round constant of many bits, and the last; the lanes that go out; silence and order.
fn cases<'a>(spec: &'a AirSpec, rounds: &[usize]) -> Vec<Case<'a>> {
    let mut cases = vec![rows_of(spec, 0, 25), rows_of(spec, KECCAK_ROWS - 25, 25)];
    cases.extend(rounds.iter().map(|round| rows_of(spec, 25 + 30 * round, 30)));
    let (keccak, _) = build::<Keccak>(K).unwrap();
    let trace = keccak.trace(spec, &events()[..1]);
    let end = KECCAK_ROWS - 1;
    let mut after_padding = System::new(spec, end..end + 2, 0);
    cases.push(after_padding.know_row(end, &trace, KECCAK_ROWS, &[]).know_row(end + 1, &trace, 0, &[]).impossible());
    cases
}

#[test]
fn the_lanes_of_a_round_leave_one_next_round() {
    only_honest_answers(&build::<Keccak>(K).unwrap().1, &|spec| cases(spec, &[0, 17, 23]));
}

#[test]
#[ignore = "long: a round is searched once for each constraint"]
fn every_constraint_is_needed() {
    assert_eq!(spare_constraints(&build::<Keccak>(K).unwrap().1, &|spec| cases(spec, &[17])), [].into());
}

/// A call with what memory holds and the permutation answers; calls of addresses that no call may have; order.
fn memory_cases(spec: &AirSpec) -> Vec<Case<'_>> {
    let (mem, _) = build::<KeccakMem>(K).unwrap();
    let events = events();
    let trace = mem.trace(spec, &events);
    let call = |first: usize| {
        let mut system = System::new(spec, first..first + 25, 0);
        for row in first..first + 25 {
            system.hear(row, "word before", &trace, &[1, 2]).hear(row, "lane out", &trace, &[2]);
        }
        system
    };
    let mut cases: Vec<Case<'_>> = [0, 25].map(|first| call(first).take(first, "call", &trace, &[0, 1]).as_in(&trace)).into();
    for addr in [8 * 5, 0xfff8, 0x1_0004, 1 << 40].map(F::from).into_iter().chain([-F::from(8)]) {
        let mut system = call(0);
        cases.push(system.know(0, "real", F::ONE).answer(0, "call", &[(0, F::from(100)), (1, addr)]).impossible());
    }
    let mut silent = System::new(spec, 50..75, 0);
    cases.push(silent.know_of(50, &["real"], &trace).as_in(&trace));
    let mut after_padding = System::new(spec, 24..26, 0);
    cases.push(after_padding.know_row(24, &trace, 50, &[]).know_row(25, &trace, 0, &[]).impossible());
    let rest = spec.height() / 25 * 25;
    let mut beyond = System::new(spec, rest..rest + 1, 0);
    cases.push(beyond.know(rest, "real", F::ONE).impossible());
    cases
}

#[test]
fn what_memory_holds_and_the_permutation_answers_leave_one_call() {
    only_honest_answers(&build::<KeccakMem>(K).unwrap().1, &memory_cases);
}

#[test]
fn every_constraint_of_the_memory_side_is_needed() {
    assert_eq!(spare_constraints(&build::<KeccakMem>(K).unwrap().1, &memory_cases), [].into());
}

#[test]
fn a_change_of_any_cell_of_the_memory_side_is_caught() {
    let (mem, spec) = build::<KeccakMem>(K).unwrap();
    let trace = mem.trace(&spec, &events());
    assert!(check(&spec, &trace, 0).is_empty());
    let rest = spec.height() / 25 * 25;
    let rows: Vec<usize> = (0..52).chain([74, rest, spec.height() - 1]).collect();
    let mutants = mutate_every_cell(&spec, &trace, 0, &rows);
    for mutant in mutants.iter().filter(|mutant| mutant.caught.is_none()) {
        // Rows without a call take part in nothing.
        assert!(mutant.row >= 50 && mutant.column != "real", "{mutant:?}");
    }
    // Calls are real as a whole, so that no single cell is real after padding.
    assert_eq!(idle(&spec, &mutants), ["padding is a suffix"].into());
}
