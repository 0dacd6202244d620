//! Configuration: a TOML file, overridden by environment, overridden by flags. A wrong value is named with its file and key before anything is opened.

mod keys;
mod layers;
mod p2p;
mod render;
mod staking;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use quintet_node::LogFormat;
use quintet_types::{Spec, spec::Network};
use serde::{Deserialize, Serialize};

pub use keys::{KEYS, Key};
pub use layers::{Layers, Source};
pub use p2p::P2p;
pub use render::{markdown, to_toml};
pub use staking::Staking;

use crate::net::Cidr;

/// The sidecar's configuration; every key can be left out. `keys.rs` says what each means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Config {
    pub network: String,
    pub data_dir: PathBuf,
    pub beacon_urls: Vec<String>,
    pub registry: Option<PathBuf>,
    pub validator_index: u64,
    pub params_dir: Option<PathBuf>,
    pub accept_optimistic_heads: bool,
    pub retention_epochs: u64,
    pub log_format: LogFormat,
    pub gateway: Gateway,
    pub admin: Admin,
    pub staking: Staking,
    pub p2p: P2p,
    pub limits: Limits,
}

/// `[gateway]`: the public listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Gateway {
    pub listen: SocketAddr,
    pub trusted_proxies: Vec<Cidr>,
    pub header_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub drain_timeout_ms: u64,
    pub tls: Tls,
}

/// `[gateway.tls]`: certificate and key; both or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Tls {
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// `[admin]`: the listener for operators.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Admin {
    pub listen: Option<SocketAddr>,
    pub allow_remote: bool,
}

/// `[limits]`: what the sidecar may use at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented once, in KEYS")]
pub struct Limits {
    pub threads: usize,
    pub runtime_threads: usize,
    pub connections: usize,
    pub connections_per_address: usize,
    pub streams: usize,
    pub streams_per_address: usize,
    pub requests_per_second: u32,
    pub requests_burst: u32,
    pub submissions_per_second: u32,
    pub submissions_burst: u32,
    pub commitments_bytes: usize,
    pub partial_proofs_bytes: usize,
    pub full_proof_bytes: usize,
    pub body_memory_bytes: usize,
    pub waiting: usize,
    pub job_bytes: usize,
    pub submissions_bytes: usize,
    pub store_cache_bytes: u64,
    pub fill: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            network: "mainnet".into(),
            data_dir: "quintet-sidecar-data".into(),
            beacon_urls: vec!["http://127.0.0.1:5052".into()],
            registry: None,
            validator_index: 0,
            params_dir: None,
            accept_optimistic_heads: false,
            retention_epochs: 64,
            log_format: LogFormat::Human,
            gateway: Gateway::default(),
            admin: Admin::default(),
            staking: Staking::default(),
            p2p: P2p::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5062)),
            trusted_proxies: Vec::new(),
            // Longer than a slot, so that a client that asks once a slot keeps its connection.
            header_timeout_ms: 15_000,
            request_timeout_ms: 30_000,
            write_timeout_ms: 20_000,
            drain_timeout_ms: 10_000,
            tls: Tls::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 0,
            runtime_threads: 2,
            connections: 1024,
            connections_per_address: 128,
            streams: 512,
            streams_per_address: 32,
            requests_per_second: 100,
            requests_burst: 500,
            submissions_per_second: 2,
            submissions_burst: 20,
            commitments_bytes: 8 << 20,
            partial_proofs_bytes: 16 << 20,
            full_proof_bytes: 8 << 20,
            body_memory_bytes: 256 << 20,
            waiting: 1024,
            job_bytes: 256 << 20,
            submissions_bytes: 1 << 30,
            store_cache_bytes: 64 << 20,
            fill: 64,
        }
    }
}

impl Limits {
    /// Threads for planning and verification, with 0 resolved.
    pub fn effective_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |threads| (threads.get() / 2).max(1)),
            threads => threads,
        }
    }
}

impl Config {
    /// The network's parameters.
    ///
    /// # Errors
    /// If the network is unknown or its file cannot be read.
    pub fn spec(&self) -> anyhow::Result<Spec> {
        if let Ok(network) = self.network.parse::<Network>() {
            return Ok(network.spec());
        }
        let path = Path::new(&self.network);
        if !path.exists() {
            bail!("network {:?} is neither mainnet, hoodi, devnet nor a file", self.network);
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let spec = Spec::from_toml(&text).with_context(|| format!("in {}", path.display()))?;
        spec.check().with_context(|| format!("in {}", path.display()))?;
        Ok(spec)
    }

    /// Address of the admin listener: as configured, or the port after the gateway's on this machine only.
    pub fn admin_listen(&self) -> SocketAddr {
        let port = match self.gateway.listen.port() {
            0 | u16::MAX => 0,
            port => port + 1,
        };
        self.admin.listen.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// What can be said before anything is opened: the key that cannot be as it is, and why.
    ///
    /// # Errors
    /// The first such key.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |key, reason: &str| Err((key, reason.to_owned()));
        if let Err(error) = self.spec() {
            return Err(("network", format!("{error:#}")));
        }
        if self.beacon_urls.is_empty() {
            return wrong("beacon_urls", "name at least one beacon node");
        }
        match (&self.registry, self.staking.is_set()) {
            (None, false) => {
                return wrong(
                    "registry",
                    "not set: name the file with the provers (--registry FILE), or the contracts in [staking]",
                );
            }
            (Some(_), true) => {
                return wrong("registry", "provers come from a file or from the contracts of [staking], and both are named");
            }
            _ => self.staking.check()?,
        }
        self.p2p.check()?;
        if self.p2p.contract && !self.staking.is_set() {
            return wrong("p2p.contract", "set, but staking.validator_set is not: which contract?");
        }
        match (&self.gateway.tls.cert, &self.gateway.tls.key) {
            (Some(_), None) => return wrong("gateway.tls.key", "not set, but gateway.tls.cert is: TLS needs both"),
            (None, Some(_)) => return wrong("gateway.tls.cert", "not set, but gateway.tls.key is: TLS needs both"),
            _ => {}
        }
        let admin = self.admin_listen();
        if !admin.ip().is_loopback() && !self.admin.allow_remote {
            return wrong(
                "admin.listen",
                &format!(
                    "{admin} can be reached from other machines, and whoever reaches it can stop the sidecar; \
                     set admin.allow_remote if that is meant"
                ),
            );
        }
        if admin == self.gateway.listen && admin.port() != 0 {
            return wrong("admin.listen", &format!("{admin} is the gateway's own address"));
        }
        let limits = &self.limits;
        let at_least_one = [
            ("gateway.header_timeout_ms", self.gateway.header_timeout_ms),
            ("gateway.request_timeout_ms", self.gateway.request_timeout_ms),
            ("gateway.write_timeout_ms", self.gateway.write_timeout_ms),
            ("limits.runtime_threads", limits.runtime_threads as u64),
            ("limits.connections", limits.connections as u64),
            ("limits.connections_per_address", limits.connections_per_address as u64),
            ("limits.requests_per_second", limits.requests_per_second.into()),
            ("limits.requests_burst", limits.requests_burst.into()),
            ("limits.submissions_per_second", limits.submissions_per_second.into()),
            ("limits.submissions_burst", limits.submissions_burst.into()),
            ("limits.waiting", limits.waiting as u64),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return wrong(key, "must be at least 1");
            }
        }
        let largest = limits.commitments_bytes.max(limits.partial_proofs_bytes).max(limits.full_proof_bytes);
        if limits.body_memory_bytes < 2 * largest {
            return wrong("limits.body_memory_bytes", &format!("a single body may take twice {largest} bytes"));
        }
        if limits.submissions_bytes < limits.job_bytes {
            return wrong("limits.submissions_bytes", "less than limits.job_bytes");
        }
        if limits.body_memory_bytes >> 10 > u32::MAX as usize {
            return wrong("limits.body_memory_bytes", "more than 4 TiB");
        }
        Ok(())
    }
}

/// Milliseconds of the configuration as a duration.
pub const fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Config {
        Config { registry: Some("provers.toml".into()), ..Config::default() }
    }

    #[test]
    fn the_defaults_lack_nothing_but_a_registry() {
        assert_eq!(Config::default().check().unwrap_err().0, "registry");
        assert_eq!(valid().check(), Ok(()));
    }

    #[test]
    fn values_that_cannot_work_are_named_by_their_key() {
        let wrong = |change: &dyn Fn(&mut Config)| {
            let mut config = valid();
            change(&mut config);
            config.check().unwrap_err().0
        };
        assert_eq!(wrong(&|c| c.network = "goerli".into()), "network");
        assert_eq!(wrong(&|c| c.beacon_urls.clear()), "beacon_urls");
        assert_eq!(wrong(&|c| c.staking.settlement = Some(Default::default())), "registry", "one or the other");
        assert_eq!(wrong(&|c| c.gateway.tls.cert = Some("c".into())), "gateway.tls.key");
        assert_eq!(wrong(&|c| c.gateway.tls.key = Some("k".into())), "gateway.tls.cert");
        assert_eq!(wrong(&|c| c.limits.waiting = 0), "limits.waiting");
        assert_eq!(wrong(&|c| c.limits.body_memory_bytes = 5), "limits.body_memory_bytes");
        assert_eq!(wrong(&|c| c.admin.listen = Some(c.gateway.listen)), "admin.listen");
    }

    #[test]
    fn the_admin_listener_stays_on_this_machine_unless_told_otherwise() {
        let mut config = valid();
        config.gateway.listen = "0.0.0.0:7000".parse().unwrap();
        assert_eq!(config.admin_listen(), "127.0.0.1:7001".parse().unwrap());
        config.admin.listen = Some("0.0.0.0:7001".parse().unwrap());
        assert_eq!(config.check().unwrap_err().0, "admin.listen");
        config.admin.allow_remote = true;
        assert_eq!(config.check(), Ok(()));
    }
}
