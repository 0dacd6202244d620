//! From bytes of the Beacon API to a [`BlockInfo`]: pure, bounded, for any fork and preset.

use alloy_primitives::{B256, U256};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::block::{BlockInfo, Execution};
use crate::fork::{Fork, UnknownFork};
use crate::payload::ExecutionPayloadParts;
use crate::preset::Preset;
use crate::schema::Schemas;
use crate::ssz::{JsonTextError, SszError, SszType, View, from_json_text};

/// Largest block or envelope that is decoded, in bytes: a payload of 10 MiB (EIP-7934) as JSON, with room.
pub const MAX_BLOCK_BYTES: usize = 64 << 20;

/// Why bytes are not a block.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than any block has.
    #[error("{got} bytes, a block has at most {MAX_BLOCK_BYTES}")]
    TooLarge {
        /// Bytes there are.
        got: usize,
    },
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The JSON lacks the envelope of the Beacon API.
    #[error("JSON without {0}")]
    Envelope(&'static str),
    /// A fork that we cannot read.
    #[error(transparent)]
    Fork(#[from] UnknownFork),
    /// Not of the type that the fork prescribes.
    #[error(transparent)]
    Ssz(#[from] SszError),
    /// The bytes are a block of no fork under any preset.
    #[error("a block of no known fork; as {fork}: {error}")]
    NoFork {
        /// The newest fork, tried first.
        fork: Fork,
        /// What is wrong with it as a block of that fork.
        error: Box<DecodeError>,
    },
    /// The payload's parts do not lead to the hash that it claims.
    #[error("execution block hash {claimed}, but the header hashes to {computed}")]
    BlockHash {
        /// Hash in the payload.
        claimed: B256,
        /// Hash of the header made from the payload.
        computed: B256,
    },
    /// A base fee beyond what a header holds.
    #[error("base fee {0} does not fit 64 bits")]
    BaseFee(U256),
    /// An envelope for another block.
    #[error("envelope of {got} offered for block {expected}")]
    ForeignEnvelope {
        /// Root of the block that waits for its payload.
        expected: B256,
        /// Root that the envelope names.
        got: B256,
    },
    /// The envelope's payload is not the one that the block's bid promised.
    #[error("envelope with {what} {got}, the bid has {expected}")]
    BrokenBid {
        /// Which value differs.
        what: &'static str,
        /// The bid's value.
        expected: B256,
        /// The envelope's value.
        got: B256,
    },
}

/// Decodes blocks of one network.
#[derive(Debug, Clone, Copy)]
pub struct BlockDecoder {
    schemas: Schemas,
}

impl BlockDecoder {
    /// A decoder for networks with `preset`.
    #[must_use]
    pub const fn new(preset: Preset) -> Self {
        Self { schemas: Schemas::new(preset) }
    }

    /// A `SignedBeaconBlock` as SSZ.
    ///
    /// # Errors
    /// When `bytes` are not a block of `fork`.
    pub fn ssz(&self, fork: Fork, bytes: &[u8]) -> Result<BlockInfo, DecodeError> {
        bounded(bytes)?;
        self.read(fork, &self.schemas.signed_block(fork), bytes)
    }

    /// The JSON answer of `/eth/v2/beacon/blocks/{id}`, or only its `data` when `fork` is given.
    ///
    /// # Errors
    /// When `bytes` are not such an answer, or the block is not of its fork.
    pub fn json(&self, bytes: &[u8], fork: Option<Fork>) -> Result<BlockInfo, DecodeError> {
        bounded(bytes)?;
        let outer: Outer = serde_json::from_slice(bytes)?;
        let fork = outer.fork(fork)?;
        let ty = self.schemas.signed_block(fork);
        let ssz = from_json_text(&ty, bytes, outer.member()?)?;
        self.read(fork, &ty, &ssz)
    }

    /// A `SignedExecutionPayloadEnvelope` as SSZ.
    ///
    /// # Errors
    /// When `bytes` are not an envelope, or not of the block `block`.
    pub fn envelope_ssz(&self, bytes: &[u8], block: &BlockInfo) -> Result<ExecutionPayloadParts, DecodeError> {
        bounded(bytes)?;
        self.read_envelope(bytes, block)
    }

    /// The JSON answer of `/eth/v1/beacon/execution_payload_envelopes/{id}`.
    ///
    /// # Errors
    /// As [`Self::envelope_ssz`].
    pub fn envelope_json(&self, bytes: &[u8], block: &BlockInfo) -> Result<ExecutionPayloadParts, DecodeError> {
        bounded(bytes)?;
        let outer: Outer = serde_json::from_slice(bytes)?;
        let ssz = from_json_text(&self.schemas.signed_envelope(), bytes, outer.member()?)?;
        self.read_envelope(&ssz, block)
    }

    fn read(&self, fork: Fork, ty: &SszType, bytes: &[u8]) -> Result<BlockInfo, DecodeError> {
        let signed = View::new(ty, bytes)?;
        BlockInfo::read(fork, signed)
    }

    fn read_envelope(&self, bytes: &[u8], block: &BlockInfo) -> Result<ExecutionPayloadParts, DecodeError> {
        let ty = self.schemas.signed_envelope();
        let message = View::new(&ty, bytes)?.field("message")?;
        let got = message.field("beacon_block_root")?.to_b256()?;
        if got != block.block_root {
            return Err(DecodeError::ForeignEnvelope { expected: block.block_root, got });
        }
        let payload = message.field("payload")?;
        let requests = message.field("execution_requests")?;
        if let Execution::Promised(bid) = &block.execution {
            let pairs = [
                ("block hash", bid.block_hash, payload.field("block_hash")?.to_b256()?),
                ("prev_randao", bid.prev_randao, payload.field("prev_randao")?.to_b256()?),
                ("execution requests root", bid.execution_requests_root, requests.hash_tree_root()?),
                ("parent beacon block root", block.parent_root, message.field("parent_beacon_block_root")?.to_b256()?),
            ];
            for (what, expected, got) in pairs {
                if expected != got {
                    return Err(DecodeError::BrokenBid { what, expected, got });
                }
            }
        }
        ExecutionPayloadParts::read(Fork::Gloas, payload, Some(requests), block.parent_root)
    }
}

/// Decodes a block file of which nothing is known: JSON or SSZ, any fork, mainnet or minimal preset.
///
/// SSZ does not say its fork. Of the forks that the bytes fit, the one whose execution block hash can be recomputed
/// counts, newest first. Fulu and Electra blocks have one form, so that an Electra block without a JSON envelope
/// comes out as Fulu; nothing in [`BlockInfo`] but the fork's name differs.
///
/// # Errors
/// When the bytes are a block of no fork under either preset.
pub fn decode_block_file(bytes: &[u8]) -> Result<BlockInfo, DecodeError> {
    bounded(bytes)?;
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json {
        let attempts = DECODERS.map(|decoder| decoder.json(bytes, None));
        return first_that_holds(attempts.into_iter());
    }
    let newest = Fork::Gloas;
    let attempts = Fork::ALL
        .into_iter()
        .rev()
        .flat_map(|fork| DECODERS.map(|decoder| (decoder, fork)))
        .map(|(decoder, fork)| decoder.ssz(fork, bytes));
    first_that_holds(attempts).map_err(|error| DecodeError::NoFork { fork: newest, error: Box::new(error) })
}

const DECODERS: [BlockDecoder; 2] = [BlockDecoder::new(Preset::MAINNET), BlockDecoder::new(Preset::MINIMAL)];

/// The first attempt whose execution block hash is right. Otherwise the error of the attempt that came furthest: a wrong
/// block hash says more than a length that does not fit.
fn first_that_holds(attempts: impl Iterator<Item = Result<BlockInfo, DecodeError>>) -> Result<BlockInfo, DecodeError> {
    let mut first_error = None;
    for attempt in attempts {
        match attempt.and_then(|block| block.verify_execution().map(|()| block)) {
            Ok(block) => return Ok(block),
            Err(error @ DecodeError::BlockHash { .. }) => first_error = Some(error),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(DecodeError::Envelope("a block")))
}

fn bounded(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.len() > MAX_BLOCK_BYTES { Err(DecodeError::TooLarge { got: bytes.len() }) } else { Ok(()) }
}

/// The outermost object of a JSON answer, with its members left unread.
#[derive(Deserialize)]
struct Outer {
    version: Option<String>,
    data: Option<IgnoredAny>,
    message: Option<IgnoredAny>,
}

impl Outer {
    /// The fork that it names. `fork` stands in for a missing `version` and is overruled by one that is there.
    fn fork(&self, fork: Option<Fork>) -> Result<Fork, DecodeError> {
        match &self.version {
            Some(name) => Ok(name.parse()?),
            None => fork.ok_or(DecodeError::Envelope("version")),
        }
    }

    /// The member that holds the block: `data`, or none when this is the block itself.
    fn member(&self) -> Result<Option<&'static str>, DecodeError> {
        match (&self.data, &self.message) {
            (Some(_), _) => Ok(Some("data")),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(DecodeError::Envelope("data")),
        }
    }
}

impl From<JsonTextError> for DecodeError {
    fn from(error: JsonTextError) -> Self {
        match error {
            JsonTextError::Syntax(error) => Self::Json(error),
            JsonTextError::Type(error) => Self::Ssz(error),
        }
    }
}
