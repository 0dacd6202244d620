//! T1: the first-phase commitment of an instance and its digest.

use group::GroupEncoding;
use quintet_air::{AirSpec, Cell, ColumnData, F, Trace, public};

use crate::{
    AirKey, DecodeError, Digest, Encode, InstanceId, Rejection,
    codec::{Input, put_field},
    hash::{Domain, ProofHash},
    statement::hash_instance,
    suite::{Hash, Point},
};

/// Boundary values of an instance: public values that a gate ties to first-phase cells.
pub type Boundary = [F; public::BOUNDARIES];

/// An encoded point.
pub type PointBytes = [u8; 32];

/// The first-phase commitment of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The instance.
    pub id: InstanceId,
    /// Log₂ of its number of rows: points in another Lagrange basis mean other columns.
    pub k: u32,
    /// Its boundary values.
    pub boundary: Boundary,
    /// One encoded point per first-phase column.
    pub points: Vec<PointBytes>,
}

impl Commitment {
    /// Limit of [`Self::points`].
    pub const MAX_POINTS: usize = 1 << 10;

    /// H(domain, AIR, index, k, boundary values, number of points, points).
    pub fn digest(&self) -> Digest {
        digest(self.id, self.k, &self.boundary, self.points.iter().map(|point| &point[..]))
    }
}

pub(crate) fn digest<'a>(
    id: InstanceId,
    k: u32,
    boundary: &Boundary,
    points: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Digest {
    let hash = hash_instance(Hash::new(Domain::Digest), id).uint(u64::from(k));
    let hash = boundary.iter().fold(hash, |hash, value| hash.field(*value)).uint(points.len() as u64);
    hash.all_bytes(points).digest()
}

pub(crate) fn encode_points(points: &[Point]) -> Vec<PointBytes> {
    points.iter().map(GroupEncoding::to_bytes).collect()
}

/// Number of rows that a column states.
pub fn column_length(column: &ColumnData) -> usize {
    match column {
        ColumnData::Uint(values) => values.len(),
        ColumnData::Field(values) => values.len(),
    }
}

/// The boundary values that the gates of `spec` tie to `trace`: what the gate holds against the public value, at row 0.
pub fn boundary_values(spec: &AirSpec, trace: &Trace) -> Boundary {
    std::array::from_fn(|slot| {
        let place = public::BOUNDARY + slot;
        let gate = spec.constraints.iter().find(|constraint| {
            let mut found = false;
            constraint.expr.for_each_cell(&mut |cell| found |= cell == Cell::Public(place));
            found
        });
        let load = |cell| match cell {
            Cell::Advice(column, rotation) => {
                let row = rotation.rem_euclid(spec.rows() as i32) as usize;
                trace.columns.get(column).map_or(F::zero(), |column| column.get(row))
            }
            Cell::Fixed(column, _) => spec.fixed[column].values[0],
            Cell::Public(_) => F::zero(),
        };
        gate.map_or(F::zero(), |gate| gate.expr.eval(&load))
    })
}

/// Compares the points of pinned columns with the program's.
pub(crate) fn check_pins<'a>(
    key: &AirKey,
    id: InstanceId,
    pins: &[PointBytes],
    point: impl Fn(usize) -> Option<&'a [u8]>,
) -> Result<(), Rejection> {
    let mut pins = pins.iter();
    for column in key.pinned_columns() {
        if pins.next().map(|pin| &pin[..]) != point(column) {
            return Err(Rejection::Pin { id, column });
        }
    }
    Ok(())
}

impl Encode for Commitment {
    fn encode_to(&self, out: &mut Vec<u8>) {
        self.id.encode_to(out);
        out.push(self.k as u8);
        self.boundary.iter().for_each(|value| put_field(out, value));
        out.extend((self.points.len() as u32).to_le_bytes());
        self.points.iter().for_each(|point| out.extend(point));
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: InstanceId::decode_from(input)?,
            k: u32::from(input.u8("k")?),
            boundary: decode_boundary(input)?,
            points: {
                let count = input.length(Self::MAX_POINTS, "points")?;
                (0..count).map(|_| input.array("point")).collect::<Result<_, _>>()?
            },
        })
    }
}

impl Encode for InstanceId {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(self.air.to_le_bytes());
        out.extend(self.index.to_le_bytes());
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self { air: input.u16("AIR")?, index: input.u32("index")? })
    }
}

pub(crate) fn decode_boundary(input: &mut Input<'_>) -> Result<Boundary, DecodeError> {
    let mut boundary = Boundary::default();
    for value in &mut boundary {
        *value = input.field("boundary value")?;
    }
    Ok(boundary)
}
