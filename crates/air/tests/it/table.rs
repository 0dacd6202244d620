//! A local table of tuples: lookups of its rows balance, others do not.

use ff::Field;
use quintet_air::{
    Air, AirSpec, Builder, BusBalance, Column, Error, F, Free, Message, Proven, Publics, Tag, Trace, build, check_rows,
    phase_two, public,
};

const SQUARE: Tag = Tag(77);

/// Rows `(x, x²)`, looked up where `real` is set.
struct Squares {
    real: Column<Proven>,
    x: Column<Free>,
    y: Column<Free>,
}

impl Air for Squares {
    const ID: u16 = 901;
    const NAME: &'static str = "squares";

    fn build(builder: &mut Builder) -> Self {
        let rows: Vec<Vec<u64>> = (3..40).map(|x| vec![x, x * x]).collect();
        builder.table(SQUARE, "square", &rows);
        let (real, x, y) = (builder.boolean("real"), builder.uint("x", 8), builder.uint("y", 16));
        builder.look_up("square", real, Message::new(SQUARE).value(x).value(y));
        Self { real, x, y }
    }
}

fn squares(rows: &[(u64, u64)]) -> (AirSpec, Trace) {
    let (air, spec) = build::<Squares>(7).unwrap();
    let mut trace = Trace::new(&spec);
    trace.fill(rows.len(), |row, cells| {
        cells.set_bool(air.real, true);
        cells.set(air.x, rows[row].0);
        cells.set(air.y, rows[row].1);
    });
    trace.count_tables(&spec);
    (spec, trace)
}

#[test]
fn rows_of_the_table_balance() {
    let (spec, trace) = squares(&[(3, 9), (39, 1521), (3, 9)]);
    let mut balance = BusBalance::default();
    balance.add_instance(&spec, &trace);
    assert_eq!(balance.imbalances(), []);

    let (alpha, beta) = (F::from(123_456_789), F::from(987_654_321));
    let second = phase_two(&spec, &trace, alpha, beta);
    assert_eq!(second.sum, F::ZERO);
    let mut publics = Publics([F::ZERO; public::COUNT]);
    publics.0[public::ALPHA] = alpha;
    publics.0[public::BETA] = beta;
    publics.0[public::AIR] = F::from(u64::from(Squares::ID));
    assert!(check_rows(&spec, &trace, &second, &publics).is_empty());
}

#[test]
fn other_tuples_do_not_balance() {
    for row in [(3, 10), (2, 4), (40, 1600), (0, 0)] {
        let (spec, trace) = squares(&[(5, 25), row]);
        let mut balance = BusBalance::default();
        balance.add_instance(&spec, &trace);
        let imbalances = balance.imbalances();
        assert_eq!(imbalances.len(), 1, "{row:?}");
        assert_eq!(imbalances[0].parts, [F::from(row.0), F::from(row.1)]);
    }
}

/// A table longer than the trace.
struct TooLong;

impl Air for TooLong {
    const ID: u16 = 902;
    const NAME: &'static str = "too long";

    fn build(builder: &mut Builder) -> Self {
        let rows: Vec<Vec<u64>> = (0..120).map(|x| vec![x]).collect();
        builder.table(SQUARE, "long", &rows);
        Self
    }
}

#[test]
fn a_table_longer_than_the_trace_is_refused() {
    let error = build::<TooLong>(7).map(|_| ()).unwrap_err();
    assert_eq!(error, Error::Table { air: "too long", name: "long".into(), rows: 120, height: 119 });
}
