//! `quintet-sidecar doctor`: everything that has to be right before and while the sidecar runs, and how to mend what is not.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use quintet_api::GatewayClient;
use quintet_doctor::{
    Finding, Report, address, beacon, certificate,
    clock::{self, now_ms, sure_skew_ms},
    disk::{self, GIB, Need},
    files,
};
use quintet_node::spec_root;
use quintet_plonk::ParamsCache;
use quintet_sidecar::{
    config::{Config, KEYS},
    db,
    net::TlsFiles,
    registry::RegistryFile,
};
use quintet_store::{Report as StoreReport, StoreError, inspect};
use quintet_types::Spec;

use super::settings::Settings;

/// How long a gateway may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Files beside connections: the store's, listeners, connections to beacon nodes.
const OTHER_FILES: u64 = 256;

/// Check configuration, files, addresses, clock, beacon nodes and gateway, and say how to mend what is wrong. Exit status 1 if something is.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    settings: Settings,
    /// Address under which provers reach the gateway from outside, e.g. https://prove.example.org; checked with its certificate.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(self.examine()).print(self.json)?)
    }

    async fn examine(&self) -> Report {
        let mut report = Report::default();
        let (config, finding) = configuration(&self.settings);
        report.add(finding);
        let Some(config) = config else { return report };
        let spec = config.spec().ok();
        report.extend(registry(&config, spec.as_ref()));
        report.extend(tls(&config));
        let data = Need { what: "store", key: "data_dir", bytes: 2 * config.limits.submissions_bytes as u64 + GIB };
        report.add(disk::folder(&config.data_dir, data));
        report.add(params(&config));
        report.add(files::open_files(config.limits.connections as u64 + OTHER_FILES));
        report.add(threads(&config));
        let running = store(&config);
        let is_running = matches!(running, Some(StoreState::Running(_)));
        report.extend(running.map(StoreState::finding));
        if is_running {
            if config.gateway.tls.cert.is_none() {
                report.extend(gateway(&format!("http://{}", local(&config)), spec.as_ref()).await);
            }
        } else {
            let stop = "stop what listens there";
            report.add(address::free("gateway", "gateway.listen", config.gateway.listen, stop).await);
            report.add(address::free("admin listener", "admin.listen", config.admin_listen(), stop).await);
        }
        if let Some(url) = &self.public_url {
            report.extend(gateway(url, spec.as_ref()).await);
        }
        if let Some(spec) = &spec {
            for url in &config.beacon_urls {
                report.extend(beacon::node(url, spec).await);
            }
        }
        report
    }
}

/// The configuration as far as it can be read, and whether it is good.
fn configuration(settings: &Settings) -> (Option<Config>, Finding) {
    let bad = |error: anyhow::Error| {
        let mend = "`quintet-sidecar config keys` lists the keys, `config print` what is in force and where it is from";
        Finding::bad("config", format!("{error:#}"), mend)
    };
    let layers = match settings.layers() {
        Ok(layers) => layers,
        Err(error) => return (None, bad(error)),
    };
    match (layers.config(), layers.unchecked()) {
        (Ok(config), _) => {
            let set = KEYS.iter().filter(|key| layers.source(key.path).to_string() != "default").count();
            let found = format!("network {}, {set} of {} keys set", config.network, KEYS.len());
            (Some(config), Finding::good("config", found))
        }
        (Err(error), config) => (config.ok(), bad(error)),
    }
}

fn registry(config: &Config, spec: Option<&Spec>) -> Vec<Finding> {
    // That it is not set, the configuration's finding says.
    let Some(path) = &config.registry else { return Vec::new() };
    let shown = path.display();
    if let Err(error) = RegistryFile::read(path) {
        let mend = "a file of [[prover]] tables with `pubkey` is expected (docs/start/lighthouse.md)";
        return vec![Finding::bad("registry", error.to_string(), mend)];
    }
    let table = std::fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let provers = table.and_then(|table| table.get("prover")?.as_array().map(Vec::len)).unwrap_or(0);
    let needed = spec.map_or(4, |spec| 2 * spec.min_provers as usize);
    let found = format!("{shown}: {provers} provers");
    vec![if provers < needed {
        let mend = format!("add provers: a job takes half of the free ones, so {needed} are the fewest that serve one");
        Finding::warning("registry", found, mend)
    } else {
        Finding::good("registry", found)
    }]
}

fn tls(config: &Config) -> Vec<Finding> {
    let (Some(cert), Some(key)) = (&config.gateway.tls.cert, &config.gateway.tls.key) else {
        let listen = config.gateway.listen;
        if listen.ip().is_loopback() || !config.gateway.trusted_proxies.is_empty() {
            return Vec::new();
        }
        let mend = "set gateway.tls.cert and gateway.tls.key, or put a proxy in front and name it in gateway.trusted_proxies";
        return vec![Finding::warning("tls", format!("the gateway speaks plain HTTP on {listen}"), mend)];
    };
    let mut findings = vec![match TlsFiles::read(cert, key) {
        Ok(_) => Finding::good("tls", format!("{} and {} go together", cert.display(), key.display())),
        Err(error) => Finding::bad("tls", error.to_string(), "PEM files are expected: the whole chain, and its private key"),
    }];
    findings.extend(certificate::file(cert, now_ms()));
    findings.extend(files::secret("private key", key));
    findings
}

fn params(config: &Config) -> Finding {
    match config.params_dir.clone().or_else(ParamsCache::default_folder) {
        Some(folder) => disk::folder(&folder, Need { what: "generators", key: "params_dir", bytes: GIB }),
        None => Finding::bad("disk", "generators: neither HOME nor XDG_CACHE_HOME is set", "set params_dir to a folder"),
    }
}

fn threads(config: &Config) -> Finding {
    let (threads, cores) = (config.limits.effective_threads(), std::thread::available_parallelism().map_or(1, usize::from));
    let found = format!("{threads} of {cores} cores plan and verify");
    if threads > cores {
        return Finding::warning("processor", found, "set limits.threads to 0 (half of the cores) or to what this machine has");
    }
    Finding::good("processor", found)
}

/// What the store says of itself.
enum StoreState {
    /// A sidecar has it.
    Running(String),
    /// It can be read.
    Whole(StoreReport),
    /// It cannot.
    Broken(StoreError),
}

impl StoreState {
    fn finding(self) -> Finding {
        match self {
            Self::Running(holder) => Finding::good("store", format!("in use: a sidecar runs with it ({holder})")),
            Self::Whole(report) if report.version.is_some_and(|version| version > db::SCHEMA.version) => {
                let found =
                    format!("written by a newer program: schema {:?}, this one knows {}", report.version, db::SCHEMA.version);
                Finding::bad("store", found, "run the newer program, or restore a backup from before the upgrade")
            }
            Self::Whole(report) => Finding::good("store", format!("whole, {} MiB", report.disk_bytes >> 20)),
            Self::Broken(error) => {
                let mend = "`quintet-sidecar db inspect` says more; `db restore` makes a data folder from a backup (docs/operations.md)";
                Finding::bad("store", error.to_string(), mend)
            }
        }
    }
}

/// Nothing if there is no store yet.
fn store(config: &Config) -> Option<StoreState> {
    // Not opened as `run` does, which would migrate it.
    match inspect(&config.data_dir.join("store")) {
        Ok(report) => Some(StoreState::Whole(report)),
        Err(StoreError::Locked { holder, .. }) => Some(StoreState::Running(holder)),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => Some(StoreState::Broken(error)),
    }
}

/// Where a listener on all addresses is reached from here.
fn local(config: &Config) -> std::net::SocketAddr {
    let mut address = config.gateway.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// Whether a gateway answers, is on our network and well.
async fn gateway(url: &str, spec: Option<&Spec>) -> Vec<Finding> {
    let client = match GatewayClient::new(url, TIMEOUT) {
        Ok(client) => client,
        Err(error) => return vec![Finding::bad("gateway", error.to_string(), "write it as http://HOST:PORT or https://HOST")],
    };
    let asked = now_ms();
    let identity = match client.identity().await {
        Ok(identity) => identity,
        Err(error) => {
            let mend = "look at the sidecar's log, the firewall, the proxy in front and, for https, the certificate: `curl -v URL/v1/node/health`";
            return vec![Finding::bad("gateway", quintet_doctor::causes(&error), mend)];
        }
    };
    let answered = now_ms();
    let mut findings = Vec::new();
    let whole = spec.filter(|spec| spec.genesis_time != 0).map(spec_root);
    findings.push(match whole {
        Some(root) if root != identity.spec_root => {
            let found = format!("{url} has other parameters than this configuration: {}", identity.network);
            Finding::bad("gateway", found, "restart the sidecar with this configuration, or name the right address")
        }
        _ if !client.is_healthy().await => {
            let mend = "`curl URL/v1/node/health` says which of beacon node, its chain and store it is; the checks above and below say more";
            Finding::bad("gateway", format!("{url} answers, and is not well"), mend)
        }
        _ => Finding::good("gateway", format!("{url} answers, {}, validator {}", identity.network, identity.validator_index)),
    });
    findings.push(clock::judge(sure_skew_ms(identity.now_ms, Duration::ZERO, asked, answered), url));
    findings
}
