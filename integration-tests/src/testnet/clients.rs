//! Which programs make up a chain, with their arguments.

use std::{path::Path, time::Duration};

use super::{
    packages::{Package, root},
    process::{Program, free_port, shown},
};

/// A chain of real clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Lodestar 1.5.1, with eight validators, over EthereumJS: Capella from genesis, no RANDAO route.
    Capella,
    /// A block driver on Lodestar's libraries over EthereumJS: Electra, then Fulu from epoch 1.
    Fulu,
}

impl std::str::FromStr for Chain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "capella" => Ok(Self::Capella),
            "fulu" => Ok(Self::Fulu),
            _ => Err(format!("{text:?} is neither capella nor fulu")),
        }
    }
}

impl Chain {
    /// What it needs from npm.
    #[must_use]
    pub const fn packages(self) -> &'static [Package] {
        match self {
            Self::Capella => &[Package::EthereumJs, Package::Lodestar],
            Self::Fulu => &[Package::EthereumJs, Package::Driver],
        }
    }

    const fn genesis(self) -> &'static str {
        match self {
            Self::Capella => "shanghai.json",
            Self::Fulu => "prague.json",
        }
    }
}

/// Addresses of one chain's servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) rpc: u16,
    engine: u16,
    execution_peers: u16,
    pub(super) beacon: u16,
    consensus_peers: u16,
}

impl Ports {
    pub(super) fn free() -> anyhow::Result<Self> {
        Ok(Self {
            rpc: free_port()?,
            engine: free_port()?,
            execution_peers: free_port()?,
            beacon: free_port()?,
            consensus_peers: free_port()?,
        })
    }
}

pub(super) fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// EthereumJS.
pub(super) fn execution(chain: Chain, dir: &Path, ports: &Ports) -> Program {
    let flag = |name: &str, value: String| [format!("--{name}"), value];
    let package = Package::EthereumJs;
    let mut arguments = vec![shown(&package.dir().join("node_modules/.bin/ethereumjs"))];
    // Receipts and logs are not kept by default.
    arguments.extend(["--rpc", "--rpcEngine", "--isSingleNode", "--saveReceipts"].map(str::to_owned));
    for (name, value) in [
        ("gethGenesis", shown(&root().join("genesis").join(chain.genesis()))),
        ("dataDir", shown(&dir.join("execution"))),
        ("rpcAddr", "127.0.0.1".into()),
        ("rpcPort", ports.rpc.to_string()),
        ("rpcEngineAddr", "127.0.0.1".into()),
        ("rpcEnginePort", ports.engine.to_string()),
        ("jwtSecret", shown(&jwt_file(dir))),
        ("discDns", "false".into()),
        ("discV4", "false".into()),
        ("port", ports.execution_peers.to_string()),
        ("extIP", "127.0.0.1".into()),
        ("maxPeers", "0".into()),
    ] {
        arguments.extend(flag(name, value));
    }
    Program {
        name: "EthereumJS".into(),
        path: package.runtime(),
        arguments,
        environment: Vec::new(),
        in_time: true,
        log: dir.join("execution.log"),
    }
}

/// Lodestar or the block driver.
pub(super) fn consensus(chain: Chain, dir: &Path, ports: &Ports, slot: Duration, execution_genesis: &str) -> Program {
    let package = if chain == Chain::Capella { Package::Lodestar } else { Package::Driver };
    let (mut arguments, mut environment) = match chain {
        Chain::Capella => lodestar(dir, ports, slot, execution_genesis),
        Chain::Fulu => driver(dir, ports, slot),
    };
    environment.push(("LODESTAR_PRESET".to_owned(), "minimal".to_owned()));
    let script = match chain {
        Chain::Capella => "node_modules/.bin/lodestar",
        Chain::Fulu => "src/main.mjs",
    };
    arguments.insert(0, shown(&package.dir().join(script)));
    Program {
        name: if chain == Chain::Capella { "Lodestar".into() } else { "the block driver".into() },
        path: package.runtime(),
        arguments,
        environment,
        in_time: true,
        log: dir.join("consensus.log"),
    }
}

pub(super) fn jwt_file(dir: &Path) -> std::path::PathBuf {
    dir.join("jwt.hex")
}

/// The folder whose file `forge` tells the driver to lie.
pub(super) fn driver_data(dir: &Path) -> std::path::PathBuf {
    dir.join("consensus")
}

type Arguments = (Vec<String>, Vec<(String, String)>);

fn lodestar(dir: &Path, ports: &Ports, slot: Duration, execution_genesis: &str) -> Arguments {
    let mut arguments = vec!["dev".to_owned(), "--rest".to_owned()];
    for (name, value) in [
        ("genesisValidators", "8".to_owned()),
        ("startValidators", "0..7".into()),
        ("genesisEth1Hash", execution_genesis.into()),
        ("dataDir", shown(&dir.join("consensus"))),
        ("rest.namespace", "*".into()),
        ("rest.port", ports.beacon.to_string()),
        ("server", local(ports.beacon)),
        ("listenAddress", "127.0.0.1".into()),
        ("port", ports.consensus_peers.to_string()),
        ("discv5", "false".into()),
        ("execution.urls", local(ports.engine)),
        ("jwt-secret", shown(&jwt_file(dir))),
        ("terminal-total-difficulty-override", "0".into()),
        ("suggestedFeeRecipient", format!("0x{:0>40}", "fe")),
        ("params.SECONDS_PER_SLOT", slot.as_secs().to_string()),
        ("params.ALTAIR_FORK_EPOCH", "0".into()),
        ("params.BELLATRIX_FORK_EPOCH", "0".into()),
        ("params.CAPELLA_FORK_EPOCH", "0".into()),
    ] {
        arguments.extend([format!("--{name}"), value]);
    }
    // In the environment, so that it also reaches worker threads.
    let options = format!("--require {}", shown(&Package::Lodestar.dir().join("compat.cjs")));
    (arguments, vec![("NODE_OPTIONS".to_owned(), options)])
}

fn driver(dir: &Path, ports: &Ports, slot: Duration) -> Arguments {
    let mut arguments = Vec::new();
    for (name, value) in [
        ("engine", local(ports.engine)),
        ("execution", local(ports.rpc)),
        ("jwt-secret", shown(&jwt_file(dir))),
        ("port", ports.beacon.to_string()),
        ("slot-ms", slot.as_millis().to_string()),
        ("data", shown(&driver_data(dir))),
    ] {
        arguments.extend([format!("--{name}"), value]);
    }
    (arguments, Vec::new())
}
