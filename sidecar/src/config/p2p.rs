//! `[p2p]`: other validators' sidecars, with whom phases are closed together.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[p2p]`. Without `validators` and `contract` this sidecar is alone and closes phases by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct P2p {
    pub validators: Option<PathBuf>,
    pub contract: bool,
    pub signer: Option<PathBuf>,
    pub listen: Vec<String>,
    pub peers: Vec<String>,
    pub bootnodes: Vec<String>,
    pub quic: bool,
    pub process_bytes: u64,
    pub first_slot: u64,
}

impl P2p {
    /// Whether phases are closed together with others.
    pub const fn is_joint(&self) -> bool {
        self.validators.is_some() || self.contract
    }

    /// What can be said before anything is opened.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.is_joint() && *self != Self::default() {
            return Err((
                "p2p.validators",
                "not set, and neither is p2p.contract: name the file with the validators that take part, or take them from the contract".into(),
            ));
        }
        if self.validators.is_some() && self.contract {
            return Err(("p2p.contract", "set beside p2p.validators: validators come from a file or from the contract".into()));
        }
        if self.is_joint() && self.listen.is_empty() && self.peers.is_empty() && self.bootnodes.is_empty() {
            return Err((
                "p2p.listen",
                "not set, and neither are p2p.peers nor p2p.bootnodes: how should others be reached?".into(),
            ));
        }
        for (key, list) in [("p2p.listen", &self.listen), ("p2p.peers", &self.peers), ("p2p.bootnodes", &self.bootnodes)] {
            if let Some(wrong) = list.iter().find(|address| address.parse::<quintet_gossip::Multiaddr>().is_err()) {
                return Err((key, format!("{wrong} is no address such as /ip4/192.0.2.1/tcp/9100")));
            }
        }
        Ok(())
    }
}
