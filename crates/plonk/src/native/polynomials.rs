//! The polynomials of one proof, as coefficients.

use ff::Field;
use quintet_air::{AirSpec, F};
use quintet_arith::{Evals, vector};

use super::{
    circuit::Circuit,
    graph::{Input, challenge_of},
    size::Size,
};
use crate::Witness;

/// The columns of one proof as polynomials.
#[derive(Debug)]
pub(super) struct Polynomials<'a> {
    size: &'a Size,
    circuit: &'a Circuit,
    instance: Vec<F>,
    /// Empty for columns of zeros, and for challenge columns, which are multiples of the envelope.
    advice: Vec<Vec<F>>,
    /// α, β, and the powers of β that have a column.
    pub challenges: Vec<F>,
    first_challenge: usize,
}

/// Values of polynomials on one coset; of those that the constraints read there.
#[derive(Debug)]
pub(super) struct OnCoset<'a> {
    made: Vec<(Input, Evals)>,
    envelope: &'a Evals,
    zero: Evals,
}

impl OnCoset<'_> {
    pub(super) fn get(&self, input: Input) -> &Evals {
        if input == Input::Envelope {
            return self.envelope;
        }
        let place = self.made.binary_search_by_key(&input, |(known, _)| *known);
        place.map_or(&self.zero, |place| &self.made[place].1)
    }
}

impl<'a> Polynomials<'a> {
    /// Transforms the columns of a witness, whose shape has been checked.
    pub(super) fn new(size: &'a Size, circuit: &'a Circuit, spec: &AirSpec, witness: &Witness<'_>, challenges: Vec<F>) -> Self {
        let rows = size.rows();
        let padded = |values: &[F]| {
            let mut column = Vec::with_capacity(rows);
            column.extend(values);
            column.resize(rows, F::ZERO);
            column
        };
        let first = witness.trace.columns.iter().map(|column| column.to_field(rows));
        let second = witness.second.columns.iter().enumerate().map(|(place, column)| {
            if challenge_of(spec, spec.phase_one + place).is_some() { Vec::new() } else { padded(column) }
        });
        let columns = first.chain(second).chain([padded(&witness.publics.0)]).enumerate();
        let columns = columns.filter(|(_, column)| !column.iter().all(F::is_zero_vartime));
        let (places, mut values): (Vec<usize>, Vec<Vec<F>>) = columns.unzip();
        size.domain.ifft_many(&mut values);
        let mut advice = vec![Vec::new(); spec.columns.len() + 1];
        places.into_iter().zip(values).for_each(|(place, column)| advice[place] = column);
        let instance = advice.pop().unwrap_or_default();
        Self { size, circuit, instance, advice, challenges, first_challenge: spec.alpha_column() }
    }

    /// Coefficients of a column, to be multiplied with a factor; none for 0.
    pub(super) fn column(&self, input: Input) -> (&[F], F) {
        match input {
            Input::Instance => (&self.instance, F::ONE),
            Input::Fixed(column) => (&self.circuit.fixed[column], F::ONE),
            Input::Envelope => (&self.size.envelope, F::ONE),
            Input::Advice(column) => {
                match column.checked_sub(self.first_challenge).and_then(|place| self.challenges.get(place)) {
                    Some(challenge) => (&self.size.envelope, *challenge),
                    None => (&self.advice[column], F::ONE),
                }
            }
        }
    }

    /// What the constraints read on a coset, in the memory of another one's values.
    pub(super) fn on_coset(&self, coset: usize, spare: Option<OnCoset<'a>>) -> OnCoset<'a> {
        let inputs = self.circuit.inputs(coset).into_iter().filter(|input| *input != Input::Envelope);
        let (inputs, columns): (Vec<Input>, Vec<&[F]>) =
            inputs.map(|input| (input, self.column(input).0)).filter(|(_, column)| !column.is_empty()).unzip();
        let spare = spare.map(|other| other.made.into_iter().map(|(_, values)| values).collect()).unwrap_or_default();
        let values = self.size.cosets.evaluate_many(coset, &columns, spare);
        let zero = Evals::from_rows(self.size.path, &vec![F::ZERO; self.size.rows()]);
        OnCoset { made: inputs.into_iter().zip(values).collect(), envelope: self.size.envelope_on(coset), zero }
    }

    /// Values of columns at rotations of x, in the order of `queries`.
    pub(super) fn evaluate(&self, x: F, queries: &[(Input, i32)]) -> Vec<F> {
        let mut values = vec![F::ZERO; queries.len()];
        for rotation in self.circuit.queries.rotations() {
            let (places, columns): (Vec<(usize, F)>, Vec<&[F]>) = (0..)
                .zip(queries)
                .filter(|(_, query)| query.1 == rotation)
                .map(|(place, (input, _))| {
                    let (column, factor) = self.column(*input);
                    ((place, factor), column)
                })
                .filter(|(_, column)| !column.is_empty())
                .unzip();
            let point = self.size.rotate(x, rotation);
            let at_point = vector::evaluate_many(self.size.path, &columns, point);
            places.into_iter().zip(at_point).for_each(|((place, factor), value)| values[place] = value * factor);
        }
        values
    }
}
