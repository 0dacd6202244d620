//! Constraints of an AIR written out as WGSL: straight-line text generated from the program that the CPU runs, in parts that are one kernel each.

mod cut;
mod text;

use std::sync::Arc;

use quintet_air::AirSpec;
use quintet_plonk::engine::{Code, Group};

use crate::{Batch, Device, Error, Kernel, KernelSpec, Slice, columns::groups, field};
use cut::Cut;

/// What a part can bind beside its parameters, in the order of its bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Columns,
    Values,
    Scalars,
    Handed,
    Result,
}

impl Bound {
    const ALL: [Self; 5] = [Self::Columns, Self::Values, Self::Scalars, Self::Handed, Self::Result];

    /// Its constant in `shaders/constraints.wgsl`.
    const fn name(self) -> &'static str {
        match self {
            Self::Columns => "COLUMNS",
            Self::Values => "VALUES",
            Self::Scalars => "SCALARS",
            Self::Handed => "HANDED",
            Self::Result => "RESULT",
        }
    }
}

/// A program of constraints as kernels.
#[derive(Debug)]
pub(crate) struct Written {
    parts: Vec<(Arc<Kernel>, Vec<Bound>)>,
    places: u32,
}

/// What the parts of a program work on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands<'a> {
    /// Column and rotation of each operand that is a column.
    pub(crate) columns: Slice<'a>,
    pub(crate) values: Slice<'a>,
    pub(crate) scalars: Slice<'a>,
    /// Room for what parts hand on.
    pub(crate) handed: Slice<'a>,
    pub(crate) result: Slice<'a>,
}

impl Operands<'_> {
    fn of(&self, bound: Bound) -> Slice<'_> {
        match bound {
            Bound::Columns => self.columns,
            Bound::Values => self.values,
            Bound::Scalars => self.scalars,
            Bound::Handed => self.handed,
            Bound::Result => self.result,
        }
    }
}

/// Values of a row that the parts of a program hand on at a time.
pub(crate) fn places(code: &Code) -> u32 {
    Cut::new(code).places
}

impl Written {
    /// Writes a program out and has the driver compile it.
    ///
    /// # Errors
    /// If the driver refuses or takes longer for one part than for a submission.
    pub(crate) fn new(device: &Device, spec: &AirSpec, group: &Group) -> Result<Self, Error> {
        let cut = Cut::new(&group.code);
        let mut parts = Vec::with_capacity(cut.parts.len());
        for number in 0..cut.parts.len() {
            let (text, bound) = text::part(spec, group, &cut, number);
            let number_of = |which| (1..).zip(&bound).find(|(_, bound)| **bound == which).map_or(0, |(number, _)| number);
            let of_module = KernelSpec::fp("constraints").followed_by(text.into());
            let of_module = Bound::ALL.into_iter().fold(of_module, |spec, bound| spec.with(bound.name(), number_of(bound)));
            parts.push((device.kernel(&of_module)?, bound));
        }
        let written = Self { parts, places: cut.places };
        written.compile(device)?;
        Ok(written)
    }

    /// Runs every part over no rows: some drivers compile only then.
    fn compile(&self, device: &Device) -> Result<(), Error> {
        let buffers: Vec<_> =
            Bound::ALL.map(|_| device.buffer("nothing", 2 * field::BYTES)).into_iter().collect::<Result<_, _>>()?;
        let [columns, values, scalars, handed, result] = std::array::from_fn(|place| buffers[place].all());
        let operands = Operands { columns, values, scalars, handed, result };
        for (kernel, bound) in &self.parts {
            let mut batch = device.batch();
            record(&mut batch, kernel, bound, &[0; 6], &operands, [1, 1])?;
            // Each by itself, so that a part has the time of a submission.
            batch.finish()?;
        }
        Ok(())
    }

    /// Values of a row that lie in a buffer.
    pub(crate) fn places(&self) -> u32 {
        self.places
    }

    /// Records the run over `rows` rows. `parameters` are those of `shaders/constraints.wgsl` after the rows.
    pub(crate) fn run(
        &self,
        batch: &mut Batch<'_>,
        rows: u32,
        parameters: [u32; 5],
        operands: &Operands<'_>,
    ) -> Result<(), Error> {
        let [stride, first, mask, place, step] = parameters;
        for (kernel, bound) in &self.parts {
            record(batch, kernel, bound, &[rows, stride, first, mask, place, step], operands, groups(rows as usize))?;
        }
        Ok(())
    }
}

fn record(
    batch: &mut Batch<'_>,
    kernel: &Kernel,
    bound: &[Bound],
    parameters: &[u32; 6],
    operands: &Operands<'_>,
    groups: [u32; 2],
) -> Result<(), Error> {
    let slices: Vec<Slice<'_>> = bound.iter().map(|bound| operands.of(*bound)).collect();
    batch.run(kernel, parameters, &slices, groups)
}
