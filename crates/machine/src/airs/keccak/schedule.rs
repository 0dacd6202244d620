//! The fixed schedule of a permutation: what each of its rows is for, and the fixed columns that say so.

use ff::Field;
use quintet_air::{Builder, F, Fixed};

/// Rows that bring the lanes in, one a lane; as many take them out.
pub(super) const LANES: usize = 25;
/// Rows of a round: 25 lane rows by planes of B, then 5 column-parity rows.
pub(super) const ROUND_ROWS: usize = 30;
/// Rounds of keccak-f[1600].
pub(super) const ROUNDS: usize = 24;
/// Rows of one permutation.
pub const KECCAK_ROWS: usize = LANES + ROUNDS * ROUND_ROWS + LANES;

/// Rotation offsets of ρ, lane `x + 5y` at index `x + 5y` (FIPS 202, section 3.2.2).
pub(super) const RHO: [u32; LANES] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// Round constants of ι (FIPS 202, section 3.2.5).
pub(super) const IOTA: [u64; ROUNDS] = iota();

/// Bit positions at which a round constant can be 1.
pub(super) const IOTA_BITS: [usize; 7] = [0, 1, 3, 7, 15, 31, 63];

/// The order of the column-parity rows: neighbours differ by 2, so that D of the sheet between them needs the next row only.
pub(super) const PARITY_ORDER: [usize; 5] = [0, 2, 4, 1, 3];

/// `rc(t)` of FIPS 202, algorithm 5, as an 8-bit linear feedback shift register.
const fn iota() -> [u64; ROUNDS] {
    let mut constants = [0u64; ROUNDS];
    let mut state = 1u32;
    let mut round = 0;
    while round < ROUNDS {
        let mut j = 0;
        while j < 7 {
            if state & 1 == 1 {
                constants[round] |= 1 << ((1u32 << j) - 1);
            }
            state <<= 1;
            if state & 0x100 != 0 {
                state ^= 0x171;
            }
            j += 1;
        }
        round += 1;
    }
    constants
}

/// What a row of the fixed schedule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Brings lane `lane` in.
    In { lane: usize },
    /// Lane `(big_x, big_y)` of B in a round.
    Lane { round: usize, big_x: usize, big_y: usize },
    /// Parity of sheet `PARITY_ORDER[i]` in a round.
    Parity { round: usize, i: usize },
    /// Takes lane `lane` out.
    Out { lane: usize },
}

impl Step {
    /// Step of a row inside a permutation.
    pub(super) fn at(row: usize) -> Self {
        match row {
            0..LANES => Self::In { lane: row },
            row if row >= KECCAK_ROWS - LANES => Self::Out { lane: row + LANES - KECCAK_ROWS },
            row => {
                let (round, row) = ((row - LANES) / ROUND_ROWS, (row - LANES) % ROUND_ROWS);
                match row {
                    0..LANES => Self::Lane { round, big_x: row % 5, big_y: row / 5 },
                    _ => Self::Parity { round, i: row - LANES },
                }
            }
        }
    }

    /// Coordinates in A of a B lane: `y = X`, `x = X + 3Y`, which inverts `B[y, 2x + 3y] = A[x, y]`.
    pub(super) fn source(big_x: usize, big_y: usize) -> (usize, usize) {
        ((big_x + 3 * big_y) % 5, big_x)
    }

    /// The sheet x of lane and parity rows.
    fn sheet(self) -> Option<usize> {
        match self {
            Self::Lane { big_x, big_y, .. } => Some(Self::source(big_x, big_y).0),
            Self::Parity { i, .. } => Some(PARITY_ORDER[i]),
            _ => None,
        }
    }

    /// Rotation of lane rows.
    fn rotation(self) -> Option<u32> {
        match self {
            Self::Lane { big_x, big_y, .. } => {
                let (x, y) = Self::source(big_x, big_y);
                Some(RHO[x + 5 * y])
            }
            _ => None,
        }
    }
}

/// `8^bits` as a constant.
pub(super) fn pow8(bits: usize) -> F {
    F::from(8).pow_vartime([bits as u64])
}

/// The fixed columns, periodic with [`KECCAK_ROWS`] and 0 after the last whole permutation.
pub(super) struct Schedule {
    /// Rows after which `real` and `clock` stay.
    pub(super) inside: Fixed,
    /// Last row of each permutation but the last.
    pub(super) between: Fixed,
    /// Rows of a round but its last: `d` stays.
    pub(super) in_round: Fixed,
    /// Lane rows: they add their input to a sheet.
    pub(super) lane: Fixed,
    /// First row of a round.
    pub(super) round_start: Fixed,
    /// Sheet x of lane and parity rows, one-hot.
    pub(super) sheet: Vec<Fixed>,
    /// `8^r` for the rotation r of a lane row, 0 elsewhere.
    pub(super) pow8_rotation: Fixed,
    /// Rotation as `8·r₁ + r₀`: `[m < r₁]`, `[m = r₁]`, `[i < r₀]`.
    pub(super) below: Vec<Fixed>,
    pub(super) block: Vec<Fixed>,
    pub(super) inner: Vec<Fixed>,
    /// All parity rows; those with the partner in the next row; the last one.
    pub(super) parity: Fixed,
    pub(super) parity_next: Fixed,
    pub(super) parity_wrap: Fixed,
    /// Lane rows by where B[X+1] and B[X+2] are: X ≤ 2, X = 3, X = 4.
    pub(super) chi: [Fixed; 3],
    /// Bits of the round constant at B[0, 0].
    pub(super) iota: Vec<Fixed>,
    pub(super) bring: Fixed,
    pub(super) take: Fixed,
    pub(super) consumes: Fixed,
    pub(super) produces: Fixed,
    pub(super) id_in: Fixed,
    pub(super) id_out: Fixed,
    pub(super) lane_index: Fixed,
}

impl Schedule {
    pub(super) fn build(builder: &mut Builder) -> Self {
        let rows = builder.height() / KECCAK_ROWS * KECCAK_ROWS;
        let step = move |row: usize| (row < rows).then(|| Step::at(row % KECCAK_ROWS));
        let mut flag = |name: String, set: &dyn Fn(Step) -> bool| builder.flag(name, |row| step(row).is_some_and(set));

        let lane = flag("lane".into(), &|s| matches!(s, Step::Lane { .. }));
        let round_start = flag("round_start".into(), &|s| matches!(s, Step::Lane { big_x: 0, big_y: 0, .. }));
        let in_round = flag("in_round".into(), &|s| matches!(s, Step::Lane { .. } | Step::Parity { i: 0..4, .. }));
        let sheet = (0..5).map(|x| flag(format!("sheet_{x}"), &|s| s.sheet() == Some(x))).collect();
        let above = |s: Step, unit: u32, m: u32| s.rotation().is_some_and(|r| m < r / unit);
        let below = (0..7).map(|m| flag(format!("below_{m}"), &|s| above(s, 8, m))).collect();
        let block = (0..8).map(|m| flag(format!("block_{m}"), &|s| s.rotation().is_some_and(|r| r / 8 == m))).collect();
        let inner = (0..7).map(|i| flag(format!("inner_{i}"), &|s| s.rotation().is_some_and(|r| i < r % 8))).collect();
        let parity = flag("parity".into(), &|s| matches!(s, Step::Parity { .. }));
        let parity_next = flag("parity_next".into(), &|s| matches!(s, Step::Parity { i: 0..4, .. }));
        let parity_wrap = flag("parity_wrap".into(), &|s| matches!(s, Step::Parity { i: 4, .. }));
        let chi = [0..3usize, 3..4, 4..5]
            .map(|xs| flag(format!("chi_{}", xs.start), &|s| matches!(s, Step::Lane { big_x, .. } if xs.contains(&big_x))));
        let iota = IOTA_BITS.map(|z| {
            let set = |s| matches!(s, Step::Lane { round, big_x: 0, big_y: 0 } if IOTA[round] >> z & 1 == 1);
            flag(format!("iota_{z}"), &set)
        });
        let bring = flag("bring".into(), &|s| matches!(s, Step::In { .. }));
        let take = flag("take".into(), &|s| matches!(s, Step::Out { .. }));
        let consumes = flag("consumes".into(), &|s| matches!(s, Step::Lane { .. } | Step::Out { .. }));
        let produces = flag("produces".into(), &|s| matches!(s, Step::Lane { .. } | Step::In { .. }));
        let inside = builder.flag("inside", |row| row < rows && row % KECCAK_ROWS != KECCAK_ROWS - 1);
        let between = builder.flag("between", |row| row + 1 < rows && row % KECCAK_ROWS == KECCAK_ROWS - 1);

        let mut value =
            |name: &str, of: &dyn Fn(Step) -> Option<F>| builder.fixed(name, |row| step(row).and_then(of).unwrap_or(F::ZERO));
        let small = |value: usize| Some(F::from(value as u64));
        let pow8_rotation = value("pow8_rotation", &|s| s.rotation().map(|r| pow8(r as usize)));
        let id_in = value("id_in", &|s| match s {
            Step::Lane { round, big_x, big_y } => {
                let (x, y) = Step::source(big_x, big_y);
                small(LANES * round + x + 5 * y)
            }
            Step::Out { lane } => small(LANES * ROUNDS + lane),
            _ => None,
        });
        let id_out = value("id_out", &|s| match s {
            Step::In { lane } => small(lane),
            Step::Lane { round, big_x, big_y } => small(LANES * (round + 1) + big_x + 5 * big_y),
            _ => None,
        });
        let lane_index = value("lane_index", &|s| match s {
            Step::In { lane } => small(2 * lane),
            Step::Out { lane } => small(2 * lane + 1),
            _ => None,
        });
        Self {
            inside,
            between,
            in_round,
            lane,
            round_start,
            sheet,
            pow8_rotation,
            below,
            block,
            inner,
            parity,
            parity_next,
            parity_wrap,
            chi,
            iota: iota.to_vec(),
            bring,
            take,
            consumes,
            produces,
            id_in,
            id_out,
            lane_index,
        }
    }
}
