//! Rows too many or too few in any AIR, and cells of the generated columns that are not what they should be.

use ff::Field;
use quintet_air::{Cell, F, PhaseTwoColumns, Publics, phase_two};
use quintet_machine::{
    AirId, Execution, InstanceEvents, Options, PlanIds, Planned,
    airs::{self, testing},
};

use crate::{
    airs_programs::{mixed, tables},
    airs_support::Instance,
};

/// Leaves the last record out, or has it twice.
fn resized(events: InstanceEvents, longer: bool) -> InstanceEvents {
    fn of<T: Clone>(mut records: Vec<T>, longer: bool) -> Vec<T> {
        let last = records.pop().expect("there are records");
        if longer {
            records.extend([last.clone(), last]);
        }
        records
    }
    match events {
        InstanceEvents::Cpu(events) => InstanceEvents::Cpu(of(events, longer)),
        InstanceEvents::Memory { previous, is_last, words } => {
            InstanceEvents::Memory { previous, is_last, words: of(words, longer) }
        }
        InstanceEvents::LoadStore(events) => InstanceEvents::LoadStore(of(events, longer)),
        InstanceEvents::Alu(events) => InstanceEvents::Alu(of(events, longer)),
        InstanceEvents::Keccak(events) => InstanceEvents::Keccak(of(events, longer)),
        pinned => pinned,
    }
}

#[test]
fn no_row_can_be_left_out_or_added() {
    let honest = tables(&mixed(), b"abc");
    let program = std::sync::Arc::new(mixed().program().expect("the program loads"));
    let execution = Execution::run(program, std::sync::Arc::from(&b"abc"[..]), &Options::default()).expect("it halts");
    let planned = Planned::new(execution, 11, PlanIds::default()).expect("k is supported");
    for Instance { air, index, spec, trace } in &honest.instances {
        // Which rows program and image have is pinned.
        if [AirId::Program, AirId::Image].contains(air) {
            continue;
        }
        let (violations, sum) = testing::check_and_sum(spec, trace, *index);
        assert!(violations.is_empty());
        for longer in [false, true] {
            let events = planned.instance_events(*air, *index).expect("planned instances can be built");
            let events = resized(events, longer);
            let program = planned.execution().program();
            let forged = airs::trace(program, *air, *index, 11, &events).expect("it fits");
            // All others being as they were, the bus balances only if the instance adds the same to it.
            let (violations, forged) = testing::check_and_sum(spec, &forged, *index);
            assert!(!violations.is_empty() || forged != sum, "{air}, a row {}", if longer { "more" } else { "less" });
        }
    }
}

/// Whether some constraint fails at a row from which `row` is seen.
fn noticed(instance: &Instance, second: &PhaseTwoColumns, publics: &Publics, row: usize) -> bool {
    let (spec, rows) = (&instance.spec, instance.spec.rows() as i64);
    (-1..=1).map(|by| (row as i64 + by).rem_euclid(rows) as usize).any(|at| {
        let load = |cell: Cell| match cell {
            Cell::Advice(column, rotation) => {
                let at = (at as i64 + i64::from(rotation)).rem_euclid(rows) as usize;
                match column.checked_sub(spec.phase_one) {
                    None => instance.trace.get(column, at),
                    Some(column) => second.columns[column].get(at).copied().unwrap_or(F::ZERO),
                }
            }
            Cell::Fixed(column, _) => spec.fixed[column].values[at],
            Cell::Public(place) if at == 0 => publics.0[place],
            Cell::Public(_) => F::ZERO,
        };
        spec.constraints.iter().any(|constraint| constraint.expr.eval(&load) != F::ZERO)
    })
}

#[test]
fn every_changed_cell_of_the_generated_columns_is_noticed() {
    for instance in &tables(&mixed(), b"abc").instances {
        let Instance { air, index, spec, trace } = instance;
        let [alpha, beta] = testing::challenges();
        let mut second = phase_two(spec, trace, alpha, beta);
        let publics = airs::publics(spec, trace, *index, [alpha, beta], second.sum, F::ZERO);
        for column in 0..second.columns.len() {
            for row in [0, 1, spec.height() / 2, spec.height() - 1, spec.height()] {
                let old = second.columns[column][row];
                for new in [old + F::ONE, F::ZERO, -old, alpha].into_iter().filter(|new| *new != old) {
                    second.columns[column][row] = new;
                    let name = &spec.columns[spec.phase_one + column].name;
                    assert!(noticed(instance, &second, &publics, row), "{air}: {name} at row {row}");
                }
                second.columns[column][row] = old;
            }
        }
        assert!(!noticed(instance, &second, &publics, 0), "{air}");
    }
}
