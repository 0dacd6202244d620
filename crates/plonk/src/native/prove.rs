//! One proof from its witness: the schedule of upstream's `create_proof`, step by step.

use ff::Field;
use group::Curve;
use halo2_proofs::{
    pasta::Eq,
    transcript::{Transcript, TranscriptWrite},
};
use quintet_air::{AirSpec, ColumnData, F, public};
use quintet_arith::Scalars;

use super::{
    circuit::Circuit,
    graph::Input,
    opening::{Opening, Writer, squeeze},
    polynomials::Polynomials,
    quotient::quotient,
    size::Size,
};
use crate::{AirKey, Error, Witness, commitment::column_length, suite::Point};

/// Commitments to columns in the Lagrange basis, each with its blind.
pub(super) fn commit_columns(size: &Size, columns: &[(&ColumnData, F)]) -> Vec<Point> {
    let scalars: Vec<Scalars<'_>> = columns
        .iter()
        .map(|(column, _)| match column {
            ColumnData::Uint(values) => Scalars::Uint(values),
            ColumnData::Field(values) => Scalars::Field(values),
        })
        .collect();
    let sums = size.g_lagrange.msm_many(&scalars);
    let blinded: Vec<Eq> = sums.into_iter().zip(columns).map(|(sum, (_, blind))| sum + size.w * *blind).collect();
    to_affine(&blinded)
}

fn to_affine(points: &[Eq]) -> Vec<Point> {
    let mut affine = vec![Point::default(); points.len()];
    Eq::batch_normalize(points, &mut affine);
    affine
}

/// The values of the challenge columns, α first, if witness and AIR fit.
///
/// # Errors
/// If they do not.
pub fn check(spec: &AirSpec, witness: &Witness<'_>) -> Result<Vec<F>, Error> {
    let fail = |reason| Err(Error::Witness { air: spec.name, reason });
    let (first, second) = (&witness.trace.columns, &witness.second.columns);
    if first.len() != spec.phase_one || second.len() != spec.columns.len() - spec.phase_one {
        return fail("another number of columns");
    }
    if first.iter().any(|column| column_length(column) > spec.height())
        || second.iter().any(|column| column.len() > spec.height() + 1)
    {
        return fail("a column is too long");
    }
    if witness.blinds.advice.len() != spec.columns.len() {
        return fail("another number of blinds");
    }
    let challenges: Vec<F> = second.iter().take(spec.powers + 1).filter_map(|column| column.first().copied()).collect();
    let constant = second
        .iter()
        .zip(&challenges)
        .all(|(column, challenge)| column.len() == spec.height() + 1 && column.iter().all(|value| value == challenge));
    if challenges.len() != spec.powers + 1 || !constant {
        return fail("a challenge column is not constant");
    }
    Ok(challenges)
}

/// Commitments to the second-phase columns.
fn commit_second(size: &Size, spec: &AirSpec, witness: &Witness<'_>, challenges: &[F]) -> Vec<Point> {
    let blinds = &witness.blinds.advice[spec.phase_one..];
    let challenge_points = challenges.iter().map(|challenge| size.envelope_point * *challenge);
    let others: Vec<Scalars<'_>> =
        witness.second.columns[challenges.len()..].iter().map(|column| Scalars::Field(column)).collect();
    let points = challenge_points.chain(size.g_lagrange.msm_many(&others));
    to_affine(&points.zip(blinds).map(|(point, blind)| point + size.w * *blind).collect::<Vec<_>>())
}

/// Makes a proof. `first` are the commitments to the first-phase columns, if they are known.
pub(super) fn prove(
    size: &Size,
    circuit: &Circuit,
    key: &AirKey,
    witness: &Witness<'_>,
    first: Option<&[Point]>,
) -> Result<Vec<u8>, Error> {
    let (spec, blinds) = (&*key.spec, &witness.blinds);
    let challenges = check(spec, witness)?;
    let mut transcript = Writer::init(Vec::with_capacity(key.layout.proof_bytes()));
    transcript.common_scalar(key.repr).map_err(Error::Transcript)?;
    let instance = size.g_lagrange.msm(Scalars::Field(&witness.publics.0[..public::COUNT])) + size.w;
    transcript.common_point(instance.to_affine()).map_err(Error::Transcript)?;

    let first = match first {
        Some(points) => points.to_vec(),
        None => {
            let columns: Vec<_> = witness.trace.columns.iter().zip(blinds.advice.iter().copied()).collect();
            commit_columns(size, &columns)
        }
    };
    for point in first.into_iter().chain(commit_second(size, spec, witness, &challenges)) {
        transcript.write_point(point).map_err(Error::Transcript)?;
    }
    // θ, β and γ, which only arguments that no AIR has would use.
    for _ in 0..3 {
        squeeze(&mut transcript);
    }
    transcript.write_point((size.w * blinds.random).to_affine()).map_err(Error::Transcript)?;

    let y = squeeze(&mut transcript);
    let polynomials = Polynomials::new(size, circuit, spec, witness, challenges);
    let pieces = quotient(size, circuit, &polynomials, y, key.layout.pieces);
    let scalars: Vec<Scalars<'_>> = pieces.iter().map(|piece| Scalars::Field(piece)).collect();
    let points = size.g.msm_many(&scalars).into_iter().zip(&blinds.quotient);
    for point in to_affine(&points.map(|(point, blind)| point + size.w * *blind).collect::<Vec<_>>()) {
        transcript.write_point(point).map_err(Error::Transcript)?;
    }

    let x = squeeze(&mut transcript);
    let queries = &circuit.queries;
    let instance = queries.instance.iter().map(|&rotation| (Input::Instance, rotation));
    let advice = queries.advice.iter().map(|&(column, rotation)| (Input::Advice(column), rotation));
    let fixed = queries.fixed.iter().map(|&column| (Input::Fixed(column), 0));
    let all: Vec<(Input, i32)> = instance.chain(advice).chain(fixed).collect();
    // The random polynomial's value comes last.
    for value in polynomials.evaluate(x, &all).into_iter().chain([F::ZERO]) {
        transcript.write_scalar(value).map_err(Error::Transcript)?;
    }

    Opening { size, circuit, polynomials: &polynomials, pieces: &pieces, blinds, x }.write(&mut transcript)?;
    Ok(transcript.finalize())
}
