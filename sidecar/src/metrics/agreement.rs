//! Metrics of the agreement of several validators. All zero where a sidecar runs alone.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Label of objections.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ReasonLabels {
    /// What is held against a bundle.
    pub reason: &'static str,
}

/// The agreement's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct AgreementMetrics {
    /// Phases that are open.
    pub open: Gauge,
    /// The highest round that one of them is in.
    pub round: Gauge,
    /// Round in which bundles were certified.
    pub certified_round: Histogram,
    /// From the deadline that a phase began with until its certificate was here.
    pub certificate_seconds: Histogram,
    /// Deadlines that moved because there was no certificate in time.
    pub uncertified: Counter,
    /// Certified bundles that our validator made.
    pub led: Counter,
    /// Bundles that our validator did not vote for.
    pub objections: Family<ReasonLabels, Counter>,
    /// Signatures that the signer did not give.
    pub unsigned: Counter,
    /// Validators that contradicted themselves.
    pub evidence: Counter,
}

impl AgreementMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            open: Gauge::default(),
            round: Gauge::default(),
            certified_round: Histogram::new([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 24.0, 48.0]),
            certificate_seconds: Histogram::new([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0, 48.0, 96.0]),
            uncertified: Counter::default(),
            led: Counter::default(),
            objections: Family::default(),
            unsigned: Counter::default(),
            evidence: Counter::default(),
        };
        registry.register("agreement_open", "Phases that validators have to agree on", all.open.clone());
        registry.register("agreement_round", "Highest round of an open phase's agreement", all.round.clone());
        registry.register("agreement_certified_round", "Round in which bundles were certified", all.certified_round.clone());
        let help = "From a phase's first deadline until its certificate was here";
        registry.register("agreement_certificate_seconds", help, all.certificate_seconds.clone());
        let help = "Deadlines that moved because there was no certificate in time";
        registry.register("agreement_uncertified", help, all.uncertified.clone());
        registry.register("agreement_led", "Certified bundles that our validator made", all.led.clone());
        registry.register("agreement_objections", "Bundles that our validator did not vote for", all.objections.clone());
        registry.register("agreement_unsigned", "Signatures that the signer did not give", all.unsigned.clone());
        registry.register("agreement_evidence", "Validators that contradicted themselves", all.evidence.clone());
        all
    }
}
