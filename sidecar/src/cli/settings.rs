//! Flags that set configuration; they win over environment and file.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use quintet_sidecar::config::Layers;

/// Where the configuration is from. Every key has an environment variable (`quintet-sidecar config keys`), the common ones a flag.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Configuration file (TOML); environment and flags win over it.
    #[arg(long, value_name = "FILE", env = "QUINTET_CONFIG")]
    config: Option<PathBuf>,
    /// mainnet, hoodi, devnet, or a parameter file.
    #[arg(long)]
    network: Option<String>,
    /// Folder of the store.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Beacon node, e.g. http://127.0.0.1:5052; repeat for fail-over.
    #[arg(long = "beacon-url", value_name = "URL", value_delimiter = ',')]
    beacon_urls: Vec<String>,
    /// Registry file with the provers.
    #[arg(long, value_name = "FILE")]
    registry: Option<String>,
    /// Address of the public gateway.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address of metrics and administration.
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Certificate chain of the gateway, PEM.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// Private key of the gateway, PEM.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Index of our validator.
    #[arg(long, value_name = "INDEX")]
    validator_index: Option<String>,
    /// Threads that plan and verify.
    #[arg(long, value_name = "NUMBER")]
    threads: Option<String>,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR")]
    params_dir: Option<String>,
    /// Take heads whose payload the node has not validated yet.
    #[arg(long)]
    accept_optimistic_heads: bool,
    /// human or json.
    #[arg(long, value_name = "FORM")]
    log_format: Option<String>,
    /// Any key: limits.streams=64; repeat for more.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    /// File, environment and flags on top of each other.
    pub(crate) fn layers(&self) -> anyhow::Result<Layers> {
        let mut layers = Layers::default();
        if let Some(file) = &self.config {
            layers.file(file)?;
        }
        layers.environment(|name| std::env::var(name).ok())?;
        let beacon_urls = (!self.beacon_urls.is_empty()).then(|| self.beacon_urls.join(","));
        let optimistic = self.accept_optimistic_heads.then(|| "true".to_owned());
        let flags = [
            ("--network", "network", &self.network),
            ("--data-dir", "data_dir", &self.data_dir),
            ("--beacon-url", "beacon_urls", &beacon_urls),
            ("--registry", "registry", &self.registry),
            ("--listen", "gateway.listen", &self.listen),
            ("--admin-listen", "admin.listen", &self.admin_listen),
            ("--tls-cert", "gateway.tls.cert", &self.tls_cert),
            ("--tls-key", "gateway.tls.key", &self.tls_key),
            ("--validator-index", "validator_index", &self.validator_index),
            ("--threads", "limits.threads", &self.threads),
            ("--params-dir", "params_dir", &self.params_dir),
            ("--accept-optimistic-heads", "accept_optimistic_heads", &optimistic),
            ("--log-format", "log_format", &self.log_format),
        ];
        for (flag, path, value) in flags {
            if let Some(value) = value {
                layers.flag(flag, path, value)?;
            }
        }
        for pair in &self.set {
            let (path, value) = pair.split_once('=').ok_or_else(|| anyhow!("--set {pair}: expected KEY=VALUE"))?;
            layers.flag("--set", path.trim(), value.trim()).context("see quintet-sidecar config keys")?;
        }
        Ok(layers)
    }
}
