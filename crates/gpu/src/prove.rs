//! One proof from its witness: the schedule of upstream's `create_proof`, with all columns and points on the device.

use ff::Field;
use group::Curve;
use halo2_proofs::transcript::{Transcript, TranscriptWrite};
use pasta_curves::{Eq, EqAffine};
use quintet_air::{F, public};
use quintet_plonk::{
    AirKey, Error as PlonkError, Witness,
    engine::{Input, Source, Writer, check, squeeze},
};

use crate::{
    Batch, Columns, Device, DeviceScalars, Error, HostColumn, PackedColumn, field,
    folding::Folding,
    instance::{Circuit, Size, factor, integers},
    plan::Plan,
    polynomials::{Polynomials, Source as Column, each_chunk},
    quotient::Quotient,
    transform::omega,
};

/// What a proof is made of.
#[derive(Debug)]
pub(crate) struct Proof<'a> {
    pub(crate) device: &'a Device,
    pub(crate) size: &'a Size,
    pub(crate) circuit: &'a Circuit,
    pub(crate) key: &'a AirKey,
    pub(crate) witness: &'a Witness<'a>,
    pub(crate) plan: Plan,
}

/// First-phase columns and their commitments.
#[derive(Debug)]
pub(crate) struct First<'a> {
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) points: Vec<EqAffine>,
}

fn to_affine(points: &[Eq]) -> Vec<EqAffine> {
    let mut affine = vec![EqAffine::default(); points.len()];
    Eq::batch_normalize(points, &mut affine);
    affine
}

/// Commitments to columns in the Lagrange basis, each with its blind.
pub(crate) fn commit(batch: &mut Batch<'_>, size: &Size, columns: &[Column<'_>], blinds: &[F]) -> Result<Vec<EqAffine>, Error> {
    let sums = sums(batch, size, columns)?;
    Ok(to_affine(&sums.into_iter().zip(blinds).map(|(sum, blind)| sum + size.w * *blind).collect::<Vec<_>>()))
}

/// Commitments without blinds.
fn sums(batch: &mut Batch<'_>, size: &Size, columns: &[Column<'_>]) -> Result<Vec<Eq>, Error> {
    let mut sums = Vec::with_capacity(columns.len());
    each_chunk(batch, columns, |batch, _, columns| {
        let scalars: Vec<DeviceScalars<'_>> = columns.iter().map(|column| column.scalars()).collect();
        sums.extend(size.g_lagrange.msm_many(batch, &scalars)?);
        Ok(())
    })?;
    Ok(sums)
}

/// The order of [`Places`](crate::instance::Places): the instance, the first phase, the rest of the second.
fn in_order<'a>(second: &[Column<'a>], first: &[Column<'a>]) -> Vec<Column<'a>> {
    second[..1].iter().chain(first).chain(&second[1..]).copied().collect()
}

/// Powers of a base, from 1.
fn powers(base: F, count: usize) -> Vec<F> {
    std::iter::successors(Some(F::ONE), |power| Some(*power * base)).take(count).collect()
}

fn transcript_error(error: std::io::Error) -> PlonkError {
    PlonkError::Transcript(error)
}

impl Proof<'_> {
    /// Makes the proof; `first` is what was kept from the commitment.
    pub(crate) fn make(&self, first: First<'_>) -> Result<Vec<u8>, PlonkError> {
        let Self { device, size, circuit, key, witness, plan } = *self;
        let (spec, blinds) = (&*key.spec, &witness.blinds);
        let challenges = check(spec, witness)?;
        let mut batch = device.batch();
        let mut transcript = Writer::init(Vec::with_capacity(key.layout.proof_bytes()));
        transcript.common_scalar(key.repr).map_err(transcript_error)?;

        // Instance and second phase: challenge columns are multiples of the envelope.
        let others = witness.second.columns[challenges.len()..].iter().map(|column| HostColumn::field(column));
        let host: Vec<HostColumn> =
            [HostColumn::field(&witness.publics.0[..public::COUNT])].into_iter().chain(others).collect();
        // Where everything stays on the device, columns go up once.
        let here = if plan.block.is_none() { &host[..] } else { &[] };
        let kept: Vec<PackedColumn> = here.iter().map(|column| column.upload(device)).collect::<Result<_, _>>()?;
        let on_device = || kept.iter().map(Column::Device).collect::<Vec<_>>();
        let on_host = || host.iter().map(Column::Host).collect::<Vec<_>>();
        let sums = sums(&mut batch, size, &if kept.is_empty() { on_host() } else { on_device() })?;
        transcript.common_point((sums[0] + size.w).to_affine()).map_err(transcript_error)?;
        let points = challenges.iter().map(|challenge| size.envelope_point * *challenge).chain(sums[1..].iter().copied());
        let points = points.zip(&blinds.advice[spec.phase_one..]).map(|(sum, blind)| sum + size.w * *blind);
        let points = to_affine(&points.collect::<Vec<_>>());
        for point in first.points.iter().chain(&points) {
            transcript.write_point(*point).map_err(transcript_error)?;
        }
        // θ, β and γ, which only arguments that no AIR has would use.
        for _ in 0..3 {
            squeeze(&mut transcript);
        }
        transcript.write_point((size.w * blinds.random).to_affine()).map_err(transcript_error)?;

        let y = squeeze(&mut transcript);
        let polynomials = match plan.block {
            None => Polynomials::resident(&mut batch, size, &circuit.shared, &in_order(&on_device(), &first.columns))?,
            Some(block) => Polynomials::streamed(size, &circuit.shared, in_order(&on_host(), &first.columns), block),
        };
        drop(kept);
        let place = |input: Input| circuit.places.of(input);
        let quotient = Quotient {
            transform: &size.transform,
            programs: &circuit.programs,
            polynomials: &polynomials,
            place: &place,
            k: size.k,
            parts: plan.parts,
        };
        let weights = powers(y, spec.constraints.len());
        let pieces = quotient.pieces(&mut batch, &weights, &challenges, key.layout.pieces)?;
        for (sum, blind) in self.commitments(&mut batch, &pieces)?.into_iter().zip(&blinds.quotient) {
            transcript.write_point((sum + size.w * *blind).to_affine()).map_err(transcript_error)?;
        }

        let x = squeeze(&mut transcript);
        let opening = Opening { proof: self, polynomials: &polynomials, pieces: &pieces, challenges: &challenges, x };
        // The random polynomial's value comes last; it is 0.
        for value in opening.evaluate(&mut batch)?.into_iter().chain([F::ZERO]) {
            transcript.write_scalar(value).map_err(transcript_error)?;
        }
        opening.write(&mut batch, &mut transcript)?;
        Ok(transcript.finalize())
    }

    /// Commitments to polynomials, without blinds.
    fn commitments(&self, batch: &mut Batch<'_>, polynomials: &Columns) -> Result<Vec<Eq>, Error> {
        let integers = integers(batch, polynomials)?;
        let count = polynomials.rows();
        let scalars: Vec<DeviceScalars<'_>> =
            integers.iter().map(|words| DeviceScalars { words: words.all(), bits: 256, count }).collect();
        self.size.g.msm_many(batch, &scalars)
    }
}

/// The multi-point opening and the inner product argument.
struct Opening<'a> {
    proof: &'a Proof<'a>,
    polynomials: &'a Polynomials<'a>,
    pieces: &'a Columns,
    challenges: &'a [F],
    x: F,
}

/// Terms of the polynomial of a point set, and its blind.
struct Members {
    /// Places of polynomials, with their weights.
    columns: Vec<(usize, F)>,
    /// Pieces of the quotient, with their weights.
    pieces: Vec<(usize, F)>,
    blind: F,
}

impl Opening<'_> {
    fn rotate(&self, rotation: i32) -> F {
        let omega = omega(self.proof.size.k);
        let root = if rotation < 0 { omega.invert().into_option().unwrap_or(F::ONE) } else { omega };
        self.x * root.pow_vartime([u64::from(rotation.unsigned_abs())])
    }

    /// Values of instance, advice and fixed columns at the rotations of x at which constraints read them.
    fn evaluate(&self, batch: &mut Batch<'_>) -> Result<Vec<F>, Error> {
        let Proof { device, circuit, key, .. } = self.proof;
        let queries = &circuit.queries;
        let instance = queries.instance.iter().map(|&rotation| (Input::Instance, rotation));
        let advice = queries.advice.iter().map(|&(column, rotation)| (Input::Advice(column), rotation));
        let fixed = queries.fixed.iter().map(|&column| (Input::Fixed(column), 0));
        let all: Vec<(Input, i32)> = instance.chain(advice).chain(fixed).collect();
        let mut values = vec![F::ZERO; all.len()];
        let places: Vec<usize> = all.iter().map(|(input, _)| circuit.places.of(*input)).collect();
        let powers = device.buffer("powers of a point", self.polynomials.rows() as u64 * field::BYTES)?;
        self.polynomials.each(batch, &places, |batch, first, block| {
            let block_places = first..first + block.count();
            for rotation in queries.rotations() {
                let asked = |at: &usize| all[*at].1 == rotation && block_places.contains(&places[*at]);
                let here: Vec<usize> = (0..all.len()).filter(asked).collect();
                if here.is_empty() {
                    continue;
                }
                let places: Vec<usize> = here.iter().map(|at| places[*at] - first).collect();
                batch.powers(self.rotate(rotation), F::ONE, powers.all())?;
                for (at, value) in here.into_iter().zip(batch.inner_products(block, &places, powers.all())?) {
                    values[at] = value * factor(&key.spec, self.challenges, all[at].0);
                }
            }
            Ok(())
        })?;
        Ok(values)
    }

    fn write(&self, batch: &mut Batch<'_>, transcript: &mut Writer) -> Result<(), PlonkError> {
        let Proof { device, size, circuit, witness, .. } = *self.proof;
        let (x1, x2) = (squeeze(transcript), squeeze(transcript));
        let count = circuit.queries.sets.len();
        // One polynomial per point set, and q′ after them.
        let sets = Columns::new(device, "point sets", size.rows(), count + 1)?;
        let mut blinds = self.sets(batch, x1, &sets)?;
        let quotients = Columns::new(device, "quotients of point sets", size.rows(), count)?;
        // Two buffers: a kernel cannot read and write one.
        let division = || Columns::new(device, "division", size.rows(), 1);
        let between = [division()?, division()?];
        for (number, rotations) in circuit.queries.sets.iter().enumerate() {
            let mut from = sets.column(number);
            for (at, rotation) in rotations.iter().enumerate() {
                let last = at + 1 == rotations.len();
                let to = if last { quotients.column(number) } else { between[at % 2].column(0) };
                batch.divide(from, self.rotate(*rotation), to)?;
                from = to;
            }
        }
        let terms: Vec<(usize, F)> = powers(x2, count).into_iter().rev().enumerate().collect();
        batch.combine(&quotients, &terms, sets.column(count))?;
        let words = device.buffer("integers", sets.column(count).bytes())?;
        batch.integers(sets.column(count), words.all())?;
        let point = self.commitment(batch, words.all())? + size.w * witness.blinds.multiopen;
        transcript.write_point(point.to_affine()).map_err(transcript_error)?;
        blinds.push(witness.blinds.multiopen);

        let x3 = squeeze(transcript);
        let at_x3 = device.buffer("powers of a point", size.rows() as u64 * field::BYTES)?;
        batch.powers(x3, F::ONE, at_x3.all())?;
        let places: Vec<usize> = (0..=count).collect();
        let values = batch.inner_products(&sets, &places, at_x3.all())?;
        for value in &values[..count] {
            transcript.write_scalar(*value).map_err(transcript_error)?;
        }

        // q′ comes first, with the highest power.
        let x4 = squeeze(transcript);
        let mut weights = powers(x4, count + 1);
        weights.reverse();
        weights.rotate_left(1);
        let opened = Columns::new(device, "opened polynomial", size.rows(), 1)?;
        let terms: Vec<(usize, F)> = weights.iter().copied().enumerate().collect();
        batch.combine(&sets, &terms, opened.column(0))?;
        let sum = |values: &[F]| values.iter().zip(&weights).map(|(value, weight)| *value * weight).sum::<F>();
        drop((sets, quotients, between));
        self.fold(batch, transcript, &opened, sum(&blinds), (x3, sum(&values)))
    }

    fn commitment(&self, batch: &mut Batch<'_>, words: crate::Slice<'_>) -> Result<Eq, Error> {
        let count = self.polynomials.rows();
        Ok(self.proof.size.g.msm_many(batch, &[DeviceScalars { words, bits: 256, count }])?[0])
    }

    /// Records the polynomials of the point sets; gives their blinds.
    fn sets(&self, batch: &mut Batch<'_>, x1: F, sets: &Columns) -> Result<Vec<F>, Error> {
        let all: Vec<Members> = (0..self.proof.circuit.queries.sets.len()).map(|number| self.members(number, x1)).collect();
        let wanted: Vec<usize> = all.iter().flat_map(|members| members.columns.iter().map(|(place, _)| *place)).collect();
        // Sets are 0 at first.
        self.polynomials.each(batch, &wanted, |batch, first, block| {
            for (number, members) in all.iter().enumerate() {
                let here = members.columns.iter().filter(|(place, _)| (first..first + block.count()).contains(place));
                let terms: Vec<(usize, F)> = here.map(|(place, weight)| (place - first, *weight)).collect();
                batch.combine_onto(block, &terms, sets.column(number), true)?;
            }
            Ok(())
        })?;
        for (number, members) in all.iter().enumerate() {
            batch.combine_onto(self.pieces, &members.pieces, sets.column(number), true)?;
        }
        Ok(all.into_iter().map(|members| members.blind).collect())
    }

    /// What the polynomial of a point set is made of: its members with powers of `x1`, the first with the highest.
    fn members(&self, number: usize, x1: F) -> Members {
        let Proof { size, circuit, key, witness, .. } = *self.proof;
        let blinds = &witness.blinds;
        let xn = self.x.pow_vartime([size.rows() as u64]);
        let members = circuit.queries.opened.iter().filter(|(_, set)| *set == number).map(|(source, _)| *source).rev();
        let mut all = Members { columns: Vec::new(), pieces: Vec::new(), blind: F::ZERO };
        let mut weight = F::ONE;
        for member in members {
            let input = match member {
                Source::Instance => Some((Input::Instance, F::ONE)),
                Source::Advice(column) => Some((Input::Advice(column), blinds.advice[column])),
                Source::Fixed(column) => Some((Input::Fixed(column), F::ONE)),
                Source::Random => {
                    all.blind += weight * blinds.random;
                    None
                }
                Source::Quotient => {
                    let mut power = weight;
                    for (piece, piece_blind) in blinds.quotient.iter().enumerate() {
                        all.pieces.push((piece, power));
                        all.blind += power * piece_blind;
                        power *= xn;
                    }
                    None
                }
            };
            if let Some((input, own)) = input {
                all.blind += weight * own;
                all.columns.push((circuit.places.of(input), weight * factor(&key.spec, self.challenges, input)));
            }
            weight *= x1;
        }
        all
    }

    /// The inner product argument for the value at `x3`. S is 0.
    fn fold(
        &self,
        batch: &mut Batch<'_>,
        transcript: &mut Writer,
        opened: &Columns,
        blind: F,
        at: (F, F),
    ) -> Result<(), PlonkError> {
        let Proof { device, size, witness, .. } = *self.proof;
        let ((x3, value), mut blind) = (at, blind);
        transcript.write_point((size.w * witness.blinds.opening).to_affine()).map_err(transcript_error)?;
        let (xi, z) = (squeeze(transcript), squeeze(transcript));
        blind += witness.blinds.opening * xi;
        // The value comes off the lowest coefficient.
        let lowest = opened.column(0).sub(0, field::BYTES);
        let constant: Vec<F> = field::from_montgomery(device.layout(), &batch.read(lowest)?)?;
        let constant = device.upload("constant", &field::montgomery(device.layout(), &[constant[0] - value]))?;
        batch.copy(constant.all().sub(0, field::BYTES), lowest);
        let mut folding = Folding::new(batch, &size.g, opened.column(0), x3)?;
        for [left_blind, right_blind] in &witness.blinds.rounds {
            let round = folding.round(batch)?;
            let left = round.left + size.u * (round.value_left * z) + size.w * *left_blind;
            let right = round.right + size.u * (round.value_right * z) + size.w * *right_blind;
            transcript.write_point(left.to_affine()).map_err(transcript_error)?;
            transcript.write_point(right.to_affine()).map_err(transcript_error)?;
            let u = squeeze(transcript);
            // A challenge is 0 with probability 1/p; what upstream answers with a panic gives a proof that does not verify.
            let inverse = u.invert().into_option().unwrap_or(F::ZERO);
            folding.fold(batch, u, inverse)?;
            blind += *left_blind * inverse + *right_blind * u;
        }
        transcript.write_scalar(folding.finish(batch)?).map_err(transcript_error)?;
        transcript.write_scalar(blind).map_err(transcript_error)
    }
}
