//! Prometheus metrics.

mod agreement;
mod gossip;

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use agreement::{AgreementMetrics, ReasonLabels};
pub use gossip::GossipMetrics;

/// Labels of submissions.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct SubmissionLabels {
    /// The phase.
    pub phase: String,
    /// `accepted`, `repeated`, or the reason of the refusal.
    pub result: String,
}

/// Labels of requests.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// `GET`, `POST`.
    pub method: String,
    /// The route, e.g. `/v1/jobs/{id}`; `none` for paths that are none.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
}

/// Label of what is counted by its outcome alone.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OutcomeLabels {
    /// `ok`, or what went wrong.
    pub result: String,
}

/// All metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Slot of the head.
    pub head_slot: Gauge,
    /// Reorgs seen.
    pub reorgs: Counter,
    /// RANDAO mixes that two sources gave differently.
    pub randao_mismatches: Counter,
    /// Submissions by phase and result.
    pub submissions: Family<SubmissionLabels, Counter>,
    /// Time to execute and plan a job.
    pub plan_seconds: Histogram,
    /// Time to verify one submission's proofs.
    pub verify_seconds: Histogram,
    /// Signatures that shared an equation.
    pub signature_batch: Histogram,
    /// Answers by route and status.
    pub http_requests: Family<RequestLabels, Counter>,
    /// Time to the head of an answer.
    pub http_request_seconds: Histogram,
    /// Open event streams.
    pub event_streams: Gauge,
    /// Submissions that wait for their signature check.
    pub waiting: Gauge,
    /// Bytes of bodies that are held.
    pub body_memory_bytes: Gauge,
    /// Jobs that are kept.
    pub jobs: Gauge,
    /// Bytes of accepted submissions that are kept.
    pub submission_bytes: Gauge,
    /// Bytes of the process in memory.
    pub resident_memory_bytes: Gauge,
    /// Unix seconds up to which the staking contracts are known.
    pub staking_known_seconds: Gauge,
    /// Provers that ever registered.
    pub staking_provers: Gauge,
    /// Looks at the staking contracts by outcome.
    pub staking_polls: Family<OutcomeLabels, Counter>,
    /// Blocks without a job because it was not known who could be drawn.
    pub blocks_without_registry: Gauge,
    /// Latest settlement that was made of the ledger.
    pub settlements_built: Gauge,
    /// Settlements that the contract has as they are here.
    pub settlements_posted: Gauge,
    /// Settlements that the contract has otherwise.
    pub settlements_differ: Gauge,
    /// Attempts at posting a settlement by outcome.
    pub settlement_posts: Family<OutcomeLabels, Counter>,
    /// Of the agreement with other validators.
    pub agreement: AgreementMetrics,
    /// Of the network of sidecars.
    pub gossip: GossipMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("quintet_sidecar");
        let seconds = || Histogram::new([0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let head_slot = gauge("head_slot", "Slot of the head");
        let event_streams = gauge("event_streams", "Open event streams");
        let waiting = gauge("waiting_submissions", "Submissions that wait for their signature check");
        let body_memory_bytes = gauge("body_memory_bytes", "Bytes of bodies that are held until they are decided");
        let jobs = gauge("jobs", "Jobs that are kept");
        let submission_bytes = gauge("submission_bytes", "Bytes of accepted submissions that are kept");
        let resident_memory_bytes = gauge("resident_memory_bytes", "Bytes of the process in memory");
        let staking_known_seconds = gauge("staking_known_seconds", "Unix time up to which the staking contracts are known");
        let staking_provers = gauge("staking_provers", "Provers that ever registered");
        let blocks_without_registry =
            gauge("blocks_without_registry", "Blocks without a job because it was not known who could be drawn");
        let settlements_built = gauge("settlements_built", "Latest settlement that was made of the ledger");
        let settlements_posted = gauge("settlements_posted", "Settlements that the contract has as they are here");
        let settlements_differ = gauge("settlements_differ", "Settlements that the contract has otherwise");
        let (staking_polls, settlement_posts): (Family<OutcomeLabels, Counter>, Family<OutcomeLabels, Counter>) =
            Default::default();
        registry.register("staking_polls", "Looks at the staking contracts by outcome", staking_polls.clone());
        registry.register("settlement_posts", "Attempts at posting a settlement by outcome", settlement_posts.clone());
        let (reorgs, randao_mismatches) = (Counter::default(), Counter::default());
        registry.register("reorgs", "Reorgs seen", reorgs.clone());
        registry.register("randao_mismatches", "RANDAO mixes that two sources gave differently", randao_mismatches.clone());
        let submissions: Family<SubmissionLabels, Counter> = Family::default();
        registry.register("submissions", "Submissions by phase and result", submissions.clone());
        let http_requests: Family<RequestLabels, Counter> = Family::default();
        registry.register("http_requests", "Answers by route and status", http_requests.clone());
        let (plan_seconds, verify_seconds, http_request_seconds) = (seconds(), seconds(), seconds());
        registry.register("plan_seconds", "Time to execute and plan a job", plan_seconds.clone());
        registry.register("verify_seconds", "Time to verify the proofs of one submission", verify_seconds.clone());
        registry.register("http_request_seconds", "Time to the head of an answer", http_request_seconds.clone());
        let signature_batch = Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        registry.register("signature_batch", "Signatures that shared an equation", signature_batch.clone());
        let (agreement, gossip) = (AgreementMetrics::register(&mut registry), GossipMetrics::default());
        registry.register_collector(Box::new(gossip.clone()));
        Self {
            registry: Arc::new(registry),
            head_slot,
            reorgs,
            randao_mismatches,
            submissions,
            plan_seconds,
            verify_seconds,
            signature_batch,
            http_requests,
            http_request_seconds,
            event_streams,
            waiting,
            body_memory_bytes,
            jobs,
            submission_bytes,
            resident_memory_bytes,
            staking_known_seconds,
            staking_provers,
            staking_polls,
            blocks_without_registry,
            settlements_built,
            settlements_posted,
            settlements_differ,
            settlement_posts,
            agreement,
            gossip,
        }
    }
}

impl Metrics {
    /// Counts a submission.
    pub fn submission(&self, phase: impl ToString, result: &str) {
        let labels = SubmissionLabels { phase: phase.to_string(), result: result.to_owned() };
        self.submissions.get_or_create(&labels).inc();
    }

    /// Counts a look at the staking contracts.
    pub fn staking_poll(&self, result: &str) {
        self.staking_polls.get_or_create(&OutcomeLabels { result: result.to_owned() }).inc();
    }

    /// Counts an attempt at posting a settlement.
    pub fn settlement_post(&self, result: &str) {
        self.settlement_posts.get_or_create(&OutcomeLabels { result: result.to_owned() }).inc();
    }

    /// Counts a request.
    pub fn request(&self, method: &str, path: &str, status: u16, time: Duration) {
        // Methods are the client's to choose; labels are not.
        let method = if matches!(method, "GET" | "POST" | "HEAD") { method } else { "other" };
        let labels = RequestLabels { method: method.to_owned(), path: path.to_owned(), status };
        self.http_requests.get_or_create(&labels).inc();
        self.http_request_seconds.observe(time.as_secs_f64());
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that dashboards and alerts ask for is one of ours.
    #[test]
    fn dashboards_and_alerts_ask_for_metrics_that_exist() {
        let metrics = Metrics::default();
        // A family without members is not shown.
        metrics.submission("T1", "accepted");
        metrics.request("GET", "/", 200, Duration::ZERO);
        metrics.agreement.objections.get_or_create(&ReasonLabels { reason: "late" }).inc();
        assert!(!metrics.render().contains("gossip_"), "a sidecar alone has no network");
        metrics.gossip.show(&Arc::default());
        let text = metrics.render();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/grafana");
        let mut asked = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let content = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for part in content.split("quintet_sidecar_").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let name = ["_bucket", "_total"].iter().fold(name.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
                assert!(text.contains(&format!("# TYPE quintet_sidecar_{name} ")), "quintet_sidecar_{name} is not in\n{text}");
                asked += 1;
            }
        }
        assert!(asked > 5, "{asked}");
    }
}
