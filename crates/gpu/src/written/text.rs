//! The text of one part: its `main`, which follows `shaders/constraints.wgsl`.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use quintet_air::AirSpec;
use quintet_plonk::engine::{Code, Group, Input, Op};

use super::{
    Bound,
    cut::{Cut, Value},
};

/// Text of a part, and what it binds.
pub(super) fn part(spec: &AirSpec, group: &Group, cut: &Cut, number: usize) -> (String, Vec<Bound>) {
    let mut writer =
        Writer { spec, code: &group.code, cut, number, out: String::new(), known: BTreeSet::new(), scalars: false };
    // Writing to a string cannot fail.
    let _ = writer.write(1 << group.log);
    let part = &cut.parts[number];
    let columns = writer.known.iter().any(|value| matches!(value, Known::Column(_)));
    let binds = |bound: &Bound| match bound {
        Bound::Columns | Bound::Values => columns,
        Bound::Scalars => writer.scalars,
        Bound::Handed => !part.taken.is_empty() || !part.handed.is_empty(),
        Bound::Result => part.steps.end == cut.lines.len(),
    };
    let bound = Bound::ALL.into_iter().filter(binds).collect();
    (writer.out, bound)
}

/// What has a name in the text so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Taken(usize),
    Column(u16),
}

struct Writer<'a> {
    spec: &'a AirSpec,
    code: &'a Code,
    cut: &'a Cut,
    number: usize,
    out: String,
    known: BTreeSet<Known>,
    scalars: bool,
}

impl Writer<'_> {
    fn write(&mut self, cosets: u32) -> fmt::Result {
        let (cut, number) = (self.cut, self.number);
        let part = &cut.parts[number];
        let (air, of) = (plain(self.spec.name), cut.parts.len());
        writeln!(self.out, "\n// Constraints of {air} that are evaluated on {cosets} cosets: part {} of {of}.", number + 1)?;
        self.out.push_str("@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3<u32>) {\n");
        self.out.push_str("    let row = id.x;\n    if (row >= params.rows) {\n        return;\n    }\n");
        for step in part.steps.clone() {
            let line = &cut.lines[step];
            let (a, of_a) = self.operand(line.a)?;
            let (b, of_b) = self.operand(line.b)?;
            let function = match line.op {
                Op::Add => "add",
                Op::Sub => "sub",
                Op::Mul => "mul",
                Op::Square => "sqr",
                Op::Shift(_) => unreachable!("groups have no shifts"),
            };
            let operands = if matches!(line.op, Op::Square) { a } else { format!("{a}, {b}") };
            write!(self.out, "    let v{step} = fe_{function}({operands});")?;
            let origin: Vec<String> = [of_a, of_b].into_iter().flatten().collect();
            writeln!(self.out, "{}{}", if origin.is_empty() { "" } else { " // " }, origin.join(", "))?;
        }
        for (step, place) in &part.handed {
            writeln!(self.out, "    hand({place}u, row, v{step});")?;
        }
        if part.steps.end == cut.lines.len() {
            let (result, _) = self.operand(cut.result)?;
            writeln!(self.out, "    finish(row, {result});")?;
        }
        self.out.push_str("}\n");
        Ok(())
    }

    /// The name of an operand, which is fetched where it is first used, and what a scalar is.
    fn operand(&mut self, value: Value) -> Result<(String, Option<String>), fmt::Error> {
        match value {
            Value::Step(step) => {
                let taken = self.cut.parts[self.number].taken.iter().find(|(taken, _)| *taken == step);
                if let Some((_, place)) = taken
                    && self.known.insert(Known::Taken(step))
                {
                    writeln!(self.out, "    let v{step} = taken({place}u, row);")?;
                }
                Ok((format!("v{step}"), None))
            }
            Value::Column(column) => {
                if self.known.insert(Known::Column(column)) {
                    let name = self.column(column);
                    writeln!(self.out, "    let c{column} = column({column}u, row); // {name}")?;
                }
                Ok((format!("c{column}"), None))
            }
            Value::Scalar(scalar) => {
                self.scalars = true;
                Ok((format!("scalar({scalar}u)"), self.scalar(scalar)))
            }
        }
    }

    fn column(&self, column: u16) -> String {
        let (input, rotation) = self.code.columns[usize::from(column)];
        let name = match input {
            Input::Advice(column) => plain(&self.spec.columns[column].name),
            Input::Fixed(column) => plain(&self.spec.fixed[column].name),
            Input::Instance => return format!("public value {rotation}"),
            Input::Envelope => "rows in use".to_owned(),
        };
        if rotation == 0 { name } else { format!("{name}, row {rotation:+}") }
    }

    /// The constraint whose weight a scalar is, or the challenge; nothing for a number.
    fn scalar(&self, scalar: u16) -> Option<String> {
        let (weight, challenge) = self.code.origin(scalar);
        // Weights are powers of y, the first constraint's the highest.
        let constraint = weight.map(|weight| &self.spec.constraints[self.spec.constraints.len() - 1 - weight]);
        let challenge = challenge.map(|challenge| &self.spec.columns[self.spec.alpha_column() + challenge]);
        match (constraint, challenge) {
            (Some(constraint), Some(challenge)) => Some(format!("{} × {}", plain(&constraint.name), plain(&challenge.name))),
            (Some(constraint), None) => Some(plain(&constraint.name)),
            (None, Some(challenge)) => Some(plain(&challenge.name)),
            (None, None) => None,
        }
    }
}

/// A name as it can stand in a comment.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
