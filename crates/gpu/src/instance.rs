//! What proofs share on a device: generators and roots of unity of one size, constraints and fixed columns of one AIR.

use pasta_curves::{Eq, EqAffine};
use quintet_air::{AirSpec, F, height};
use quintet_plonk::{
    AirKey, Params,
    engine::{Group, Input, Queries, challenge_of},
};

use crate::{
    Bases, Batch, Buffer, Columns, Device, Error, HostColumn, PackedColumn,
    polynomials::{Source, each_chunk},
    program::{Program, is_written},
    rooms::Rooms,
    transform::Transform,
};

/// All of one size `2^k`.
#[derive(Debug)]
pub(crate) struct Size {
    pub(crate) k: u32,
    pub(crate) transform: Transform,
    pub(crate) g: Bases,
    pub(crate) g_lagrange: Bases,
    pub(crate) w: EqAffine,
    pub(crate) u: EqAffine,
    /// Commitment, without blind, to the envelope of challenge columns: 1 on rows `0 ..= height`, 0 on those after.
    pub(crate) envelope_point: Eq,
}

impl Size {
    pub(crate) fn new(device: &Device, params: &Params) -> Result<Self, Error> {
        let k = params.k();
        let g_lagrange = Bases::new(device, params.g_lagrange())?;
        let envelope = PackedColumn::new(device, &quintet_air::ColumnData::Uint(vec![1; height(k) + 1]))?;
        let envelope_point = g_lagrange.msm_many(&mut device.batch(), &[envelope.scalars()])?[0];
        let g = Bases::new(device, params.g())?;
        Ok(Self { k, transform: Transform::new(device, k)?, g, g_lagrange, w: params.w(), u: params.u(), envelope_point })
    }

    pub(crate) fn rows(&self) -> usize {
        1 << self.k
    }

    /// Makes coefficients of packed columns in `target`, from place `first` on.
    pub(crate) fn interpolate(
        &self,
        batch: &mut Batch<'_>,
        columns: &[&PackedColumn],
        target: &Columns,
        first: usize,
    ) -> Result<(), Error> {
        let device = batch.device();
        let most = Rooms::of(device).scratch_columns(self.rows()).min(columns.len().max(1));
        let values = Columns::new(device, "values of columns", self.rows(), most)?;
        let scratch = device.buffer("columns between passes", values.range(0..most).bytes())?;
        let mut place = first;
        for run in target.runs(most) {
            let run = run.start.max(first)..run.end.min(first + columns.len());
            if run.is_empty() {
                continue;
            }
            for (at, number) in run.clone().enumerate() {
                columns[number - first].expand(batch, values.column(at))?;
            }
            let count = run.len();
            self.transform.inverse(batch, values.range(0..count), None, (target.range(run), scratch.all(), count))?;
            place += count;
        }
        debug_assert_eq!(place, first + columns.len(), "all columns were made");
        Ok(())
    }
}

/// All of one AIR.
#[derive(Debug)]
pub(crate) struct Circuit {
    pub(crate) queries: Queries,
    pub(crate) programs: Vec<Program>,
    /// Coefficients of the envelope and the fixed columns.
    pub(crate) shared: Columns,
    pub(crate) places: Places,
}

impl Circuit {
    /// Constraints are written out where they have up to `written` multiplications.
    pub(crate) fn new(device: &Device, size: &Size, key: &AirKey, written: usize) -> Result<Self, Error> {
        let spec = &key.spec;
        let envelope = HostColumn::new(&quintet_air::ColumnData::Uint(vec![1; height(size.k) + 1]));
        let fixed = spec.fixed.iter().map(|column| HostColumn::field(&column.values));
        let columns: Vec<HostColumn> = [envelope].into_iter().chain(fixed).collect();
        let shared = Columns::new(device, "fixed columns", size.rows(), columns.len())?;
        let sources: Vec<Source<'_>> = columns.iter().map(Source::Host).collect();
        each_chunk(&mut device.batch(), &sources, |batch, first, columns| size.interpolate(batch, columns, &shared, first))?;
        let groups = Group::all(spec);
        let written = is_written(&groups, written);
        let programs = groups.into_iter().map(|group| Program::new(device, spec, group, written)).collect::<Result<_, _>>()?;
        Ok(Self { queries: Queries::new(spec), programs, shared, places: Places::new(spec) })
    }
}

/// Where polynomials are: the envelope, fixed columns, the instance column, advice columns but for challenges, which are multiples of the envelope.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    fixed: usize,
    advice: Vec<Option<usize>>,
}

impl Places {
    pub(crate) fn new(spec: &AirSpec) -> Self {
        let fixed = spec.fixed.len();
        let mut next = fixed + 2;
        let place = |column| {
            challenge_of(spec, column).is_none().then(|| {
                next += 1;
                next - 1
            })
        };
        Self { fixed, advice: (0..spec.columns.len()).map(place).collect() }
    }

    /// Place of a column, and whether it is a multiple of what is there.
    pub(crate) fn of(&self, input: Input) -> usize {
        match input {
            Input::Envelope => 0,
            Input::Fixed(column) => 1 + column,
            Input::Instance => 1 + self.fixed,
            Input::Advice(column) => self.advice[column].unwrap_or(0),
        }
    }
}

/// Integers of coefficients, for commitments.
pub(crate) fn integers(batch: &mut Batch<'_>, columns: &Columns) -> Result<Vec<Buffer>, Error> {
    let one = |place| {
        let source = columns.column(place);
        let target = batch.device().buffer("integers", source.bytes())?;
        batch.integers(source, target.all())?;
        Ok(target)
    };
    (0..columns.count()).map(one).collect()
}

/// The factor of a column against what is at its place.
pub(crate) fn factor(spec: &AirSpec, challenges: &[F], input: Input) -> F {
    let Input::Advice(column) = input else { return F::from(1) };
    challenge_of(spec, column).map_or(F::from(1), |place| challenges[place])
}
