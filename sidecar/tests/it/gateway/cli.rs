//! The program as a user meets it: wrong flags, wrong files, taken ports, signals, and the store's tools.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use quintet_sidecar::db;
use quintet_store::{Options, Store};

use super::{
    fixture::{core, keys},
    tls::{answers, write_pair},
};

pub(super) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quintet-sidecar"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

pub(super) fn run(arguments: &[&str]) -> (bool, String, String) {
    let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

fn refusal(arguments: &[&str]) -> String {
    let (good, _, error) = run(arguments);
    assert!(!good, "{arguments:?}");
    error
}

/// A folder with a registry, and the flags of a sidecar whose beacon node is not there.
pub(super) fn setup() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("provers.toml");
    let lines: String = keys().iter().map(|key| format!("[[prover]]\npubkey = \"{}\"\n", key.public_key())).collect();
    std::fs::write(&registry, lines).unwrap();
    let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
    let mut flags = vec![flag("registry", &registry), flag("data-dir", &folder.path().join("data"))];
    let rest = ["--network=devnet", "--listen=127.0.0.1:0", "--beacon-url=http://127.0.0.1:9"];
    flags.extend(rest.map(str::to_owned));
    (folder, flags)
}

pub(super) fn with<'a>(first: &[&'a str], flags: &'a [String], last: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(flags.iter().map(String::as_str)).chain(last.iter().copied()).collect()
}

/// As `… | head -0`, but sure: nobody reads from the start.
#[test]
fn a_reader_that_has_gone_is_no_panic() {
    for arguments in
        [&["openapi"][..], &["config", "keys"], &["config", "print", "--network=devnet"], &["completions", "bash"], &["--help"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let Output { status, stderr, .. } = program().args(arguments).stdout(writer).output().unwrap();
        let error = String::from_utf8(stderr).unwrap();
        assert!(status.success() && error.is_empty(), "{arguments:?}: {status}: {error}");
    }
}

#[test]
fn wrong_configuration_is_named_before_anything_is_opened() {
    let (folder, flags) = setup();
    let error = |last: &[&str]| refusal(&with(&["run"], &flags, last));
    assert!(error(&["--listen", "here"]).contains("--listen: gateway.listen: "));
    assert!(error(&["--threads", "many"]).contains("--threads: limits.threads: \"many\" is no integer"));
    assert!(error(&["--network", "goerli"]).contains("--network: network: network \"goerli\" is neither"));
    assert!(error(&["--set", "limits.stream=1"]).contains("did you mean \"limits.streams\"?"));
    assert!(error(&["--admin-listen", "0.0.0.0:1"]).contains("admin.allow_remote"));
    assert!(error(&["--tls-cert", "c.pem"]).contains("gateway.tls.key: not set"));
    assert!(error(&["--no-such-flag"]).contains("--no-such-flag"));

    let file = folder.path().join("sidecar.toml");
    std::fs::write(&file, "beacon_url = []\n").unwrap();
    let shown = error(&["--config", file.to_str().unwrap()]);
    assert!(shown.contains("sidecar.toml: there is no key \"beacon_url\"; did you mean \"beacon_urls\"?"), "{shown}");
    let bad = program().args(with(&["run"], &flags, &[])).env("QUINTET_LIMITS_WAITING", "0").output().unwrap();
    assert!(String::from_utf8(bad.stderr).unwrap().contains("QUINTET_LIMITS_WAITING: limits.waiting: must be at least 1"));
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn files_and_addresses_that_cannot_be_had_are_named() {
    let (folder, flags) = setup();
    let error = |last: &[&str]| refusal(&with(&["run"], &flags, last));
    let cert = folder.path().join("cert.pem");
    std::fs::write(&cert, "nothing").unwrap();
    let cert = cert.to_str().unwrap();
    assert!(error(&["--tls-cert", cert, "--tls-key", cert]).contains("cert.pem: no certificate in it"));
    assert!(error(&["--registry", "/nonexistent/provers.toml"]).contains("/nonexistent/provers.toml: "));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let shown = error(&["--listen", &address]);
    assert!(shown.contains(&format!("listening on {address}: Address already in use")), "{shown}");
    let shown = error(&["--admin-listen", &address]);
    assert!(shown.contains("admin listener") && shown.contains("Address already in use"), "{shown}");

    // A folder that cannot be made: there is a file in its place (permissions do not hold root back).
    let shown = error(&["--data-dir", cert]);
    assert!(shown.contains(cert), "{shown}");

    // In use by another.
    let store = Store::open(&folder.path().join("other/store"), &db::SCHEMA, &Options::default()).unwrap();
    let other = folder.path().join("other");
    assert!(error(&["--data-dir", other.to_str().unwrap()]).contains(&format!("in use by process {}", std::process::id())));
    let shown = refusal(&["db", "inspect", "--data-dir", other.to_str().unwrap()]);
    assert!(shown.contains("stop the sidecar first") && shown.contains("/admin/v1/db"), "{shown}");
    drop(store);
}

#[test]
fn config_check_and_print_say_what_is_in_force() {
    let (folder, flags) = setup();
    let (good, text, error) = run(&with(&["config", "check"], &flags, &[]));
    assert!(good && text.contains("good: network devnet, 12 provers"), "{text}{error}");
    assert!(!folder.path().join("data").exists());
    assert!(refusal(&["config", "check"]).contains("default: registry: not set"));
    let (good, text, _) = run(&with(&["config", "print"], &flags, &["--set", "limits.streams=5"]));
    assert!(good && text.contains("QUINTET_LIMITS_STREAMS (from --set)\nstreams = 5\n"), "{text}");
    let printed = folder.path().join("printed.toml");
    std::fs::write(&printed, &text).unwrap();
    let (good, again, error) = run(&["config", "print", "--config", printed.to_str().unwrap()]);
    let plain = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert!(good, "{error}");
    assert_eq!(plain(&again), plain(&text));
    assert!(run(&["config", "keys"]).1.contains("gateway.tls.cert"));
    assert!(run(&["openapi"]).1.contains("/v1/jobs") && run(&["openapi", "--admin"]).1.contains("/admin/v1/shutdown"));
}

/// A sidecar that waits for its beacon node, with the addresses of its listeners.
struct Running {
    child: Child,
    gateway: String,
    admin: String,
}

impl Running {
    fn start(flags: &[String]) -> Self {
        let mut child = program().arg("run").args(flags).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut gateway, mut admin) = (None, None);
        let mut lines = lines.map_while(Result::ok);
        for line in lines.by_ref() {
            let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
            match address {
                Some(address) if line.contains("admin") => admin = Some(address),
                Some(address) => gateway = Some(address),
                None => {}
            }
            if gateway.is_some() && admin.is_some() {
                break;
            }
        }
        // What it logs from here on has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, gateway: gateway.expect("it has a gateway"), admin: admin.expect("it has an admin listener") }
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    fn ended(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().unwrap();
        panic!("it does not end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_beacon_node_is_there_it_says_so_and_ends_when_asked() {
    let (_folder, flags) = setup();
    for end in ["INT", "TERM", "admin"] {
        let mut running = Running::start(&flags);
        let health = reqwest::get(format!("http://{}/v1/node/health", running.gateway)).await.unwrap();
        assert_eq!((health.status().as_u16(), health.headers().contains_key("retry-after")), (503, true));
        assert!(health.text().await.unwrap().contains("waiting for a beacon node"));
        assert_eq!(reqwest::get(format!("http://{}/health", running.admin)).await.unwrap().status(), 200);
        running.signal("HUP");
        let config = reqwest::get(format!("http://{}/admin/v1/config", running.admin)).await.unwrap();
        assert!(config.text().await.unwrap().contains("from --network"), "a hang-up does not end it");
        if end == "admin" {
            let url = format!("http://{}/admin/v1/shutdown", running.admin);
            assert_eq!(reqwest::Client::new().post(url).send().await.unwrap().status(), 200);
        } else {
            running.signal(end);
        }
        assert!(running.ended(), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_makes_it_read_its_certificate_again() {
    let (folder, mut flags) = setup();
    let first = write_pair(folder.path());
    flags.extend(["cert", "key"].map(|name| format!("--tls-{name}={}/{name}.pem", folder.path().display())));
    let mut running = Running::start(&flags);
    let port: u16 = running.gateway.rsplit(':').next().unwrap().parse().unwrap();
    assert!(answers(port, &first).await);
    let second = write_pair(folder.path());
    assert!(!answers(port, &second).await, "files alone change nothing");
    running.signal("HUP");
    let started = Instant::now();
    while !answers(port, &second).await {
        assert!(started.elapsed() < Duration::from_secs(20), "the new certificate is never served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!answers(port, &first).await);
    running.signal("TERM");
    assert!(running.ended());
}

#[test]
fn the_store_is_inspected_pruned_backed_up_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    {
        let core = core(&data, quintet_types::spec::Network::Devnet.spec(), &keys());
        let id = quintet_types::JobId::new(quintet_types::Slot(5), quintet_types::Root::repeat_byte(1));
        let key = (5, id.block_root.0, 0, 0);
        core.store().put(&db::JOBS, &key, &vec![1]).unwrap();
        core.store().put(&db::JOBS, &(9, [2; 32], 0, 0), &vec![1]).unwrap();
        core.store().put(&db::SUBMISSIONS, &(id.root().0, 1, [3; 48]), &vec![1; 9]).unwrap();
        core.store().put(&db::INPUTS, &id.block_root.0, &vec![4]).unwrap();
    }
    let data_dir = data.to_str().unwrap();
    let db = |arguments: &[&str]| {
        let (good, text, error) = run(&[&["db", "--data-dir", data_dir], arguments].concat());
        assert!(good, "{error}");
        text
    };
    let table = db(&["inspect"]);
    assert!(table.contains("store of quintet-sidecar, schema version 1,") && table.contains("submissions"), "{table}");
    let view: quintet_api::StoreView = serde_json::from_str(&db(&["inspect", "--json"])).unwrap();
    let entries =
        |view: &quintet_api::StoreView, name: &str| view.tables.iter().find(|t| t.name == name).map_or(0, |t| t.entries);
    assert_eq!((entries(&view, "jobs"), entries(&view, "submissions"), entries(&view, "inputs")), (2, 1, 1));

    let file = folder.path().join("copy.backup");
    let file = file.to_str().unwrap();
    let text = db(&["backup", file]);
    assert!(text.starts_with(&format!("written to {file}: ")) && text.contains(" entries, "), "{text}");
    let summary: quintet_api::Backup = serde_json::from_str(&db(&["verify", file, "--json"])).unwrap();
    assert!(summary.entries >= 4 && summary.bytes > 100);

    assert_eq!(db(&["prune", "--before-slot", "6"]), "1 jobs before slot 6 removed, with 1 submissions\n");
    let view: quintet_api::StoreView = serde_json::from_str(&db(&["inspect", "--json"])).unwrap();
    assert_eq!((entries(&view, "jobs"), entries(&view, "submissions"), entries(&view, "inputs")), (1, 0, 0));

    let other = folder.path().join("restored");
    let other = other.to_str().unwrap();
    let (good, text, error) = run(&["db", "--data-dir", other, "restore", file]);
    assert!(good && text.starts_with("restored from"), "{error}");
    let (_, text, _) = run(&["db", "--data-dir", other, "inspect", "--json"]);
    assert_eq!(entries(&serde_json::from_str(&text).unwrap(), "jobs"), 2);
    assert!(refusal(&["db", "--data-dir", data_dir, "restore", file]).contains("exists already"));
    assert!(refusal(&["db", "--data-dir", folder.path().to_str().unwrap(), "inspect"]).contains("no store at"));
}

#[test]
fn records_of_another_version_are_migrated_or_refused() {
    use quintet_store::{Batch, Migration, Schema, StoreError};
    /// As a later version might do it: job records get a byte in front.
    fn widen(store: &Store, batch: &mut Batch) -> Result<(), StoreError> {
        for entry in store.range(&db::JOBS, ..) {
            let (key, record) = entry?;
            batch.put(&db::JOBS, &key, &[&[2], &record[..]].concat());
        }
        Ok(())
    }
    let later = Schema {
        version: db::SCHEMA.version + 1,
        migrations: &[Migration { from: 1, description: "test", run: widen }],
        ..db::SCHEMA
    };
    assert_eq!(db::SCHEMA.version, 1, "a new version needs its migration from each older one here");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let key = (5, [1; 32], 0, 0);
    Store::open(&path, &db::SCHEMA, &Options::default()).unwrap().put(&db::JOBS, &key, &vec![1]).unwrap();
    let migrated = Store::open(&path, &later, &Options::default()).unwrap();
    assert_eq!(migrated.get(&db::JOBS, &key).unwrap(), Some(vec![2, 1]));
    drop(migrated);
    let shown = refusal(&["db", "--data-dir", folder.path().to_str().unwrap(), "prune", "--before-slot", "1"]);
    assert!(shown.contains("has schema version 2, this program knows 1 at most"), "{shown}");
    assert!(run(&["db", "--data-dir", folder.path().to_str().unwrap(), "inspect"]).1.contains("schema version 2"));
}
