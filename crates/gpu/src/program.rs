//! The constraints of one degree on a device: a list of steps that `quotient.wgsl` interprets, or kernels that are written out.

use quintet_air::AirSpec;
use quintet_plonk::engine::{Arg, Code, Group, Input, Op};

use crate::{
    Batch, Buffer, Device, Error, KernelSpec,
    columns::groups,
    written::{self, Operands, Written},
};

/// Registers that a thread of the interpreter holds itself; more of them lie in a buffer. Drivers turn larger arrays into code that is compiled for minutes.
const PRIVATE: u32 = 32;

/// The constraints of one degree on the device.
#[derive(Debug)]
pub(crate) struct Program {
    /// What is computed, on the host: scalars change from proof to proof.
    pub(crate) group: Group,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Interpreted(Interpreted),
    Written(Written),
}

/// A program for `quotient.wgsl`.
#[derive(Debug)]
struct Interpreted {
    steps: Buffer,
    count: u32,
    result: u32,
    registers: u32,
}

/// A column by the place of its polynomial, at a rotation.
pub(crate) type Read = (usize, i32);

/// Whether the programs of an AIR are written out where that is done up to so many multiplications.
pub(crate) fn is_written(groups: &[Group], most: usize) -> bool {
    let multiplications: usize = groups.iter().map(|group| group.code.multiplications()).sum();
    multiplications <= most && most > 0
}

/// Values of a row that lie in a buffer while a program runs.
pub(crate) fn spilled(group: &Group, written: bool) -> u32 {
    match (written, registers(&group.code)) {
        (true, _) => written::places(&group.code),
        (false, registers) if registers > PRIVATE => registers,
        (false, _) => 0,
    }
}

/// Registers of a program's kernel: those for different AIRs are the same if they need about as many.
fn registers(code: &Code) -> u32 {
    (code.registers as u32).next_multiple_of(16).max(16)
}

fn op(op: Op) -> u32 {
    match op {
        Op::Add => 0,
        Op::Sub => 1,
        Op::Mul | Op::Square => 2,
        Op::Shift(_) => unreachable!("groups have no shifts"),
    }
}

fn arg(arg: Arg) -> u32 {
    match arg {
        Arg::Register(place) => 4 * u32::from(place),
        Arg::Column(place) => 4 * u32::from(place) + 1,
        Arg::Scalar(place) => 4 * u32::from(place) + 2,
    }
}

impl Program {
    /// For a device, written out or not.
    ///
    /// # Errors
    /// If there is no memory, or the driver refuses what is written out.
    pub(crate) fn new(device: &Device, spec: &AirSpec, group: Group, written: bool) -> Result<Self, Error> {
        let code = &group.code;
        let form = if written {
            Form::Written(Written::new(device, spec, &group)?)
        } else {
            let words: Vec<u32> =
                code.steps.iter().flat_map(|step| [op(step.op), u32::from(step.to), arg(step.a), arg(step.b)]).collect();
            Form::Interpreted(Interpreted {
                steps: device.upload("constraints", &words)?,
                count: code.steps.len() as u32,
                result: arg(code.result),
                registers: registers(code),
            })
        };
        Ok(Self { form, group })
    }

    /// Log₂ of the number of cosets.
    pub(crate) fn log(&self) -> u32 {
        self.group.log
    }

    pub(crate) fn code(&self) -> &Code {
        &self.group.code
    }

    /// Columns that it reads, by the places of their polynomials, and rotations, in the order of its operands.
    pub(crate) fn reads(&self, place: &dyn Fn(Input) -> usize) -> impl Iterator<Item = Read> {
        self.code().columns.iter().map(|(input, rotation)| (place(*input), *rotation))
    }

    /// Values of a row that lie in a buffer while it runs.
    pub(crate) fn spilled(&self) -> u32 {
        match &self.form {
            Form::Written(written) => written.places(),
            Form::Interpreted(program) if program.registers > PRIVATE => program.registers,
            Form::Interpreted(_) => 0,
        }
    }

    /// Records the run over `rows` rows. `parameters` are the distance of columns, the first row, what rows are cut to, the first result's place and the
    /// distance of results; `operands.handed` has room for what lies in a buffer.
    pub(crate) fn run(
        &self,
        batch: &mut Batch<'_>,
        rows: u32,
        parameters: [u32; 5],
        operands: &Operands<'_>,
    ) -> Result<(), Error> {
        let program = match &self.form {
            Form::Written(written) => return written.run(batch, rows, parameters, operands),
            Form::Interpreted(program) => program,
        };
        let spills = program.registers > PRIVATE;
        let spec = KernelSpec::fp("quotient").with("SPILL", i64::from(spills));
        let kernel = batch.device().kernel(&spec.with("REGISTERS", if spills { 0 } else { i64::from(program.registers) }))?;
        let [stride, first, mask, place, step] = parameters;
        let parameters = [rows, program.count, program.result, stride, first, mask, place, step];
        let Operands { columns, values, scalars, handed, result } = *operands;
        let slices = [program.steps.all(), columns, scalars, values, result, handed];
        batch.run(&kernel, &parameters, &slices[..if spills { 6 } else { 5 }], groups(rows as usize))
    }
}
