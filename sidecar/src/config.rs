//! Configuration: a TOML file, overridden by environment, overridden by flags. A wrong value is named with its file and key before anything is opened.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use quintet_types::{Spec, spec::Network};
use serde::Deserialize;

/// The sidecar's configuration file; every key can be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `mainnet`, `hoodi`, `devnet`, or a path to a parameter file.
    pub network: String,
    /// Folder of the store.
    pub data_dir: PathBuf,
    /// Beacon nodes, most preferred first.
    pub beacon_urls: Vec<String>,
    /// Registry file with the provers.
    pub registry: Option<PathBuf>,
    /// Address of the public gateway.
    pub listen: SocketAddr,
    /// Index of our validator.
    pub validator_index: u64,
    /// Threads for planning and verification.
    pub threads: usize,
    /// Folder of the generators; the user's cache if absent.
    pub params_dir: Option<PathBuf>,
    /// Whether to take heads whose payload is not validated yet.
    pub accept_optimistic_heads: bool,
    /// Finalized jobs are forgotten after so many epochs.
    pub retention_epochs: u64,
    /// Most bytes of submissions held for one job.
    pub max_job_bytes: usize,
    /// Largest body of a request.
    pub max_body_bytes: usize,
    /// Submissions that may wait for their signature check.
    pub max_waiting: usize,
    /// Most holes in D that this sidecar fills itself.
    pub max_fill: usize,
    /// `human` or `json`.
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For machines, a line an event.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            network: "mainnet".into(),
            data_dir: "quintet-sidecar-data".into(),
            beacon_urls: vec!["http://127.0.0.1:5052".into()],
            registry: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 5062)),
            validator_index: 0,
            threads: std::thread::available_parallelism().map_or(2, |threads| (threads.get() / 2).max(1)),
            params_dir: None,
            accept_optimistic_heads: false,
            retention_epochs: 64,
            max_job_bytes: 256 << 20,
            max_body_bytes: 16 << 20,
            max_waiting: 1024,
            max_fill: 64,
            log_format: LogFormat::Human,
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Names file and key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }

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

    /// Checks what can be checked before anything is opened.
    ///
    /// # Errors
    /// The first value that cannot work, with its key.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.beacon_urls.is_empty() {
            bail!("beacon_urls is empty: name at least one beacon node");
        }
        if self.registry.is_none() {
            bail!("registry is not set: name the file with the provers (--registry FILE)");
        }
        if self.threads == 0 || self.max_waiting == 0 {
            bail!("threads and max_waiting must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_wrong_values_are_named() {
        let wrong = toml::from_str::<Config>("beacon_url = \"x\"").unwrap_err().to_string();
        assert!(wrong.contains("beacon_url"), "{wrong}");
        let wrong = toml::from_str::<Config>("listen = \"here\"").unwrap_err().to_string();
        assert!(wrong.contains("listen"), "{wrong}");
    }

    #[test]
    fn networks_have_parameters_and_others_are_refused() {
        let config = Config { network: "devnet".into(), ..Config::default() };
        assert_eq!(config.spec().unwrap().config_name, "devnet");
        let config = Config { network: "goerli".into(), ..Config::default() };
        assert!(config.spec().unwrap_err().to_string().contains("neither mainnet, hoodi, devnet nor a file"));
    }
}
