//! Tests that every ALU AIR passes: honest traces, changed cells, and a search for second answers.

mod row;

use ff::{Field, FromUniformBytes};
use quintet_air::{Air, AirSpec, BusBalance, F, Publics, Trace, build, check_rows, phase_two, public};

use row::{RowCheck, Verdict};

use super::{
    search::{Stuck, System},
    tag,
};
use crate::{AluEvent, isa};

/// How an AIR fills its trace.
pub(super) type Fill<A> = fn(&A, &AirSpec, &[AluEvent]) -> Trace;

/// Values at which operations change their mind.
pub(super) const EDGES: [u64; 18] = [
    0,
    1,
    2,
    3,
    31,
    63,
    64,
    0x1_0000_0020,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    0xffff_ffff_8000_0000,
    u64::MAX - 1,
    u64::MAX,
];

/// The operation with its right answer.
pub(super) fn event(op: u8, a: u64, b: u64) -> AluEvent {
    AluEvent { op, a, b, c: isa::alu(op, a, b) }
}

/// A stream of numbers of all lengths, the same in every run.
pub(super) fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    let mut next = move || {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    std::iter::repeat_with(move || {
        let value = next();
        value >> (next() % 64)
    })
}

/// Every operation on all pairs of edge values and on random pairs.
pub(super) fn events(ops: &[u8], random: usize) -> Vec<AluEvent> {
    let pairs: Vec<(u64, u64)> = EDGES.into_iter().flat_map(|a| EDGES.map(|b| (a, b))).collect();
    let mut random_numbers = numbers(u64::from(ops[0]));
    let random: Vec<(u64, u64)> = (0..random).filter_map(|_| random_numbers.next().zip(random_numbers.next())).collect();
    ops.iter().flat_map(|&op| pairs.iter().chain(&random).map(move |&(a, b)| event(op, a, b))).collect()
}

/// A random field element.
pub(super) fn field(numbers: &mut impl Iterator<Item = u64>) -> F {
    let mut bytes = [0; 64];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&numbers.next().unwrap().rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    F::from_uniform_bytes(&bytes)
}

/// Names of the violated constraints of a whole trace.
pub(super) fn violations(spec: &AirSpec, trace: &Trace) -> Vec<String> {
    let mut numbers = numbers(99);
    let (alpha, beta) = (field(&mut numbers), field(&mut numbers));
    let second = phase_two(spec, trace, alpha, beta);
    let mut publics = Publics([F::ZERO; public::COUNT]);
    publics.0[public::ALPHA] = alpha;
    publics.0[public::BETA] = beta;
    publics.0[public::AIR] = F::from(u64::from(spec.id));
    publics.0[public::SUM] = second.sum;
    check_rows(spec, trace, &second, &publics).iter().map(ToString::to_string).collect()
}

fn message(event: &AluEvent) -> [F; 4] {
    [F::from(u64::from(event.op)), F::from(event.a), F::from(event.b), F::from(event.c)]
}

/// The AIR is without mistakes at every size.
pub(super) fn builds<A: Air>() {
    for k in [11, 12, 13, 14, 15, 16, 20] {
        build::<A>(k).unwrap_or_else(|error| panic!("k = {k}: {error}"));
    }
}

/// Honest traces satisfy every constraint, and their messages are the operations and nothing else.
pub(super) fn honest_traces_hold<A: Air>(ops: &[u8], fill: Fill<A>) {
    for k in [11, 14] {
        let (air, spec) = build::<A>(k).unwrap();
        let events = events(ops, if k == 11 { 50 } else { 700 });
        for events in events.chunks(spec.height()) {
            let trace = fill(&air, &spec, events);
            assert_eq!(violations(&spec, &trace), [""; 0]);
            let mut balance = BusBalance::default();
            balance.add_instance(&spec, &trace);
            for event in events {
                balance.add(tag::ALU, &message(event), F::ONE, "sender");
            }
            assert_eq!(balance.imbalances(), []);
        }
    }
    let (air, spec) = build::<A>(11).unwrap();
    assert_eq!(violations(&spec, &fill(&air, &spec, &[])), [""; 0]);
}

/// A result other than the right one violates a constraint of its row.
pub(super) fn wrong_results_fail<A: Air>(ops: &[u8], fill: Fill<A>) {
    let (air, spec) = build::<A>(11).unwrap();
    let check = RowCheck::new(&spec);
    let Some(column) = spec.column("c") else { return };
    for events in events(ops, 20).chunks(spec.height()) {
        let trace = fill(&air, &spec, events);
        for (row, event) in events.iter().enumerate() {
            let mut cells = check.cells(&trace, row);
            for wrong in wrong_values(event.c) {
                cells[column] = wrong;
                assert!(!check.verdict(&cells).holds(), "{event:?} with {wrong:?}");
            }
        }
    }
}

fn wrong_values(right: u64) -> Vec<F> {
    let right_field = F::from(right);
    let power = |bits: u64| F::from(2).pow_vartime([bits]);
    let mut values = vec![F::from(right ^ 1), F::from(!right), F::from(right ^ 1 << 63), F::from(right ^ 1 << 31)];
    values.extend([31, 32, 63, 64, 128].into_iter().flat_map(|bits| [right_field + power(bits), right_field - power(bits)]));
    values.extend([right_field + F::ONE, right_field - F::ONE, -right_field, -F::ONE]);
    values.retain(|value| *value != right_field);
    values
}

/// Changes every cell of rows with each operation to several values. A change has to violate a constraint, miss a table or change
/// the message, unless `harmless` says why it need not: it is asked with the operation and the column's name.
pub(super) fn changed_cells_are_noticed<A: Air>(ops: &[u8], fill: Fill<A>, harmless: impl Fn(&AluEvent, &str) -> bool) {
    let (air, spec) = build::<A>(14).unwrap();
    let check = RowCheck::new(&spec);
    let mut numbers = numbers(7);
    let counts: Vec<usize> = spec.tables.iter().map(|table| table.count).collect();
    let pairs =
        [(0, 0), (7, 7), (1 << 63, u64::MAX), (5, 1 << 63), (0x9234_5678_9abc_def1, 0xb), (u64::MAX, u64::MAX - 1), (5, 0)];
    let events: Vec<AluEvent> = ops.iter().flat_map(|&op| pairs.map(|(a, b)| event(op, a, b))).collect();
    let trace = fill(&air, &spec, &events);
    for (row, event) in events.iter().enumerate() {
        let honest = check.cells(&trace, row);
        let expected = Verdict { failed: Vec::new(), message: Some(message(event).to_vec()) };
        assert_eq!(check.verdict(&honest), expected);
        for column in (0..spec.phase_one).filter(|column| !counts.contains(column)) {
            let name = &spec.columns[column].name;
            let mut unnoticed = Vec::new();
            for value in changes(honest[column], &mut numbers) {
                let mut cells = honest.clone();
                cells[column] = value;
                if check.verdict(&cells) == expected {
                    unnoticed.push(value);
                }
            }
            assert_eq!(unnoticed.is_empty(), !harmless(event, name), "{event:?}: {name} can be {unnoticed:?}");
        }
    }
    changed_counts_are_noticed(&spec, &trace);
}

fn changes(old: F, numbers: &mut impl Iterator<Item = u64>) -> Vec<F> {
    let power = |bits: u64| F::from(2).pow_vartime([bits]);
    let mut values =
        vec![F::ZERO, F::ONE, F::from(2), -F::ONE, -old, old + F::ONE, old - F::ONE, F::from(u64::MAX), field(numbers)];
    values.extend([13, 32, 64, 128].into_iter().flat_map(|bits| [old + power(bits), old - power(bits)]));
    values.retain(|value| *value != old);
    values
}

/// A wrong count, or an operation after padding, is noticed by the bus or by a constraint of the whole trace.
fn changed_counts_are_noticed(spec: &AirSpec, trace: &Trace) {
    for table in &spec.tables {
        for row in [0, 5, table.size - 1, table.size, spec.height() - 1].into_iter().filter(|row| *row < spec.height()) {
            let mut changed = trace.clone();
            changed.columns[table.count].set(row, trace.get(table.count, row) + F::ONE);
            let mut balance = BusBalance::default();
            balance.add_instance(spec, &changed);
            let noticed = balance.imbalances().iter().any(|imbalance| imbalance.tag == table.tag);
            assert!(noticed, "{}: count of row {row}", spec.columns[table.count].name);
        }
    }
}

/// An operation after a row of padding violates the order of rows.
pub(super) fn padding_is_a_suffix<A: Air>(op: u8, fill: Fill<A>) {
    let (air, spec) = build::<A>(11).unwrap();
    let mut trace = fill(&air, &spec, &[event(op, 0, 0), event(op, 0, 0), event(op, 0, 0)]);
    let real = spec.column("real").unwrap();
    trace.columns[real].set(1, F::ZERO);
    assert!(violations(&spec, &trace).iter().any(|violation| violation.contains("padding is a suffix")));
}

/// All results that a row which receives `op`, a and b can have.
fn results(base: &System<'_>, event: &AluEvent) -> Result<Vec<Vec<F>>, Stuck> {
    let mut system = base.clone();
    let [op, a, b, _] = message(event);
    system.know(ROW, "real", F::ONE).answer(ROW, "operation", &[(0, op), (1, a), (2, b)]);
    system.answers()
}

/// What the row says if its result is the right one: it receives the message once.
fn right(event: &AluEvent) -> Vec<F> {
    [-F::ONE].into_iter().chain(message(event)).collect()
}

/// A row that is neither the first nor the last.
const ROW: usize = 1;

/// For every operation and pair of operands the constraints have exactly one result, the right one: the search goes through *all*
/// rows that satisfy them.
pub(super) fn exactly_one_result<A: Air>(ops: &[u8], pairs: &[(u64, u64)]) {
    let (_, spec) = build::<A>(14).unwrap();
    let base = System::new(&spec, ROW..ROW + 1, 0);
    for &op in ops {
        for &(a, b) in pairs {
            let event = event(op, a, b);
            assert_eq!(results(&base, &event), Ok(vec![right(&event)]), "{event:?}");
        }
    }
}

/// Without any one of the constraints that the AIR states, apart from the bounds of its columns, some operation has another result,
/// or a value that nothing determines. `spare` are the constraints for which that is not so.
pub(super) fn every_constraint_is_needed<A: Air>(ops: &[u8], spare: &[&str]) {
    let (_, spec) = build::<A>(14).unwrap();
    let events: Vec<AluEvent> =
        telling_pairs(0).iter().flat_map(|&(a, b)| ops.iter().map(move |&op| event(op, a, b))).collect();
    for name in author_constraints(&spec) {
        let mut without = spec.clone();
        without.constraints.retain(|constraint| constraint.name != name);
        let base = System::new(&without, ROW..ROW + 1, 0);
        let matters = |event: &AluEvent| results(&base, event).map_or(true, |results| results != [right(event)]);
        assert_eq!(events.iter().any(matters), !spare.contains(&name.as_str()), "{name}");
    }
}

/// Names of the constraints on rows that are not the bound of a single column.
fn author_constraints(spec: &AirSpec) -> Vec<String> {
    let bounds: Vec<String> = spec.columns.iter().map(|column| format!("{} is boolean", column.name)).collect();
    let names = row::row_constraints(spec).into_iter().map(|(name, _)| name.to_owned());
    names.filter(|name| !bounds.contains(name)).collect()
}

/// Pairs for [`exactly_one_result`].
pub(super) fn telling_pairs(random: usize) -> Vec<(u64, u64)> {
    let edges = [0, 1, 33, 1 << 31, 1 << 63, u64::MAX];
    let mut numbers = numbers(3);
    let mut pairs: Vec<(u64, u64)> = edges.into_iter().flat_map(|a| edges.map(|b| (a, b))).collect();
    pairs.extend((0..random).filter_map(|_| numbers.next().zip(numbers.next())));
    pairs
}
