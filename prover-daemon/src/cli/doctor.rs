//! `quintet-prover doctor`: everything that has to be right before and while the daemon runs, and how to mend what is not.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use quintet_api::{GatewayClient, Identity, ProverStatus};
use quintet_doctor::{
    Finding, Report, address, beacon,
    clock::{self, now_ms, sure_skew_ms},
    disk::{self, GIB, Need},
    files,
};
use quintet_keys::{KeyLock, Keystore, KeystoreError, Password, lock_path};
use quintet_node::spec_root;
use quintet_plonk::ParamsCache;
use quintet_proving::Guest;
use quintet_types::{PublicKeyBytes, Spec, spec::Network};

use super::{
    backend::BackendFlag,
    run::{check_known_network, default_data_dir, protection_dir},
    status::ask_daemon,
};
use crate::protection::{Protection, ProtectionError, exists};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Check key, protection record, gateways, beacon nodes, clock, disk and addresses, and say how to mend what is wrong. Exit status 1 if
/// something is. Takes what `run` takes; what is not given is not looked at.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Gateways, as for `run`.
    #[arg(long = "gateway", value_name = "URL", env = "QUINTET_GATEWAYS", value_delimiter = ',')]
    gateways: Vec<String>,
    /// Keystore with the stake key.
    #[arg(long, value_name = "KEYSTORE", env = "QUINTET_STAKE_KEY")]
    stake_key: Option<PathBuf>,
    /// File with the keystore's password, in its first line.
    #[arg(long, value_name = "FILE", env = "QUINTET_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Our own beacon nodes, as for `run`.
    #[arg(long = "beacon-url", value_name = "URL", env = "QUINTET_BEACON_URLS", value_delimiter = ',')]
    beacon_urls: Vec<String>,
    /// Address of `/metrics` and `/status`, as for `run`.
    #[arg(long, value_name = "ADDRESS", env = "QUINTET_METRICS")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    backend: BackendFlag,
    /// Folder of the generators.
    #[arg(long, value_name = "DIR", env = "QUINTET_PARAMS_DIR")]
    params_dir: Option<PathBuf>,
    /// Folder of the protection record.
    #[arg(long, value_name = "DIR", default_value_os_t = default_data_dir(), env = "QUINTET_DATA_DIR")]
    data_dir: PathBuf,
    /// The network that gateways have to be on.
    #[arg(long, env = "QUINTET_NETWORK")]
    network: Option<String>,
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
        let (key, findings) = self.key();
        report.extend(findings);
        let mut spec = self.network.as_ref().and_then(|name| name.parse::<Network>().ok()).map(Network::spec);
        let mut worked = false;
        if self.gateways.is_empty() {
            let mend = "name one with --gateway; it is the `gateway.listen` of a sidecar";
            report.add(Finding::warning("gateway", "none given", mend));
        }
        for url in &self.gateways {
            let (theirs, mut findings) = self.gateway(url).await;
            if let (Some(_), Some(key)) = (&theirs, &key) {
                let (finding, has_history) = standing(url, key).await;
                findings.push(finding);
                worked |= has_history;
            }
            report.extend(findings);
            spec = spec.or(theirs);
        }
        report.extend(key.map(|key| self.record(key, worked)));
        match &spec {
            Some(spec) => {
                for url in &self.beacon_urls {
                    report.extend(beacon::node(url, spec).await);
                }
            }
            None if !self.beacon_urls.is_empty() => {
                let mend = "name the network with --network, or a gateway that answers";
                report.add(Finding::warning("beacon node", "not looked at: no network to compare with", mend));
            }
            None => {}
        }
        report.add(disk::folder(&self.data_dir, Need { what: "protection record", key: "--data-dir", bytes: GIB }));
        report.add(match self.params_dir.clone().or_else(ParamsCache::default_folder) {
            Some(folder) => disk::folder(&folder, Need { what: "generators", key: "--params-dir", bytes: GIB }),
            None => {
                Finding::bad("disk", "generators: neither HOME nor XDG_CACHE_HOME is set", "name a folder with --params-dir")
            }
        });
        if let Some(metrics) = self.metrics {
            report.add(listener(metrics).await);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mend = "`quintet-prover bench` says how many instances these cores take on";
        let list = "`quintet-prover devices` lists what there is";
        let backend = match self.backend.open() {
            Ok(chosen) => {
                match (chosen.monitor, chosen.warning) {
                    (_, None) => {}
                    // A machine without a GPU is as it should be; an idle GPU is not.
                    (None, Some(found)) => report.add(Finding::good("GPU", found)),
                    (Some(_), Some(found)) => report.add(Finding::warning("GPU", found, list)),
                }
                chosen.backend.name()
            }
            Err(error) => {
                report.add(Finding::bad("GPU", format!("{error:#}"), list));
                "none"
            }
        };
        let found = format!("{cores} cores, backend {backend}");
        report.add(if cores < 4 { Finding::warning("processor", found, mend) } else { Finding::good("processor", found) });
        report
    }

    /// The stake key: readable, private, ours to unlock.
    fn key(&self) -> (Option<PublicKeyBytes>, Vec<Finding>) {
        let Some(path) = &self.stake_key else {
            let mend =
                "name the keystore with --stake-key; `quintet-prover key list` shows those you have, `key new` makes one";
            return (None, vec![Finding::warning("keys", "no stake key given", mend)]);
        };
        let keystore = match Keystore::read(path) {
            Ok(keystore) => keystore,
            Err(error) => {
                let mend = "name a readable EIP-2335 keystore: `quintet-prover key list` shows those you have";
                return (None, vec![Finding::bad("keys", error.to_string(), mend)]);
            }
        };
        let mut findings = Vec::from_iter(files::secret("keystore", path));
        let mut key = keystore.public_key().copied();
        if let Some(file) = &self.password_file {
            findings.extend(files::secret("password file", file));
            let opened = Password::from_file(file).and_then(|password| keystore.decrypt(&password));
            match opened {
                Ok(secret) => {
                    key = Some(secret.public_key());
                    findings.push(Finding::good("keys", format!("{} opens with its password", path.display())));
                }
                Err(error) => {
                    let mend = "the password stands in the first line of --password-file, in the encoding it was made with";
                    findings.push(Finding::bad("keys", error.to_string(), mend));
                }
            }
        } else {
            let mend = "name the file with --password-file, as `run` needs it";
            findings.push(Finding::warning("keys", format!("{} was not opened: no password", path.display()), mend));
        }
        // Let go of at once; a daemon that starts in this instant waits for it.
        findings.push(match KeyLock::acquire(&lock_path(path)) {
            Ok(_) => Finding::good("keys", "no process uses the key on this machine"),
            Err(KeystoreError::InUse { holder, .. }) => Finding::good("keys", format!("in use by {holder}")),
            Err(error) => {
                let mend = "give the keystore's folder to the user that runs the daemon; the lock lies beside the keystore";
                Finding::bad("keys", error.to_string(), mend)
            }
        });
        (key.map(Into::into), findings)
    }

    /// The record of what the key has signed. `worked`: a gateway knows past duties of this key.
    fn record(&self, key: PublicKeyBytes, worked: bool) -> Finding {
        let base = protection_dir(&self.data_dir);
        if !exists(&base, &key) {
            let found = format!("no record of {key} in {}", base.display());
            let mend = "bring it from where the key ran: `quintet-prover protection export` there, `protection import` here. Without it a \
                        second body can be signed, which is slashed";
            return if worked {
                Finding::bad("protection", format!("{found}, and a gateway knows past duties of this key"), mend)
            } else {
                Finding::good("protection", format!("{found}: right for a key that never ran"))
            };
        }
        let audited = Protection::open(&base, key).and_then(|record| Ok((record.audit()?, record.floor())));
        match audited {
            Ok((count, floor)) => {
                Finding::good("protection", format!("{count} signed submissions, whole; nothing is signed before slot {floor}"))
            }
            Err(ProtectionError::File(KeystoreError::InUse { holder, .. })) => {
                Finding::good("protection", format!("in use by {holder}"))
            }
            Err(error) => {
                let mend = "put the file back from a backup, or move it away only if you are sure that its job is long over: what is not \
                            on record can be signed twice";
                Finding::bad("protection", error.to_string(), mend)
            }
        }
    }

    /// Whether a gateway is one to work for. Gives its parameters.
    async fn gateway(&self, url: &str) -> (Option<Spec>, Vec<Finding>) {
        let client = match GatewayClient::new(url, TIMEOUT) {
            Ok(client) => client,
            Err(error) => {
                return (
                    None,
                    vec![Finding::bad("gateway", error.to_string(), "write it as http://HOST:PORT or https://HOST")],
                );
            }
        };
        let asked = now_ms();
        let identity = client.identity().await;
        let answered = now_ms();
        let met = match identity {
            Ok(identity) => client.spec().await.map(|spec| (identity, spec)),
            Err(error) => Err(error),
        };
        let (identity, spec) = match met {
            Ok(met) => met,
            Err(error) => {
                let mend = "ask whose gateway it is whether the sidecar runs and the firewall lets you in; for https, look at the \
                            certificate: `curl -v URL/v1/node/health`";
                return (None, vec![Finding::bad("gateway", quintet_doctor::causes(&error), mend)]);
            }
        };
        let mut findings = vec![self.fit(url, &identity, &spec)];
        if !client.is_healthy().await {
            let mend = "its owner has to look: the sidecar's beacon node is away or syncs";
            findings.push(Finding::warning("gateway", format!("{url} answers, and is not well"), mend));
        }
        findings.push(clock::judge(sure_skew_ms(identity.now_ms, Duration::ZERO, asked, answered), url));
        (Some(spec), findings)
    }

    fn fit(&self, url: &str, identity: &Identity, spec: &Spec) -> Finding {
        let wrong = |found: String, mend: &str| Finding::bad("network", format!("{url}: {found}"), mend);
        let versions = "run versions of sidecar and prover that belong together";
        if let Ok(guest) = Guest::payload()
            && guest.hash != identity.program_hash
        {
            return wrong(format!("proves the program {}, this one has {}", identity.program_hash, guest.hash), versions);
        }
        if identity.spec_root != spec_root(spec) {
            return wrong("its parameters have another root than it says".to_owned(), versions);
        }
        if let Some(wanted) = self.network.as_ref().filter(|wanted| **wanted != spec.config_name) {
            return wrong(format!("is on {}, not on {wanted}", spec.config_name), "name another gateway, or set --network");
        }
        match check_known_network(spec) {
            Ok(()) => Finding::good("network", format!("{url}: {}, validator {}", spec.config_name, identity.validator_index)),
            Err(error) => wrong(error.to_string(), "name another gateway; this one follows rules of its own"),
        }
    }
}

/// What a gateway makes of the prover, and whether it has worked before.
async fn standing(url: &str, key: &PublicKeyBytes) -> (Finding, bool) {
    let detail = match GatewayClient::new(url, TIMEOUT) {
        Ok(client) => client.prover(key).await,
        Err(error) => Err(error),
    };
    let detail = match detail {
        Ok(detail) => detail,
        Err(error) if error.status() == Some(404) => {
            let mend = "stake the key, or have it added to the sidecar's registry; a new entry counts after five epochs";
            return (Finding::bad("prover", format!("{url} does not know {key}"), mend), false);
        }
        Err(error) => {
            return (Finding::warning("prover", error.to_string(), "try again; the gateway answered before"), false);
        }
    };
    let worked = !detail.history.is_empty();
    let weight = detail.prover.weight as f64 / 65_536.0;
    let found =
        format!("{url} has prover {} as {:?}, weight {weight:.3}", detail.prover.index, detail.prover.status).to_lowercase();
    let finding = match detail.prover.status {
        ProverStatus::Active | ProverStatus::Busy => Finding::good("prover", found),
        ProverStatus::Pending => Finding::warning("prover", found, "wait: a new entry counts after five epochs"),
        ProverStatus::Paused => Finding::warning("prover", found, "unpause it to be drawn again"),
        ProverStatus::Exiting => Finding::warning("prover", found, "keep the daemon running until its last job is over"),
        ProverStatus::Underfunded => Finding::bad("prover", found, "add stake: below the minimum it is never drawn"),
    };
    (finding, worked)
}

/// The daemon's own address: free, or ours already.
async fn listener(address: SocketAddr) -> Finding {
    match ask_daemon(&format!("http://{address}")).await {
        Ok(snapshot) => Finding::good("port", format!("a daemon of {} runs on {address}", snapshot.prover)),
        Err(_) => address::free("metrics", "--metrics", address, "stop what listens there").await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use quintet_doctor::Standing;
    use quintet_keys::{KdfCost, KeystoreDir, NewKey};

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        doctor: Doctor,
    }

    fn examined(arguments: &[&str]) -> Report {
        let program = Program::parse_from([&["doctor"][..], arguments].concat());
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(program.doctor.examine())
    }

    fn of(report: &Report, check: &str) -> Vec<Standing> {
        report.findings().iter().filter(|finding| finding.check == check).map(|finding| finding.standing).collect()
    }

    #[test]
    fn key_password_record_and_gateway_are_looked_at_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let password = Password::new("right");
        let new = NewKey { password: &password, cost: KdfCost::DEVNET, description: None };
        let info = KeystoreDir::open(folder.path()).unwrap().create(new).unwrap();
        let key = info.file.to_str().unwrap();
        std::fs::write(path("right"), "right\n").unwrap();
        std::fs::write(path("wrong"), "wrong\n").unwrap();
        let (data, right, wrong) = (path("data"), path("right"), path("wrong"));
        let base = ["--stake-key", key, "--data-dir", &data, "--params-dir", &data, "--gateway", "http://127.0.0.1:9"];
        let with = |password: &str| examined(&[&base[..], &["--password-file", password]].concat());

        let report = with(&right);
        // The password file is readable for others, which is said and no more.
        assert_eq!(of(&report, "keys"), [Standing::Warning, Standing::Good, Standing::Good], "{report}");
        assert_eq!(
            (of(&report, "gateway"), of(&report, "protection")),
            (vec![Standing::Bad], vec![Standing::Good]),
            "{report}"
        );
        assert!(!folder.path().join("data").exists(), "nothing was made");
        assert!(of(&with(&wrong), "keys").contains(&Standing::Bad));

        let held = KeyLock::acquire(&lock_path(&info.file)).unwrap();
        let report = with(&right);
        assert!(report.to_string().contains(&format!("in use by process {}", std::process::id())), "{report}");
        drop(held);

        let record = Protection::open(&protection_dir(folder.path().join("data").as_path()), info.public_key.into()).unwrap();
        assert!(with(&right).to_string().contains("protection    in use by process"));
        drop(record);
        let report = with(&right);
        assert!(report.to_string().contains("0 signed submissions, whole"), "{report}");
    }

    #[test]
    fn a_record_that_is_missing_is_bad_only_for_a_key_that_has_worked() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::parse_from(["doctor", "--data-dir", folder.path().to_str().unwrap()]);
        let standing = |worked| program.doctor.record(PublicKeyBytes::repeat_byte(1), worked).standing;
        assert_eq!((standing(false), standing(true)), (Standing::Good, Standing::Bad));
    }
}
