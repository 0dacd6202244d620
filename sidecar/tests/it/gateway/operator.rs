//! Commands for whoever runs a sidecar: questions to a running one, `doctor`, completions and man pages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quintet_devnet::{Clock, Devnet, DevnetConfig};
use quintet_types::Slot;
use serde_json::Value;

use super::{
    cli::{program, run, setup, with},
    fixture::{Gateway, config},
};

/// Runs a command against `gateway` and gives what it printed; it must succeed.
async fn ask(gateway: &Gateway, arguments: &[&str]) -> String {
    let url = gateway.url("");
    let arguments: Vec<String> = arguments.iter().copied().chain(["--gateway", &url]).map(str::to_owned).collect();
    let done = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&arguments)
    });
    let (good, text, error) = done.await.unwrap();
    assert!(good, "{error}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_sidecar_answers_questions_for_people_and_for_programs() {
    let (gateway, job) = Gateway::with_job(config()).await;
    let id = job.to_string();
    assert!(ask(&gateway, &["status"]).await.contains("devnet, validator 3"));
    let jobs = ask(&gateway, &["jobs"]).await;
    assert!(jobs.contains(&id) && jobs.contains("t1"), "{jobs}");
    assert!(ask(&gateway, &["job", &id]).await.contains("T1"), "phases are shown");
    assert!(ask(&gateway, &["provers"]).await.contains(&gateway.keys[11].public_key().to_string()));
    assert!(ask(&gateway, &["rewards"]).await.contains("ledger root 0x"));

    let json = async |arguments: &[&str]| {
        let text = ask(&gateway, &[arguments, &["--json"]].concat()).await;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(json(&["status"]).await["open"][0]["id"], id.as_str());
    assert_eq!(json(&["jobs", "--state", "t1"]).await["data"][0]["id"], id.as_str());
    assert_eq!(json(&["jobs", "--state", "finalized"]).await["data"], Value::Array(Vec::new()));
    assert_eq!(json(&["job", &id]).await["state"], "t1");
    assert_eq!(json(&["provers"]).await.as_array().unwrap().len(), 12);
    assert!(json(&["rewards", "--job", &id]).await.is_array());
    gateway.stop.cancel();
}

#[test]
fn a_gateway_that_is_not_there_is_named() {
    let (good, _, error) = run(&["status", "--gateway", "http://127.0.0.1:9"]);
    assert!(!good && error.contains("is the sidecar running?") && error.contains("127.0.0.1:9"), "{error}");
}

/// A chain with slots of a second, one of which is over.
async fn devnet() -> Devnet {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let chain = DevnetConfig {
        clock: Clock::Real,
        slot_duration: Duration::from_secs(1),
        genesis_time: now - 1,
        validators: 8,
        txs_per_block: 1,
        ..DevnetConfig::default()
    };
    let devnet = Devnet::start(chain).await.unwrap();
    devnet.reached(Slot(1)).await;
    devnet
}

/// The findings of `doctor --json`, and whether its exit status was 0.
fn findings(arguments: &[&str]) -> (bool, Value) {
    let (good, text, error) = run(&[arguments, &["--json"]].concat());
    (good, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{error}")))
}

fn standing<'a>(report: &'a Value, check: &str) -> Vec<&'a str> {
    let of = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check);
    of.map(|finding| finding["standing"].as_str().unwrap()).collect()
}

#[test]
fn doctor_says_what_is_wrong_and_how_to_mend_it_and_changes_nothing() {
    let (folder, flags) = setup();
    let (good, report) = findings(&with(&["doctor"], &flags, &[]));
    assert!(!good && report["worst"] == "bad", "the beacon node is not there");
    assert_eq!(standing(&report, "config"), ["good"], "{report}");
    assert_eq!(standing(&report, "registry"), ["good"], "{report}");
    assert_eq!(standing(&report, "beacon node"), ["bad"], "{report}");
    assert!(
        report["findings"].as_array().unwrap().iter().all(|f| f["standing"] == "good" || f["mend"].is_string()),
        "{report}"
    );
    assert!(!folder.path().join("data").exists(), "nothing was made");

    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let registry = folder.path().join("few.toml");
    std::fs::write(&registry, "").unwrap();
    let cert = folder.path().join("cert.pem");
    std::fs::write(&cert, "nothing").unwrap();
    let (registry, cert) = (registry.to_str().unwrap(), cert.to_str().unwrap());
    let changed = ["--listen", &address, "--registry", registry, "--tls-cert", cert, "--tls-key", cert];
    let (_, report) = findings(&with(&["doctor"], &flags, &changed));
    assert!(standing(&report, "port").contains(&"bad"), "{report}");
    assert_eq!(standing(&report, "registry"), ["warning"], "{report}");
    assert_eq!(standing(&report, "tls"), ["bad"], "{report}");

    let (good, report) = findings(&with(&["doctor"], &flags, &["--set", "limits.stream=1"]));
    assert!(!good && report["findings"][0]["found"].as_str().unwrap().contains("did you mean \"limits.streams\"?"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_is_content_with_a_sidecar_that_can_start() {
    let devnet = devnet().await;
    let (folder, mut flags) = setup();
    flags.retain(|flag| !flag.starts_with("--beacon-url"));
    flags.extend([format!("--beacon-url={}", devnet.url()), format!("--params-dir={}", folder.path().display())]);
    let done = tokio::task::spawn_blocking(move || program().arg("doctor").args(&flags).output().unwrap());
    let output = done.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("0 to mend") && text.contains("quintet-devnet/"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_a_handful_of_things_a_slot_each_an_object_of_its_own() {
    const SLOTS: u64 = 6;
    let devnet = devnet().await;
    let (folder, mut flags) = setup();
    flags.retain(|flag| !flag.starts_with("--beacon-url"));
    flags.extend([
        format!("--beacon-url={}", devnet.url()),
        format!("--params-dir={}", folder.path().display()),
        "--log-format=json".into(),
    ]);
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut child = program().arg("run").args(&flags).stderr(file).spawn().unwrap();
    let lines = || std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect::<Vec<String>>();
    let ready = async {
        while !lines().iter().any(|line| line.contains("\"ready\"")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ready).await.expect("the sidecar gets ready");
    let (first, before) = (devnet.head().0.0, lines().len());
    devnet.reached(Slot(first + SLOTS)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = lines();
    // The last line may be cut off.
    for line in &lines[..lines.len() - 1] {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
    let a_slot = (lines.len() - before) as u64 / SLOTS;
    assert!(a_slot <= 5, "{a_slot} lines a slot:\n{}", lines.join("\n"));
}

#[test]
fn completions_and_man_pages_come_out_of_the_program() {
    let (good, text, _) = run(&["completions", "bash"]);
    assert!(good && text.contains("quintet-sidecar"));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man");
    assert!(run(&["man", dir.to_str().unwrap()]).0);
    assert!(dir.join("quintet-sidecar-doctor.1").is_file() && dir.join("quintet-sidecar-db-backup.1").is_file());
}
