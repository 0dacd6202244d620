//! Counters of the follower, for Prometheus.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the follower counts. Clones share their counters.
#[derive(Debug, Clone, Default)]
pub struct BeaconMetrics {
    /// Blocks that became part of the canonical chain.
    pub heads: Counter,
    /// Reorganisations seen.
    pub reorgs: Counter,
    /// Mixes of the node, of the payload or carried forward that differed from each other.
    pub randao_mismatches: Counter,
    /// Blocks refused for a false reveal or a block hash that does not follow from the payload.
    pub rejected_blocks: Counter,
    /// Event streams opened.
    pub streams_opened: Counter,
    /// Event streams given up because nothing came for two slots.
    pub silences: Counter,
    /// Events whose data could not be read.
    pub malformed_events: Counter,
    /// Times when no node could be used.
    pub outages: Counter,
    /// Slot of the head.
    pub head_slot: Gauge,
    /// 1 while a synced node of the right network is connected.
    pub connected: Gauge,
}

impl BeaconMetrics {
    /// Registers all counters under `quintet_beacon_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("quintet_beacon");
        let counters = [
            ("heads", "Blocks that became part of the canonical chain", &self.heads),
            ("reorgs", "Reorganisations seen", &self.reorgs),
            ("randao_mismatches", "RANDAO mixes that differ between sources", &self.randao_mismatches),
            ("rejected_blocks", "Blocks with a false reveal or execution block hash", &self.rejected_blocks),
            ("streams_opened", "Event streams opened", &self.streams_opened),
            ("silences", "Event streams given up after two silent slots", &self.silences),
            ("malformed_events", "Events that could not be read", &self.malformed_events),
            ("outages", "Times when no beacon node could be used", &self.outages),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("head_slot", "Slot of the head", self.head_slot.clone());
        registry.register("connected", "Whether a usable beacon node is connected", self.connected.clone());
    }
}
