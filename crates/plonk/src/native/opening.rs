//! The multi-point opening and the inner product argument, as upstream makes them.

use ff::Field;
use group::Curve;
use halo2_proofs::transcript::{Transcript, TranscriptWrite};
use quintet_air::F;
use quintet_arith::{Folding, vector};

use super::{circuit::Circuit, graph::Input, polynomials::Polynomials, queries::Source, size::Size};
use crate::{Error, ProofBlinds, suite::TranscriptWriter};

/// The prover's transcript.
pub type Writer = TranscriptWriter<Vec<u8>>;

/// What is opened, and where.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pub size: &'a Size,
    pub circuit: &'a Circuit,
    pub polynomials: &'a Polynomials<'a>,
    pub pieces: &'a [Vec<F>],
    pub blinds: &'a ProofBlinds,
    pub x: F,
}

/// A polynomial and the blind of its commitment.
struct Blinded {
    coefficients: Vec<F>,
    blind: F,
}

/// The next challenge.
pub fn squeeze(transcript: &mut Writer) -> F {
    *transcript.squeeze_challenge_scalar::<()>()
}

impl Opening<'_> {
    /// Writes the opening. S is 0, and so is the random polynomial.
    pub(super) fn write(self, transcript: &mut Writer) -> Result<(), Error> {
        let (path, size) = (self.size.path, self.size);
        let (x1, x2) = (squeeze(transcript), squeeze(transcript));
        let sets = self.sets(x1);

        let quotients: Vec<Vec<F>> = self
            .circuit
            .queries
            .sets
            .iter()
            .zip(&sets)
            .map(|(rotations, set)| {
                let points = rotations.iter().map(|&rotation| size.rotate(self.x, rotation));
                points.fold(set.coefficients.clone(), |quotient, point| vector::divide(path, &quotient, point))
            })
            .collect();
        let mut weights = vector::powers(path, x2, quotients.len());
        weights.reverse();
        let columns: Vec<&[F]> = quotients.iter().map(Vec::as_slice).collect();
        let combined = vector::linear_combination(path, size.rows(), &weights, &columns);
        drop(quotients);
        let blind = self.blinds.multiopen;
        transcript.write_point(size.commit(&combined, blind).to_affine()).map_err(Error::Transcript)?;
        let combined = Blinded { coefficients: combined, blind };

        let x3 = squeeze(transcript);
        let columns: Vec<&[F]> = sets.iter().map(|set| set.coefficients.as_slice()).collect();
        for value in vector::evaluate_many(path, &columns, x3) {
            transcript.write_scalar(value).map_err(Error::Transcript)?;
        }

        let x4 = squeeze(transcript);
        let mut weights = vector::powers(path, x4, sets.len() + 1);
        weights.reverse();
        let all = || [&combined].into_iter().chain(&sets);
        let columns: Vec<&[F]> = all().map(|part| part.coefficients.as_slice()).collect();
        let coefficients = vector::linear_combination(path, size.rows(), &weights, &columns);
        let blind = all().zip(&weights).map(|(part, weight)| part.blind * weight).sum();
        drop((sets, combined));
        self.fold(transcript, Blinded { coefficients, blind }, x3)
    }

    /// One polynomial per point set: its members folded with powers of `x1`, the first with the highest.
    fn sets(&self, x1: F) -> Vec<Blinded> {
        let queries = &self.circuit.queries;
        let xn = self.x.pow_vartime([self.size.rows() as u64]);
        let set = |number: usize| {
            let members: Vec<Source> =
                queries.opened.iter().filter(|(_, set)| *set == number).map(|(source, _)| *source).collect();
            let (mut weights, mut columns): (Vec<F>, Vec<&[F]>) = (Vec::new(), Vec::new());
            let mut envelope = F::ZERO;
            let mut blind = F::ZERO;
            let mut weight = F::ONE;
            for member in members.into_iter().rev() {
                let input = match member {
                    Source::Instance => Some((Input::Instance, F::ONE)),
                    Source::Advice(column) => Some((Input::Advice(column), self.blinds.advice[column])),
                    Source::Fixed(column) => Some((Input::Fixed(column), F::ONE)),
                    Source::Random => {
                        blind += weight * self.blinds.random;
                        None
                    }
                    Source::Quotient => {
                        let mut power = weight;
                        for (piece, piece_blind) in self.pieces.iter().zip(&self.blinds.quotient) {
                            weights.push(power);
                            columns.push(piece);
                            blind += power * piece_blind;
                            power *= xn;
                        }
                        None
                    }
                };
                if let Some((input, input_blind)) = input {
                    blind += weight * input_blind;
                    match self.polynomials.column(input) {
                        ([], _) => {}
                        (column, _) if !std::ptr::eq(column, self.size.envelope.as_slice()) => {
                            weights.push(weight);
                            columns.push(column);
                        }
                        (_, factor) => envelope += weight * factor,
                    }
                }
                weight *= x1;
            }
            weights.push(envelope);
            columns.push(&self.size.envelope);
            let coefficients = vector::linear_combination(self.size.path, self.size.rows(), &weights, &columns);
            Blinded { coefficients, blind }
        };
        (0..queries.sets.len()).map(set).collect()
    }

    /// The inner product argument for the value at `x3`.
    fn fold(&self, transcript: &mut Writer, opened: Blinded, x3: F) -> Result<(), Error> {
        let Self { size, blinds, .. } = self;
        let Blinded { mut coefficients, mut blind } = opened;
        transcript.write_point((size.w * blinds.opening).to_affine()).map_err(Error::Transcript)?;
        let (xi, z) = (squeeze(transcript), squeeze(transcript));
        blind += blinds.opening * xi;
        let value = vector::evaluate_many(size.path, &[&coefficients], x3)[0];
        coefficients[0] -= value;

        let mut folding = Folding::new(&size.g, coefficients, x3);
        for [left_blind, right_blind] in &blinds.rounds {
            let round = folding.round();
            let left = round.left + size.u * (round.value_left * z) + size.w * *left_blind;
            let right = round.right + size.u * (round.value_right * z) + size.w * *right_blind;
            transcript.write_point(left.to_affine()).map_err(Error::Transcript)?;
            transcript.write_point(right.to_affine()).map_err(Error::Transcript)?;
            let u = squeeze(transcript);
            // A challenge is 0 with probability 1/p; what upstream answers with a panic gives a proof that does not verify.
            let inverse = u.invert().into_option().unwrap_or(F::ZERO);
            folding.fold(u, inverse);
            blind += *left_blind * inverse + *right_blind * u;
        }
        transcript.write_scalar(folding.finish()).map_err(Error::Transcript)?;
        transcript.write_scalar(blind).map_err(Error::Transcript)
    }
}
