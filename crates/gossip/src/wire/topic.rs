//! The topics: their names on the wire and what a message on them may weigh.

use libp2p::gossipsub::{IdentTopic, TopicHash};

use super::digest::ForkDigest;
use super::submission_id::SubmissionId;

/// What sidecars gossip about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Ids of T1 submissions.
    Commitments,
    /// Ids of T2 submissions.
    PartialProofs,
    /// Ids of T3, T4 and T5 submissions.
    FullProofs,
    /// Ids of submitted aggregations of sub-blocks.
    AggProofs,
    /// Proposals of the agreement on a phase.
    PhaseBundle,
    /// Votes of the agreement on a phase.
    PhaseAttestation,
}

/// The largest proposal: a bundle of `MAX_INSTANCES` (4096) digests and 8,192 entries is 768 KiB.
pub const MAX_PHASE_BUNDLE_BYTES: usize = 1 << 20;

/// The largest vote.
pub const MAX_PHASE_ATTESTATION_BYTES: usize = 8 << 10;

impl Topic {
    /// All of them, in the order of [`Topic::index`].
    pub const ALL: [Self; 6] =
        [Self::Commitments, Self::PartialProofs, Self::FullProofs, Self::AggProofs, Self::PhaseBundle, Self::PhaseAttestation];

    /// Place in [`Topic::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The `name` part of the topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commitments => "commitments",
            Self::PartialProofs => "partial_proofs",
            Self::FullProofs => "full_proofs",
            Self::AggProofs => "agg_proofs",
            Self::PhaseBundle => "phase_bundle",
            Self::PhaseAttestation => "phase_attestation",
        }
    }

    /// Whether messages are [`SubmissionId`]s, whose submissions are pulled.
    pub const fn is_announcement(self) -> bool {
        matches!(self, Self::Commitments | Self::PartialProofs | Self::FullProofs | Self::AggProofs)
    }

    /// Fewest and most bytes of a message, decompressed.
    pub const fn sizes(self) -> (usize, usize) {
        match self {
            Self::PhaseBundle => (1, MAX_PHASE_BUNDLE_BYTES),
            Self::PhaseAttestation => (1, MAX_PHASE_ATTESTATION_BYTES),
            _ => (SubmissionId::BYTES, SubmissionId::BYTES),
        }
    }

    /// The whole topic in the network of `digest`.
    pub fn full_name(self, digest: ForkDigest) -> String {
        format!("/quintet/{digest}/{}/ssz_snappy", self.name())
    }

    pub(crate) fn ident(self, digest: ForkDigest) -> IdentTopic {
        IdentTopic::new(self.full_name(digest))
    }

    pub(crate) fn hash(self, digest: ForkDigest) -> TopicHash {
        self.ident(digest).hash()
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// All topics of one network by their hashes.
#[derive(Debug, Clone)]
pub(crate) struct Topics(Vec<(TopicHash, Topic)>);

impl Topics {
    pub(crate) fn new(digest: ForkDigest) -> Self {
        Self(Topic::ALL.map(|topic| (topic.hash(digest), topic)).to_vec())
    }

    pub(crate) fn get(&self, hash: &TopicHash) -> Option<Topic> {
        self.0.iter().find(|(other, _)| other == hash).map(|(_, topic)| *topic)
    }

    pub(crate) fn hash(&self, topic: Topic) -> &TopicHash {
        &self.0[topic.index()].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_their_names_in_their_own_network_only() {
        let (ours, others) = (ForkDigest([1; 4].into()), ForkDigest([2; 4].into()));
        assert_eq!(Topic::FullProofs.full_name(ours), "/quintet/01010101/full_proofs/ssz_snappy");
        let topics = Topics::new(ours);
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), place);
            assert_eq!(topics.get(&topic.hash(ours)), Some(topic));
            assert_eq!(topics.hash(topic), &topic.hash(ours));
            assert_eq!(topics.get(&topic.hash(others)), None);
        }
    }
}
