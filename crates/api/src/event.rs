//! Server-sent events of `GET /v1/events`.

use std::str::FromStr;

use quintet_types::{InstanceIndex, JobId, Phase, PublicKeyBytes, Root, Slot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CertificateState, JobState};

/// A topic one can subscribe to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, Hash, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A job was opened or changed its state.
    Job,
    /// A phase was opened or closed.
    Phase,
    /// Instances without a commitment at two thirds of T1.
    Holes,
    /// D is complete and the challenge known.
    Challenge,
    /// A submission was accepted.
    Submission,
    /// Validators agreed on a phase, or not in time.
    Certificate,
    /// A sidecar of another validator came or went.
    Peers,
    /// Jobs were suspended, resumed or dropped by a reorg.
    Reorg,
    /// The chain finalized.
    Finalized,
    /// Something an operator should look at.
    Warning,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 10] = [
        Self::Job,
        Self::Phase,
        Self::Holes,
        Self::Challenge,
        Self::Submission,
        Self::Certificate,
        Self::Peers,
        Self::Reorg,
        Self::Finalized,
        Self::Warning,
    ];

    /// The name in `?topics=` and in the `event:` line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Phase => "phase",
            Self::Holes => "holes",
            Self::Challenge => "challenge",
            Self::Submission => "submission",
            Self::Certificate => "certificate",
            Self::Peers => "peers",
            Self::Reorg => "reorg",
            Self::Finalized => "finalized",
            Self::Warning => "warning",
        }
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|topic| topic.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("unknown topic {text:?}; the topics are {known}")
        })
    }
}

/// An event with its place in the stream.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
pub struct Event {
    /// Increases by one from event to event; pass it as `Last-Event-ID` to go on after a break.
    pub id: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. JSON: the fields alone, the topic stands in the `event:` line.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(tag = "topic", rename_all = "snake_case")]
pub enum EventKind {
    /// See [`Topic::Job`].
    Job {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
        /// Its new state.
        state: JobState,
    },
    /// See [`Topic::Phase`].
    Phase {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
        /// The phase.
        #[schema(value_type = String)]
        phase: Phase,
        /// True when it opens, false when it closes.
        open: bool,
        /// Its deadline, Unix time in milliseconds.
        #[serde(with = "quintet_types::quoted")]
        #[schema(value_type = String)]
        deadline_ms: u64,
    },
    /// See [`Topic::Holes`].
    Holes {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
        /// Instances without a commitment.
        #[schema(value_type = Vec<String>)]
        instances: Vec<InstanceIndex>,
    },
    /// See [`Topic::Challenge`].
    Challenge {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
    },
    /// See [`Topic::Submission`].
    Submission {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
        /// The phase.
        #[schema(value_type = String)]
        phase: Phase,
        /// Who submitted.
        #[schema(value_type = String)]
        prover: PublicKeyBytes,
        /// Root of the body.
        #[schema(value_type = String)]
        body_root: Root,
        /// How many instances of it are valid.
        valid: u32,
    },
    /// See [`Topic::Certificate`].
    Certificate {
        /// The job.
        #[schema(value_type = Object)]
        job: JobId,
        /// The phase.
        #[schema(value_type = String)]
        phase: Phase,
        /// Certified; or agreeing, when the deadline moved because there was no certificate in time.
        state: CertificateState,
    },
    /// See [`Topic::Peers`].
    Peers {
        /// Peers that are connected now.
        connected: u32,
    },
    /// See [`Topic::Reorg`].
    Reorg {
        /// Slot of the new head.
        #[schema(value_type = String)]
        slot: Slot,
        /// Number of blocks that left the chain.
        depth: u64,
        /// Jobs that were suspended.
        #[schema(value_type = Vec<Object>)]
        suspended: Vec<JobId>,
        /// Jobs that go on.
        #[schema(value_type = Vec<Object>)]
        resumed: Vec<JobId>,
    },
    /// See [`Topic::Finalized`].
    Finalized {
        /// The finalized slot.
        #[schema(value_type = String)]
        slot: Slot,
        /// The finalized block.
        #[schema(value_type = String)]
        block_root: Root,
    },
    /// See [`Topic::Warning`].
    Warning {
        /// What it is, in one sentence.
        message: String,
    },
}

impl EventKind {
    /// The topic it belongs to.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Job { .. } => Topic::Job,
            Self::Phase { .. } => Topic::Phase,
            Self::Holes { .. } => Topic::Holes,
            Self::Challenge { .. } => Topic::Challenge,
            Self::Submission { .. } => Topic::Submission,
            Self::Certificate { .. } => Topic::Certificate,
            Self::Peers { .. } => Topic::Peers,
            Self::Reorg { .. } => Topic::Reorg,
            Self::Finalized { .. } => Topic::Finalized,
            Self::Warning { .. } => Topic::Warning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_the_names_that_json_gives_them() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_string(&topic).unwrap(), format!("\"{}\"", topic.name()));
            assert_eq!(topic.name().parse(), Ok(topic));
        }
        assert!("heads".parse::<Topic>().unwrap_err().contains("the topics are job, phase"));
    }
}
