//! The forks of the consensus layer whose blocks we can read.

use std::fmt;
use std::str::FromStr;

/// A consensus fork, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fork {
    /// Phase 0: no execution payload.
    Phase0,
    /// Altair: sync committees; no execution payload.
    Altair,
    /// Bellatrix: execution payload (Paris).
    Bellatrix,
    /// Capella: withdrawals (Shanghai).
    Capella,
    /// Deneb: blobs (Cancun).
    Deneb,
    /// Electra: execution requests (Prague).
    Electra,
    /// Fulu: blocks have the form of Electra's (Osaka).
    Fulu,
    /// Gloas: the payload comes in an envelope of its own (Amsterdam).
    Gloas,
}

/// A fork name that is not one of [`Fork::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown consensus fork {0:?}")]
pub struct UnknownFork(pub String);

impl Fork {
    /// All forks, oldest first.
    pub const ALL: [Self; 8] =
        [Self::Phase0, Self::Altair, Self::Bellatrix, Self::Capella, Self::Deneb, Self::Electra, Self::Fulu, Self::Gloas];

    /// The name as the Beacon API spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phase0 => "phase0",
            Self::Altair => "altair",
            Self::Bellatrix => "bellatrix",
            Self::Capella => "capella",
            Self::Deneb => "deneb",
            Self::Electra => "electra",
            Self::Fulu => "fulu",
            Self::Gloas => "gloas",
        }
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fork {
    type Err = UnknownFork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|fork| fork.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownFork(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for fork in Fork::ALL {
            assert_eq!(fork.name().parse::<Fork>(), Ok(fork));
        }
        assert!("heze".parse::<Fork>().is_err());
    }
}
