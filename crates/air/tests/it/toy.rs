//! A small AIR with one of everything: a range, a byte, a permute pair, a table, a transition and a boundary value.

use ff::Field;
use proptest::prelude::*;
use quintet_air::{
    Air, AirSpec, Bool, Builder, BusBalance, Column, F, Free, Message, PhaseTwoColumns, Proven, Publics, Range, Tag, Trace,
    Violation, build, check_rows, phase_two, public,
};

const K: u32 = 10;
const STEP: Tag = Tag(100);

/// Counts up by bytes: `total[next] = total + byte`, total stays below 2^20; the first row receives, the last sends.
#[derive(Debug)]
struct Toy {
    real: Column<Proven>,
    last: Column<Proven>,
    total: Column<Free>,
    bound: Range,
    byte: Column<Proven>,
}

impl Air for Toy {
    const ID: u16 = 77;
    const NAME: &'static str = "toy";

    fn build(builder: &mut Builder) -> Self {
        let air = Self {
            real: builder.boolean("real"),
            last: builder.boolean("last"),
            total: builder.uint("total", 20),
            bound: builder.range("bound", 20),
            byte: builder.byte("byte"),
        };
        builder.transition("last real row", air.last - air.real + air.real.next());
        builder.last("last real row at the end", air.last - air.real);
        builder.transition("total grows", air.real.next() * (air.total.next() - air.total - air.byte));
        builder.constrain("total is bounded", air.real * (air.total - air.bound.expr()));
        builder.first("first row is real", air.real.cur() - 1);
        let first = builder.flag("is_first", |row| row == 0);
        builder.receive("start", Bool::from(air.real).and(first), Message::new(STEP).value(air.total));
        builder.send("end", air.last, Message::new(STEP).value(air.total + air.byte));
        builder.boundary(1, air.total);
        air
    }
}

fn trace(air: &Toy, spec: &AirSpec, start: u64, bytes: &[u8]) -> Trace {
    let mut trace = Trace::new(spec);
    trace.fill(bytes.len(), |row, cells| {
        let total = start + bytes[..row].iter().map(|&byte| u64::from(byte)).sum::<u64>();
        cells.set(air.real, 1);
        cells.set_bool(air.last, row + 1 == bytes.len());
        cells.set(air.total, total);
        air.bound.write(cells, u128::from(total));
        cells.set(air.byte, u64::from(bytes[row]));
    });
    trace.count_tables(spec);
    trace
}

fn second(spec: &AirSpec, trace: &Trace, start: u64) -> (PhaseTwoColumns, Publics) {
    let (alpha, beta) = (F::from(3).pow_vartime([200u64]), F::from(5).pow_vartime([200u64]));
    let second = phase_two(spec, trace, alpha, beta);
    let mut publics = [F::ZERO; public::COUNT];
    publics[public::ALPHA] = alpha;
    publics[public::BETA] = beta;
    publics[public::AIR] = F::from(77);
    publics[public::BOUNDARY + 1] = F::from(start);
    publics[public::SUM] = second.sum;
    (second, Publics(publics))
}

fn check(spec: &AirSpec, trace: &Trace, start: u64) -> Vec<Violation> {
    let (second, publics) = second(spec, trace, start);
    check_rows(spec, trace, &second, &publics)
}

fn balance(spec: &AirSpec, trace: &Trace, start: u64, end: u64) -> BusBalance {
    let mut bus = BusBalance::default();
    bus.add(STEP, &[F::from(start)], F::ONE, "start");
    bus.add(STEP, &[F::from(end)], -F::ONE, "end");
    bus.add_instance(spec, trace);
    bus
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn honest_traces_check_and_balance(start in 0u64..1000, bytes in prop::collection::vec(any::<u8>(), 1..=quintet_air::height(K))) {
        let (air, spec) = build::<Toy>(K).unwrap();
        let trace = trace(&air, &spec, start, &bytes);
        prop_assert!(check(&spec, &trace, start).is_empty());
        let end = start + bytes.iter().map(|&b| u64::from(b)).sum::<u64>();
        prop_assert_eq!(balance(&spec, &trace, start, end).imbalances(), vec![]);
    }

    #[test]
    fn any_changed_cell_is_caught(column in 0usize..8, row in 0usize..5, add in 1u64..1000) {
        let (air, spec) = build::<Toy>(K).unwrap();
        let bytes = [1, 2, 3, 255, 7];
        let mut forged = trace(&air, &spec, 9, &bytes);
        prop_assume!(column < spec.phase_one);
        let value = forged.get(column, row) + F::from(add);
        forged.columns[column].set(row, value);
        let caught = !check(&spec, &forged, 9).is_empty() || !balance(&spec, &forged, 9, 277).imbalances().is_empty();
        prop_assert!(caught, "column {} row {row}", spec.columns[column].name);
    }
}

#[test]
fn the_sum_is_the_sum_of_the_fractions() {
    let (air, spec) = build::<Toy>(K).unwrap();
    let trace = trace(&air, &spec, 9, &[1, 2, 3]);
    let (second, publics) = second(&spec, &trace, 9);
    let [alpha, beta] = [publics.0[public::ALPHA], publics.0[public::BETA]];
    let term = |value| quintet_air::fingerprint(alpha, beta, STEP, &[F::from(value)]).invert().unwrap();
    // The tables cancel inside the instance; the start was received and the end sent.
    assert_eq!(second.sum, term(15) - term(9));
}

#[test]
fn a_violation_names_constraint_row_and_values() {
    let (air, spec) = build::<Toy>(K).unwrap();
    let mut forged = trace(&air, &spec, 0, &[1, 2, 3]);
    forged.columns[air.total.index()].set(1, F::from(50));
    let text = check(&spec, &forged, 0)[0].to_string();
    assert!(text.contains("toy: \"total grows\" does not hold at row 0:"), "{text}");
    assert!(text.contains("total[+1] = 0x") && text.contains("byte = 0x"), "{text}");
}

#[test]
fn a_wrong_public_value_is_caught_by_the_constraint_that_pins_it() {
    let (air, spec) = build::<Toy>(K).unwrap();
    let trace = trace(&air, &spec, 9, &[1, 2, 3]);
    let (second, publics) = second(&spec, &trace, 9);
    for place in 0..public::COUNT {
        let mut forged = publics;
        forged.0[place] += F::ONE;
        let caught = check_rows(&spec, &trace, &second, &forged);
        // The index is pinned where an AIR uses it, the binding only by the transcript.
        let pinned = ![public::INDEX, public::BINDING].contains(&place);
        assert_eq!(!caught.is_empty(), pinned, "public value {place}");
    }
}
