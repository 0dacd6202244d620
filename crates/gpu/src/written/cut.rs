//! A program of constraints cut into parts of bounded size, each a kernel: drivers compile long texts for minutes.

use std::{cmp::Reverse, ops::Range};

use quintet_plonk::engine::{Arg, Code, Op};

/// Size of a part, at most: a multiplication counts [`MULTIPLICATION`], an addition 1.
const PART: u32 = 32 * MULTIPLICATION;
const MULTIPLICATION: u32 = 8;

/// An operand: what a step computed, a column, a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Step(usize),
    Column(u16),
    Scalar(u16),
}

/// One step; registers are gone from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) op: Op,
    pub(super) a: Value,
    pub(super) b: Value,
}

/// Steps that make one kernel.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) steps: Range<usize>,
    /// Steps of earlier parts that it uses, with their places.
    pub(super) taken: Vec<(usize, u32)>,
    /// Its steps that later parts use, with their places. Those may be places of what it takes itself: it stores at its end.
    pub(super) handed: Vec<(usize, u32)>,
}

/// A program in parts.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) lines: Vec<Line>,
    pub(super) result: Value,
    pub(super) parts: Vec<Part>,
    /// Values of a row that parts hand on, at a time.
    pub(super) places: u32,
}

impl Cut {
    pub(super) fn new(code: &Code) -> Self {
        Self::with_parts(code, PART)
    }

    fn with_parts(code: &Code, most: u32) -> Self {
        // What each register holds.
        let mut holds = vec![0; code.registers];
        let value = |holds: &[usize], arg| match arg {
            Arg::Register(register) => Value::Step(holds[usize::from(register)]),
            Arg::Column(column) => Value::Column(column),
            Arg::Scalar(scalar) => Value::Scalar(scalar),
        };
        let mut lines = Vec::with_capacity(code.steps.len());
        for (place, step) in code.steps.iter().enumerate() {
            lines.push(Line { op: step.op, a: value(&holds, step.a), b: value(&holds, step.b) });
            holds[usize::from(step.to)] = place;
        }
        let result = value(&holds, code.result);
        let ranges = ranges(&lines, result, most);
        let (parts, places) = hand_on(&lines, result, &ranges);
        Self { lines, result, parts, places }
    }
}

/// Steps that a step uses.
fn used(line: &Line) -> impl Iterator<Item = usize> {
    [line.a, line.b].into_iter().filter_map(|value| match value {
        Value::Step(step) => Some(step),
        Value::Column(_) | Value::Scalar(_) => None,
    })
}

/// The last step that uses each; the number of steps for the result.
fn last_uses(lines: &[Line], result: Value) -> Vec<usize> {
    let mut last: Vec<usize> = (0..lines.len()).collect();
    for (place, line) in lines.iter().enumerate() {
        used(line).for_each(|step| last[step] = place);
    }
    if let Value::Step(step) = result {
        last[step] = lines.len();
    }
    last
}

/// Cuts where few values are handed on: in the second half of what a part may hold.
fn ranges(lines: &[Line], result: Value, most: u32) -> Vec<Range<usize>> {
    // Values that are alive between a step and the one before it.
    let mut alive = vec![0i32; lines.len() + 2];
    for (step, last) in last_uses(lines, result).into_iter().enumerate() {
        alive[step + 1] += 1;
        alive[last + 1] -= 1;
    }
    for place in 1..alive.len() {
        alive[place] += alive[place - 1];
    }
    let size = |line: &Line| match line.op {
        Op::Add | Op::Sub | Op::Shift(_) => 1,
        Op::Mul | Op::Square => MULTIPLICATION,
    };
    let (mut ranges, mut start) = (Vec::new(), 0);
    while start < lines.len() {
        let (mut sum, mut end, mut half) = (0, start, start + 1);
        while end < lines.len() && sum + size(&lines[end]) <= most {
            sum += size(&lines[end]);
            end += 1;
            if 2 * sum <= most {
                half = end;
            }
        }
        if end < lines.len() {
            end = (half..=end).min_by_key(|cut| (alive[*cut], Reverse(*cut))).unwrap_or(end);
        }
        ranges.push(start..end);
        start = end;
    }
    // A sum of nothing but a column or a scalar still has to be stored.
    if ranges.is_empty() { vec![Range { start: 0, end: 0 }] } else { ranges }
}

/// Gives each value that lives across parts a place, as few places as possible.
fn hand_on(lines: &[Line], result: Value, ranges: &[Range<usize>]) -> (Vec<Part>, u32) {
    let last = last_uses(lines, result);
    let (mut places, mut free) = (0, Vec::new());
    let mut at: Vec<Option<u32>> = vec![None; lines.len()];
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let is_last = range.end == lines.len();
        let of_result = match result {
            Value::Step(step) if is_last => Some(step),
            _ => None,
        };
        let mut taken: Vec<usize> =
            lines[range.clone()].iter().flat_map(used).chain(of_result).filter(|step| *step < range.start).collect();
        taken.sort_unstable();
        taken.dedup();
        let taken: Vec<(usize, u32)> = taken.into_iter().filter_map(|step| Some((step, at[step]?))).collect();
        free.extend(taken.iter().filter(|(step, _)| is_last || last[*step] < range.end).map(|(_, place)| *place));
        let mut handed = Vec::new();
        for step in range.clone().filter(|step| !is_last && last[*step] >= range.end) {
            let place = free.pop().unwrap_or_else(|| {
                places += 1;
                places - 1
            });
            at[step] = Some(place);
            handed.push((step, place));
        }
        parts.push(Part { steps: range.clone(), taken, handed });
    }
    (parts, places)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use ff::Field;
    use quintet_air::F;
    use quintet_machine::{AirId, airs};
    use quintet_plonk::engine::Group;

    use super::*;

    /// A deterministic value of a column.
    fn column(place: u16) -> F {
        F::from(u64::from(place) + 3).square()
    }

    fn compute(op: Op, a: F, b: F) -> F {
        match op {
            Op::Add => a + b,
            Op::Sub => a - b,
            Op::Mul | Op::Square => a * b,
            Op::Shift(_) => unreachable!("groups have no shifts"),
        }
    }

    /// The program with its registers.
    fn straight(code: &Code, scalars: &[F]) -> F {
        let mut registers = vec![F::ZERO; code.registers];
        let fetch = |registers: &[F], arg| match arg {
            Arg::Register(place) => registers[usize::from(place)],
            Arg::Column(place) => column(place),
            Arg::Scalar(place) => scalars[usize::from(place)],
        };
        for step in &code.steps {
            registers[usize::from(step.to)] = compute(step.op, fetch(&registers, step.a), fetch(&registers, step.b));
        }
        fetch(&registers, code.result)
    }

    /// The program part by part: a part knows its own steps and what it takes.
    fn in_parts(cut: &Cut, scalars: &[F]) -> F {
        let mut memory = vec![None; cut.places as usize];
        for part in &cut.parts {
            let mut here: HashMap<usize, F> =
                part.taken.iter().map(|(step, place)| (*step, memory[*place as usize].unwrap())).collect();
            let fetch = |here: &HashMap<usize, F>, value| match value {
                Value::Step(step) => here[&step],
                Value::Column(place) => column(place),
                Value::Scalar(place) => scalars[usize::from(place)],
            };
            for step in part.steps.clone() {
                let line = &cut.lines[step];
                here.insert(step, compute(line.op, fetch(&here, line.a), fetch(&here, line.b)));
            }
            part.handed.iter().for_each(|(step, place)| memory[*place as usize] = Some(here[step]));
            if part.steps.end == cut.lines.len() {
                return fetch(&here, cut.result);
            }
        }
        panic!("no part is the last")
    }

    fn check(air: AirId, most: u32) {
        let spec = airs::spec(air, 10);
        let weights: Vec<F> = (0..spec.constraints.len() as u64).map(|i| F::from(i + 17).invert().unwrap()).collect();
        let challenges: Vec<F> = (0..=spec.powers as u64).map(|i| F::from(i + 99).invert().unwrap()).collect();
        for group in Group::all(&spec) {
            let scalars = group.code.scalars(&weights, &challenges);
            let cut = Cut::with_parts(&group.code, most);
            assert_eq!(in_parts(&cut, &scalars), straight(&group.code, &scalars), "{}", spec.name);
            assert!(cut.places as usize <= group.code.registers);
            let size = |part: &Part| part.steps.len();
            assert_eq!(cut.parts.iter().map(size).sum::<usize>(), group.code.steps.len());
            let fits = |part: &Part| part.steps.len() as u32 <= most;
            assert!(cut.parts.iter().all(fits));
        }
    }

    #[test]
    fn every_program_of_the_machine_gives_in_parts_what_it_gives_as_a_whole() {
        AirId::ALL.into_iter().for_each(|air| check(air, PART));
    }

    #[test]
    fn parts_of_any_size_give_the_same() {
        for most in [MULTIPLICATION, MULTIPLICATION + 1, 19, 40, 100, 777, 1 << 20] {
            [AirId::Memory, AirId::Keccak].into_iter().for_each(|air| check(air, most));
        }
    }
}
