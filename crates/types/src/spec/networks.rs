//! The networks whose parameter files are part of the programs.

use std::fmt;
use std::str::FromStr;

use super::Spec;
use crate::TypesError;

/// A network with a built-in parameter file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// Ethereum mainnet.
    Mainnet,
    /// The Hoodi test network.
    Hoodi,
    /// A local network, embedded or of one's own nodes.
    Devnet,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mainnet, Self::Hoodi, Self::Devnet];

    /// The parameter file, as in `configs/networks`.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Mainnet => include_str!("../../../../configs/networks/mainnet.toml"),
            Self::Hoodi => include_str!("../../../../configs/networks/hoodi.toml"),
            Self::Devnet => include_str!("../../../../configs/networks/devnet.toml"),
        }
    }

    /// The parameters.
    ///
    /// # Panics
    /// Never: a test reads each built-in file.
    pub fn spec(self) -> Spec {
        Spec::from_toml(self.file()).expect("built-in parameter files are read by a test")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mainnet => "mainnet",
            Self::Hoodi => "hoodi",
            Self::Devnet => "devnet",
        })
    }
}

impl FromStr for Network {
    type Err = TypesError;

    fn from_str(text: &str) -> Result<Self, TypesError> {
        Self::ALL
            .into_iter()
            .find(|network| network.to_string() == text)
            .ok_or_else(|| TypesError::Spec(format!("no network {text:?}; known: mainnet, hoodi, devnet")))
    }
}
