//! The cut between protocol and arithmetic: what a prover implementation has to do, on whatever hardware.

use std::{any::Any, fmt, str::FromStr, sync::Arc};

use quintet_air::{ColumnData, F, PhaseTwoColumns, Publics, Trace};

use crate::{AirKey, Error, Native, ProofBlinds, Upstream, suite::Point};

/// What a backend wants to keep of an instance between its commitment and its proof, for instance columns on a device.
pub type Resident = Arc<dyn Any + Send + Sync>;

/// Commitments to the first-phase columns of an instance.
#[derive(Clone)]
pub struct PhaseOne {
    /// One point per column.
    pub points: Vec<Point>,
    /// Handed back to the same backend in [`Witness::resident`].
    pub resident: Option<Resident>,
}

impl fmt::Debug for PhaseOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhaseOne").field("points", &self.points).finish_non_exhaustive()
    }
}

/// Everything that one proof is made of.
#[derive(Clone)]
pub struct Witness<'a> {
    /// First-phase columns.
    pub trace: &'a Trace,
    /// What the backend kept when it committed to them, if it did.
    pub resident: Option<&'a Resident>,
    /// Second-phase columns.
    pub second: &'a PhaseTwoColumns,
    /// The instance column.
    pub publics: Publics,
    /// All random scalars.
    pub blinds: ProofBlinds,
}

impl fmt::Debug for Witness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("publics", &self.publics).finish_non_exhaustive()
    }
}

/// A prover. Commitments, transforms, quotient, multi-point opening and folding all lie behind [`Self::prove`]: moving any one of them alone
/// to other hardware does not pay, and a proof is a function of its [`Witness`], so that backends are held against each other byte for byte.
///
/// Rules that every backend keeps:
/// * columns have `2^k` values; those that `trace` and `second` do not state are 0, tail rows included;
/// * the random polynomial of the vanishing argument and S of the opening are 0, so that their commitments are the blind alone;
/// * all other scalars that upstream draws are those of [`ProofBlinds`].
pub trait Backend: fmt::Debug + Send + Sync {
    /// Name, for logs and tables.
    fn name(&self) -> &'static str;

    /// Commits to columns in the Lagrange basis, each with its blind.
    ///
    /// # Errors
    /// If a column is longer than the table, or the hardware fails.
    fn commit(&self, key: &AirKey, columns: &[(&ColumnData, F)]) -> Result<Vec<Point>, Error>;

    /// Commits to the first-phase columns of an instance.
    ///
    /// # Errors
    /// As [`Self::commit`].
    fn commit_phase_one(&self, key: &AirKey, trace: &Trace, blinds: &[F]) -> Result<PhaseOne, Error> {
        let columns: Vec<_> = trace.columns.iter().zip(blinds.iter().copied()).collect();
        Ok(PhaseOne { points: self.commit(key, &columns)?, resident: None })
    }

    /// Makes the proof that upstream's `create_proof` would make of the witness. A witness that breaks a constraint gives a proof that does not
    /// verify, or an error.
    ///
    /// # Errors
    /// If the witness is not of the AIR's shape, or the hardware fails.
    fn prove(&self, key: &AirKey, witness: &Witness<'_>) -> Result<Vec<u8>, Error>;
}

/// Which backend to use, as a person chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendKind {
    /// The fastest that this machine has.
    #[default]
    Auto,
    /// Our prover on CPUs.
    Cpu,
    /// Upstream's prover, the reference.
    Upstream,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Cpu, Self::Upstream];

    /// Name on command lines and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Upstream => "upstream",
        }
    }

    /// Makes the backend.
    pub fn build(self) -> Arc<dyn Backend> {
        match self {
            Self::Auto | Self::Cpu => Arc::new(Native::default()),
            Self::Upstream => Arc::new(Upstream::default()),
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no backend has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no backend {0:?}: there are auto, cpu and upstream")]
pub struct UnknownBackend(String);

impl FromStr for BackendKind {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_chosen_by_the_names_that_they_show() {
        for kind in BackendKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("gpu".parse::<BackendKind>().is_err());
    }
}
