//! How an AIR is written down: columns, constraints and bus interactions, once, for every use that is made of them.
//!
//! An AIR is a type that implements [`Air`]: its `build` declares named columns on a [`Builder`], states constraints over them and
//! lists its interactions with the bus. What comes out is an [`AirSpec`], a plain description that drives the halo2 circuit, the
//! row checker ([`check_rows`]), the generation of the second phase ([`phase_two`]) and the compiled [`Evaluator`].
//!
//! # The shape of every instance
//!
//! A table has `2^k` rows. Trace rows are `0 .. height`, `height = 2^k − RESERVED_ROWS`; row `height` is the *end row*, where only the
//! running sum and the challenge columns may be non-zero; all rows after it are zero. Phase-1 columns are those that a prover
//! commits to before the challenge is known; phase-2 columns (challenge powers, LogUp helpers, running sum) are generated
//! here and have no handle that could occur in a message.

mod balance;
mod builder;
mod bus;
mod checker;
mod column;
mod error;
mod evaluator;
mod expr;
mod phase_two;
mod range;
mod spec;
mod table;
mod trace;

pub use balance::{BusBalance, Imbalance};
pub use builder::{Air, Builder, build};
pub use bus::{Bool, Interaction, InteractionKind, Message, Packed, Tag, fingerprint};
pub use checker::{Violation, check_rows};
pub use column::{Column, ColumnClass, ColumnInfo, Fixed, FixedInfo, Free, PhaseTwo, Proven};
pub use error::Error;
pub use evaluator::Evaluator;
pub use expr::{Cell, Expr, Node};
pub use phase_two::{PhaseTwoColumns, phase_two};
pub use range::Range;
pub use spec::{AirSpec, Constraint, Helper, Publics, RESERVED_ROWS, height, public};
pub use table::LocalTable;
pub use trace::{ColumnData, RowMut, Trace};

/// The field of all cells: the base field of Pallas, which is the scalar field of Vesta, on which commitments live.
pub type F = pasta_curves::Fp;
