//! The verifying key of one AIR at one size, with what the verifier needs around it.

use std::{fmt, io, sync::Arc};

use halo2_proofs::{
    plonk::keygen_vk,
    transcript::{EncodedChallenge, Transcript},
};
use quintet_air::{AirSpec, Cell, F, RESERVED_ROWS, public};

use crate::{
    Error, Params, ProofLayout,
    circuit::{AirCircuit, with_spec},
    suite::{Encoded, Point, VerifyingKey},
};

/// Which instances of an AIR a plan may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AirKind {
    /// As many as the execution needs, numbered without gaps. Nothing of it belongs to the program.
    Execution,
    /// Exactly those that the program has: tables that initialise something.
    Whole,
    /// Any of those that the program has, each at most once: tables that are only looked up.
    Selection,
}

impl AirKind {
    /// Whether columns of the AIR are pinned in `program_id`.
    pub fn is_pinned(self) -> bool {
        self != Self::Execution
    }
}

/// One AIR of a machine at one size.
pub struct AirKey {
    /// The description.
    pub spec: Arc<AirSpec>,
    /// Which instances a plan may hold.
    pub kind: AirKind,
    /// Sizes of a proof.
    pub layout: ProofLayout,
    /// Generators.
    pub params: Arc<Params>,
    /// Upstream's verifying key.
    pub vk: VerifyingKey,
    /// What the transcript holds of the verifying key: a hash of all of it.
    pub repr: F,
}

impl fmt::Debug for AirKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AirKey").field("air", &self.spec.name).field("k", &self.spec.k).field("repr", &self.repr).finish()
    }
}

impl AirKey {
    /// Makes the verifying key.
    ///
    /// # Errors
    /// If the description has something that halo2 cannot express, or that it would accept without enforcing it.
    pub fn new(params: &Arc<Params>, spec: AirSpec, kind: AirKind) -> Result<Self, Error> {
        check(&spec, params.k(), kind)?;
        let spec = Arc::new(spec);
        let vk = with_spec(&spec, || keygen_vk(params.upstream(), &AirCircuit::blank(&spec)))
            .map_err(|source| Error::Upstream { doing: "making a verifying key", source })?;
        let layout = ProofLayout::new(&spec);
        let pieces = vk.get_domain().get_quotient_poly_degree();
        if pieces != layout.pieces {
            let reason = format!("halo2 has {pieces} pieces of the quotient, the layout {}", layout.pieces);
            return Err(Error::Spec { air: spec.name, reason });
        }
        let repr = transcript_repr(&vk);
        Ok(Self { spec, kind, layout, params: Arc::clone(params), vk, repr })
    }

    /// Pinned first-phase columns, in order.
    pub fn pinned_columns(&self) -> impl Iterator<Item = usize> + '_ {
        let columns = self.spec.columns.iter().take(self.spec.phase_one).enumerate();
        columns.filter(|(_, info)| info.pinned).map(|(column, _)| column)
    }
}

/// What [`AirSpec`] promises and soundness needs, checked once more: a description is a plain value that anything may have changed.
fn check(spec: &AirSpec, k: u32, kind: AirKind) -> Result<(), Error> {
    let fail = |reason: String| Err(Error::Spec { air: spec.name, reason });
    if spec.k != k {
        return fail(format!("described for k = {}, parameters are for {k}", spec.k));
    }
    if spec.rows() <= 2 * RESERVED_ROWS {
        return fail(format!("k = {k} leaves no trace rows"));
    }
    if spec.phase_one == 0 || spec.phase_one > spec.columns.len() {
        return fail(format!("{} of {} columns are of the first phase", spec.phase_one, spec.columns.len()));
    }
    let pinned = |range: std::ops::Range<usize>| spec.columns[range].iter().any(|column| column.pinned);
    if pinned(0..spec.phase_one) != kind.is_pinned() || pinned(spec.phase_one..spec.columns.len()) {
        return fail(format!("pinned columns do not fit the kind {kind:?}"));
    }
    // Rows past the end row: some cannot be set in halo2, and prover-chosen values stand beside all of them.
    let end = spec.height();
    if let Some(fixed) = spec.fixed.iter().find(|fixed| {
        fixed.values.len() != spec.rows() || fixed.values[end + 1..].iter().any(|value| !ff::Field::is_zero_vartime(value))
    }) {
        return fail(format!("fixed column {} is not zero after the end row", fixed.name));
    }
    let mut queried = vec![false; spec.columns.len()];
    let mut publics = [false; public::COUNT];
    let mut bad = None;
    for constraint in &spec.constraints {
        if constraint.expr.degree() > AirSpec::MAX_DEGREE {
            return fail(format!("\"{}\" has degree {}", constraint.name, constraint.expr.degree()));
        }
        constraint.expr.for_each_cell(&mut |cell| match cell {
            Cell::Advice(column, _) if column < queried.len() => queried[column] = true,
            Cell::Fixed(column, 0) if column < spec.fixed.len() => {}
            Cell::Public(place) if place < public::COUNT => publics[place] = true,
            cell => bad = Some((constraint.name.clone(), cell)),
        });
    }
    if let Some((name, cell)) = bad {
        return fail(format!("\"{name}\" reads {cell:?}, which does not exist"));
    }
    if let Some(column) = queried.iter().position(|queried| !queried) {
        return fail(format!("column {} is committed but never opened", spec.columns[column].name));
    }
    let boundary = public::BOUNDARY..public::BOUNDARY + public::BOUNDARIES;
    let needed = [public::ALPHA, public::BETA, public::AIR, public::SUM].into_iter().chain(boundary);
    if let Some(place) = needed.into_iter().find(|place| !publics[*place]) {
        return fail(format!("no gate pins public value {place}"));
    }
    if ProofLayout::new(spec).tail_rows >= RESERVED_ROWS {
        return fail("a column is queried at too many rotations".into());
    }
    Ok(())
}

/// The one scalar that a verifying key adds to a transcript.
fn transcript_repr(vk: &VerifyingKey) -> F {
    #[derive(Default)]
    struct Recorder(F);
    impl Transcript<Point, Encoded> for Recorder {
        fn squeeze_challenge(&mut self) -> Encoded {
            Encoded::new(&[0; 64])
        }
        fn common_point(&mut self, _: Point) -> io::Result<()> {
            Ok(())
        }
        fn common_scalar(&mut self, scalar: F) -> io::Result<()> {
            self.0 = scalar;
            Ok(())
        }
    }
    let mut recorder = Recorder::default();
    vk.hash_into(&mut recorder).expect("the recorder does no I/O");
    recorder.0
}
