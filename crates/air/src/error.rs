//! Errors of building an AIR.

/// Why a description is not an AIR. All of these are mistakes of an AIR's author and show when it is built, never while proving.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A constraint or helper exceeds the degree limit.
    #[error("{air}: {name} has degree {degree}, the limit is {limit}")]
    Degree {
        /// The AIR.
        air: &'static str,
        /// Constraint or interaction.
        name: String,
        /// Its degree.
        degree: usize,
        /// [`crate::AirSpec::MAX_DEGREE`].
        limit: usize,
    },
    /// An expression that has to be 0 on rows without content is not.
    #[error("{air}: {name} does not vanish on an all-zero row")]
    NotZeroOnPadding {
        /// The AIR.
        air: &'static str,
        /// Constraint or interaction.
        name: String,
    },
    /// An ungated constraint or an interaction looks at another row.
    #[error("{air}: {name} looks at another row without a gate")]
    Rotation {
        /// The AIR.
        air: &'static str,
        /// Constraint or interaction.
        name: String,
    },
    /// A gate is set at a row from which its constraint looks outside the trace.
    #[error("{air}: {name} looks outside the trace from row {row}")]
    Outside {
        /// The AIR.
        air: &'static str,
        /// Constraint.
        name: String,
        /// Row at which the gate is set.
        row: usize,
    },
    /// A column is queried at too many rotations for [`crate::RESERVED_ROWS`].
    #[error("{air}: column {column} is queried at {queries} rotations, at most 5 fit")]
    Queries {
        /// The AIR.
        air: &'static str,
        /// Column.
        column: String,
        /// Number of rotations.
        queries: usize,
    },
    /// A phase-1 column that no constraint or interaction mentions would be committed but never opened.
    #[error("{air}: column {column} is used by nothing")]
    Unused {
        /// The AIR.
        air: &'static str,
        /// Column.
        column: String,
    },
    /// A local table has more rows than a trace.
    #[error("{air}: the table {name} has {rows} rows, at most {height} fit")]
    Table {
        /// The AIR.
        air: &'static str,
        /// Table.
        name: String,
        /// Its number of rows.
        rows: usize,
        /// Number of trace rows.
        height: usize,
    },
    /// A boundary slot is stated twice or out of range.
    #[error("{air}: boundary slot {slot} is taken or does not exist")]
    Boundary {
        /// The AIR.
        air: &'static str,
        /// The slot.
        slot: usize,
    },
}
