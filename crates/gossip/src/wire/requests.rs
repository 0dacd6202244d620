//! Requests and responses: their containers, their protocols, how much an answer may hold.

use std::fmt;

use quintet_types::{Decode, Encode, Introduction, Root, Slot};
use ssz::DecodeError;
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::U64;

use super::digest::ForkDigest;
use super::outline::{MAX_OUTLINE_BYTES, MAX_PART_BYTES, OutlineByRoot, PartsByIndex};

/// Most roots in a [`SubmissionsByRoot`].
pub type MaxRequestRoots = U64;

/// Most indices in a [`PartsByIndex`].
pub const MAX_REQUEST_PARTS: usize = 1024;

/// Most slots in a request by range.
pub const MAX_REQUEST_SLOTS: u64 = 64;

/// Where a node stands. Told when a connection is made, and again now and then.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// The network.
    pub fork_digest: ForkDigest,
    /// Root of the last finalized block.
    pub finalized_root: Root,
    /// Its slot.
    pub finalized_slot: Slot,
    /// Slot of the head.
    pub head_slot: Slot,
    /// Root of the ledger over all finalized blocks.
    pub ledger_root: Root,
    /// First slot whose jobs, bundles and submissions this node can still hand out.
    pub earliest_slot: Slot,
}

/// Why a node hangs up. Numbers 1 to 3 as in the consensus specs, those from 128 on are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goodbye {
    /// 1: the node stops.
    Shutdown,
    /// 2: another network.
    IrrelevantNetwork,
    /// 3: something went wrong.
    Fault,
    /// 129: no room for more peers.
    TooManyPeers,
    /// 250: the peer behaved badly.
    BadConduct,
    /// Any other number.
    Other(u64),
}

impl Goodbye {
    /// The number on the wire.
    pub const fn code(self) -> u64 {
        match self {
            Self::Shutdown => 1,
            Self::IrrelevantNetwork => 2,
            Self::Fault => 3,
            Self::TooManyPeers => 129,
            Self::BadConduct => 250,
            Self::Other(code) => code,
        }
    }

    /// What a number on the wire means.
    pub const fn from_code(code: u64) -> Self {
        match code {
            1 => Self::Shutdown,
            2 => Self::IrrelevantNetwork,
            3 => Self::Fault,
            129 => Self::TooManyPeers,
            250 => Self::BadConduct,
            other => Self::Other(other),
        }
    }
}

/// The jobs of `count` slots from `start_slot` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct JobsByRange {
    /// First slot.
    pub start_slot: Slot,
    /// How many slots, 1 to [`MAX_REQUEST_SLOTS`].
    pub count: u64,
}

/// The certified bundles of the jobs of `count` slots from `start_slot` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct BundlesByRange {
    /// First slot.
    pub start_slot: Slot,
    /// How many slots, 1 to [`MAX_REQUEST_SLOTS`].
    pub count: u64,
}

/// Submissions by [`super::submission_id::SubmissionId::root`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct SubmissionsByRoot {
    /// 1 to 64 of them.
    pub roots: VariableList<Root, MaxRequestRoots>,
}

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// [`Status`].
    Status,
    /// [`Goodbye`].
    Goodbye,
    /// [`JobsByRange`].
    Jobs,
    /// [`BundlesByRange`].
    Bundles,
    /// [`SubmissionsByRoot`].
    Submissions,
    /// [`Introduction`].
    Introduction,
    /// [`OutlineByRoot`].
    Outline,
    /// [`PartsByIndex`].
    Parts,
}

/// Any request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Tells our status and asks for theirs. Answered by this crate.
    Status(Status),
    /// Tells why we hang up. Answered with nothing.
    Goodbye(Goodbye),
    /// For jobs; each item of the answer is one job in the sidecar's encoding, in rising order.
    Jobs(JobsByRange),
    /// For certified bundles; each item is one, in the order in which they were certified.
    Bundles(BundlesByRange),
    /// For submissions; each item is one `Submission`, in any order, those that the peer does not hold left out.
    Submissions(SubmissionsByRoot),
    /// Tells whose sidecar we are. Answered with nothing; what it is worth is the sidecar's matter.
    Introduction(Introduction),
    /// For a submission's outline; the item is one `Outline`, and there is none if the peer has none: then the submission is to be had whole or not at all.
    Outline(OutlineByRoot),
    /// For parts of a submission; each item is one part, in the order of the request.
    Parts(PartsByIndex),
}

/// The items of an answer, each SSZ.
pub type Response = Vec<Vec<u8>>;

/// Why a request is not answered. The numbers 1 to 3 are those of the consensus specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 1: the request makes no sense.
    InvalidRequest,
    /// 2: the peer failed.
    ServerError,
    /// 3: the peer does not hold what was asked for, or does not want to answer now.
    Unavailable,
    /// 139: too many requests.
    RateLimited,
    /// Any other number.
    Other(u8),
}

impl Refusal {
    /// The number on the wire; never 0 or 255, which stand for an item and the end.
    pub const fn code(self) -> u8 {
        match self {
            Self::InvalidRequest => 1,
            Self::ServerError | Self::Other(0 | 255) => 2,
            Self::Unavailable => 3,
            Self::RateLimited => 139,
            Self::Other(code) => code,
        }
    }

    /// What a number on the wire means.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::InvalidRequest,
            0 | 2 | 255 => Self::ServerError,
            3 => Self::Unavailable,
            139 => Self::RateLimited,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest => f.write_str("invalid request"),
            Self::ServerError => f.write_str("server error"),
            Self::Unavailable => f.write_str("unavailable"),
            Self::RateLimited => f.write_str("rate limited"),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// How much an answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseLimits {
    /// Items.
    pub items: usize,
    /// Bytes of one item, decompressed.
    pub item_bytes: usize,
    /// Bytes of all items, decompressed.
    pub total_bytes: usize,
}

const MIB: usize = 1 << 20;

impl RequestKind {
    /// All of them, in the order of [`RequestKind::index`].
    pub const ALL: [Self; 8] = [
        Self::Status,
        Self::Goodbye,
        Self::Jobs,
        Self::Bundles,
        Self::Submissions,
        Self::Introduction,
        Self::Outline,
        Self::Parts,
    ];

    /// Place in [`RequestKind::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The `name` part of the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Goodbye => "goodbye",
            Self::Jobs => "jobs_by_range",
            Self::Bundles => "bundles_by_range",
            Self::Submissions => "submissions_by_root",
            Self::Introduction => "introduction",
            Self::Outline => "outline_by_root",
            Self::Parts => "parts_by_index",
        }
    }

    /// The protocol's id. Status and goodbye are the same in all networks: by them nodes find out that they are in different ones.
    pub fn protocol(self, digest: ForkDigest) -> String {
        match self {
            Self::Status | Self::Goodbye => format!("/quintet/req/{}/1/ssz_snappy", self.name()),
            _ => format!("/quintet/{digest}/req/{}/1/ssz_snappy", self.name()),
        }
    }

    /// Fewest and most bytes of the request, decompressed.
    pub fn request_sizes(self) -> (usize, usize) {
        match self {
            Self::Status => (<Status as Encode>::ssz_fixed_len(), <Status as Encode>::ssz_fixed_len()),
            Self::Goodbye => (8, 8),
            Self::Jobs | Self::Bundles => (16, 16),
            Self::Submissions => (32, 32 * 64),
            Self::Introduction => (<Introduction as Encode>::ssz_fixed_len(), <Introduction as Encode>::ssz_fixed_len()),
            Self::Outline => (32, 32),
            // An offset stands between root and indices.
            Self::Parts => (36 + 2, 36 + 2 * MAX_REQUEST_PARTS),
        }
    }

    /// How much the answer may hold.
    pub fn response_limits(self) -> ResponseLimits {
        let limits = |items, item_bytes, total_bytes| ResponseLimits { items, item_bytes, total_bytes };
        match self {
            Self::Status => limits(1, self.request_sizes().1, self.request_sizes().1),
            Self::Goodbye | Self::Introduction => limits(0, 0, 0),
            Self::Jobs => limits(1024, 64 << 10, 8 * MIB),
            Self::Bundles => limits(1024, 2 * MIB, 16 * MIB),
            Self::Submissions => limits(64, 16 * MIB, 32 * MIB),
            Self::Outline => limits(1, MAX_OUTLINE_BYTES, MAX_OUTLINE_BYTES),
            // A submission that has parts holds no more than this.
            Self::Parts => limits(MAX_REQUEST_PARTS, MAX_PART_BYTES, 8 * MIB),
        }
    }
}

impl Request {
    /// Which request it is.
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Status(_) => RequestKind::Status,
            Self::Goodbye(_) => RequestKind::Goodbye,
            Self::Jobs(_) => RequestKind::Jobs,
            Self::Bundles(_) => RequestKind::Bundles,
            Self::Submissions(_) => RequestKind::Submissions,
            Self::Introduction(_) => RequestKind::Introduction,
            Self::Outline(_) => RequestKind::Outline,
            Self::Parts(_) => RequestKind::Parts,
        }
    }

    /// What answering it costs of a peer's allowance: slots, roots or requests.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Status(_) | Self::Goodbye(_) | Self::Introduction(_) | Self::Outline(_) | Self::Parts(_) => 1,
            Self::Jobs(range) => range.count,
            Self::Bundles(range) => range.count,
            Self::Submissions(request) => request.roots.len() as u64,
        }
    }

    /// SSZ.
    pub fn to_ssz(&self) -> Vec<u8> {
        match self {
            Self::Status(status) => status.as_ssz_bytes(),
            Self::Goodbye(reason) => reason.code().as_ssz_bytes(),
            Self::Jobs(range) => range.as_ssz_bytes(),
            Self::Bundles(range) => range.as_ssz_bytes(),
            Self::Submissions(request) => request.as_ssz_bytes(),
            Self::Introduction(introduction) => introduction.as_ssz_bytes(),
            Self::Outline(request) => request.as_ssz_bytes(),
            Self::Parts(request) => request.as_ssz_bytes(),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// If the bytes are no such request, or ask for nothing, for too much, or for slots beyond the last.
    pub fn from_ssz(kind: RequestKind, bytes: &[u8]) -> Result<Self, DecodeError> {
        let range = |start: Slot, count: u64| match start.0.checked_add(count) {
            Some(_) if (1..=MAX_REQUEST_SLOTS).contains(&count) => Ok(()),
            _ => Err(DecodeError::BytesInvalid(format!("{count} slots from {start}"))),
        };
        match kind {
            RequestKind::Status => Status::from_ssz_bytes(bytes).map(Self::Status),
            RequestKind::Goodbye => u64::from_ssz_bytes(bytes).map(|code| Self::Goodbye(Goodbye::from_code(code))),
            RequestKind::Introduction => Introduction::from_ssz_bytes(bytes).map(Self::Introduction),
            RequestKind::Jobs => {
                let request = JobsByRange::from_ssz_bytes(bytes)?;
                range(request.start_slot, request.count)?;
                Ok(Self::Jobs(request))
            }
            RequestKind::Bundles => {
                let request = BundlesByRange::from_ssz_bytes(bytes)?;
                range(request.start_slot, request.count)?;
                Ok(Self::Bundles(request))
            }
            RequestKind::Submissions => {
                let request = SubmissionsByRoot::from_ssz_bytes(bytes)?;
                if request.roots.is_empty() {
                    return Err(DecodeError::BytesInvalid("no roots".into()));
                }
                Ok(Self::Submissions(request))
            }
            RequestKind::Outline => OutlineByRoot::from_ssz_bytes(bytes).map(Self::Outline),
            RequestKind::Parts => {
                let request = PartsByIndex::from_ssz_bytes(bytes)?;
                if request.indices.is_empty() || !request.indices.is_sorted_by(|a, b| a < b) {
                    return Err(DecodeError::BytesInvalid("no indices, or not in rising order".into()));
                }
                Ok(Self::Parts(request))
            }
        }
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
