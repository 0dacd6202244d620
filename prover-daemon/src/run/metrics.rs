//! Prometheus metrics of the daemon.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use quintet_gpu::Monitor;
use quintet_machine::AirId;

use super::gpu_metrics::GpuMetrics;

/// Label of phases.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PhaseLabel {
    phase: String,
}

/// Label of AIRs.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AirLabel {
    air: &'static str,
}

/// Label of jobs that are over.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: String,
}

/// All metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Jobs that this prover has a part in at the moment.
    pub(crate) jobs_open: Gauge,
    /// Whether the event stream of a gateway is open.
    pub(crate) gateway_connected: Gauge,
    /// Event streams that were opened.
    pub(crate) event_streams: Counter,
    jobs: Family<OutcomeLabel, Counter>,
    submitted: Family<PhaseLabel, Counter>,
    missed: Family<PhaseLabel, Counter>,
    left_seconds: Family<PhaseLabel, Gauge<f64, std::sync::atomic::AtomicU64>>,
    failed: Family<AirLabel, Counter>,
    commit_seconds: Family<AirLabel, Histogram>,
    prove_seconds: Family<AirLabel, Histogram>,
    earned: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new([0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
}

impl Metrics {
    /// All at zero, with the names of what proves in them.
    pub(crate) fn new(backend: &'static str, threads: usize) -> Self {
        let mut registry = Registry::with_prefix("quintet_prover");
        let labels = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("backend", backend.to_owned()),
            ("threads", threads.to_string()),
        ];
        registry.register("build", "Version, backend and threads", Info::new(labels));
        let mut metrics = Self {
            registry,
            jobs_open: Gauge::default(),
            gateway_connected: Gauge::default(),
            event_streams: Counter::default(),
            jobs: Family::default(),
            submitted: Family::default(),
            missed: Family::default(),
            left_seconds: Family::default(),
            failed: Family::default(),
            commit_seconds: Family::new_with_constructor(seconds),
            prove_seconds: Family::new_with_constructor(seconds),
            earned: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("jobs_open", "Jobs that this prover has a part in now", self.jobs_open.clone());
        registry.register("gateway_connected", "1 while events of a gateway come in", self.gateway_connected.clone());
        let streams = "Event streams of gateways that were opened; all but the first are reconnections";
        registry.register("event_streams", streams, self.event_streams.clone());
        registry.register("jobs", "Jobs that are over, by outcome", self.jobs.clone());
        registry.register("submissions", "Submissions that a gateway took", self.submitted.clone());
        registry.register("missed", "Duties that were not or not fully delivered", self.missed.clone());
        let left = "Time between the last submission and its deadline";
        registry.register_with_unit("submission_left", left, Unit::Seconds, self.left_seconds.clone());
        registry.register("instances_failed", "Instances that could not be committed to or proven", self.failed.clone());
        registry.register_with_unit("commit", "Time to commit to an instance", Unit::Seconds, self.commit_seconds.clone());
        registry.register_with_unit("prove", "Time to prove an instance", Unit::Seconds, self.prove_seconds.clone());
        registry.register("earned", "Ledger entries of jobs that ended since the start, in 1e-9 units", self.earned.clone());
    }

    /// Shows the GPUs of a backend.
    pub(crate) fn show_gpus(&mut self, gpus: Monitor) {
        self.registry.register_collector(Box::new(GpuMetrics(gpus)));
    }

    /// Shows a counter of turns to another gateway, and which one is in use.
    pub(crate) fn show_gateways(&mut self, switches: &Counter, in_use: &Gauge) {
        self.registry.register("gateway_switches", "Times that another gateway was turned to", switches.clone());
        self.registry.register("gateway_in_use", "Which gateway is in use; 0 is the most preferred", in_use.clone());
    }

    /// An instance was committed to.
    pub(crate) fn committed(&self, air: u16, took: Duration) {
        self.commit_seconds.get_or_create(&label(air)).observe(took.as_secs_f64());
    }

    /// An instance was proven.
    pub(crate) fn proven(&self, air: u16, took: Duration) {
        self.prove_seconds.get_or_create(&label(air)).observe(took.as_secs_f64());
    }

    /// An instance could not be committed to or proven.
    pub(crate) fn failed(&self, air: u16) {
        self.failed.get_or_create(&label(air)).inc();
    }

    /// A gateway took a submission, so long before its deadline.
    pub(crate) fn submitted(&self, phase: impl ToString, left: Duration) {
        let phase = PhaseLabel { phase: phase.to_string() };
        self.submitted.get_or_create(&phase).inc();
        self.left_seconds.get_or_create(&phase).set(left.as_secs_f64());
    }

    /// A duty was not or not fully delivered.
    pub(crate) fn missed(&self, phase: impl ToString) {
        self.missed.get_or_create(&PhaseLabel { phase: phase.to_string() }).inc();
    }

    /// A job is over.
    pub(crate) fn over(&self, outcome: &str, earned: i64) {
        self.jobs.get_or_create(&OutcomeLabel { outcome: outcome.to_owned() }).inc();
        self.earned.inc_by(earned);
    }

    /// The text that Prometheus scrapes.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn label(air: u16) -> AirLabel {
    AirLabel { air: AirId::try_from(air).map_or("unknown", AirId::name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_prefix_and_their_unit() {
        let metrics = Metrics::new("cpu", 2);
        metrics.proven(1, Duration::from_millis(300));
        metrics.submitted("T2", Duration::from_secs(3));
        metrics.missed("T1");
        metrics.over("finalized", 450);
        metrics.over("failed", -3);
        let text = metrics.render();
        for line in [
            "quintet_prover_prove_seconds_bucket{le=\"0.5\",air=\"cpu\"} 1",
            "quintet_prover_submissions_total{phase=\"T2\"} 1",
            "quintet_prover_submission_left_seconds{phase=\"T2\"} 3.0",
            "quintet_prover_missed_total{phase=\"T1\"} 1",
            "quintet_prover_jobs_total{outcome=\"failed\"} 1",
            "quintet_prover_earned 447",
            "backend=\"cpu\"",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    /// Every name that dashboards and alerts ask for is one of ours.
    #[test]
    fn dashboards_and_alerts_ask_for_metrics_that_exist() {
        let mut metrics = Metrics::new("cpu", 2);
        metrics.show_gateways(&Counter::default(), &Gauge::default());
        // A family without members is not shown.
        metrics.committed(1, Duration::ZERO);
        metrics.proven(1, Duration::ZERO);
        metrics.failed(1);
        metrics.submitted("T1", Duration::ZERO);
        metrics.missed("T1");
        metrics.over("finalized", 0);
        let text = metrics.render();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/grafana");
        let mut asked = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let content = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for part in content.split("quintet_prover_").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let name = ["_bucket", "_total"].iter().fold(name.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
                assert!(text.contains(&format!("# TYPE quintet_prover_{name} ")), "quintet_prover_{name} is not in\n{text}");
                asked += 1;
            }
        }
        assert!(asked > 5, "{asked}");
    }
}
