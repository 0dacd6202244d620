//! Prometheus metrics.

use std::sync::Arc;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Labels of submissions.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct SubmissionLabels {
    /// The phase.
    pub phase: String,
    /// `accepted`, `repeated`, or the reason of the refusal.
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
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("quintet_sidecar");
        let seconds = || Histogram::new([0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        let metrics = (Gauge::default(), Counter::default(), Counter::default(), Family::default(), seconds(), seconds());
        let (head_slot, reorgs, randao_mismatches, submissions, plan_seconds, verify_seconds) = metrics;
        registry.register("head_slot", "Slot of the head", head_slot.clone());
        registry.register("reorgs", "Reorgs seen", reorgs.clone());
        registry.register("randao_mismatches", "RANDAO mixes that two sources gave differently", randao_mismatches.clone());
        registry.register("submissions", "Submissions by phase and result", Family::clone(&submissions));
        registry.register("plan_seconds", "Time to execute and plan a job", plan_seconds.clone());
        registry.register("verify_seconds", "Time to verify the proofs of one submission", verify_seconds.clone());
        Self { registry: Arc::new(registry), head_slot, reorgs, randao_mismatches, submissions, plan_seconds, verify_seconds }
    }
}

impl Metrics {
    /// Counts a submission.
    pub fn submission(&self, phase: impl ToString, result: &str) {
        let labels = SubmissionLabels { phase: phase.to_string(), result: result.to_owned() };
        self.submissions.get_or_create(&labels).inc();
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
