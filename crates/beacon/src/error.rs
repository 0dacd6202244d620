//! What can go wrong between us and a beacon node.

use alloy_primitives::B256;

use crate::decode::DecodeError;
use crate::spec::SpecError;

/// An error of the Beacon API client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names no endpoint.
    #[error("no beacon node endpoint configured")]
    NoEndpoint,
    /// An endpoint is not an http or https URL.
    #[error("beacon node endpoint {0:?} is not an http(s) URL")]
    BadEndpoint(String),
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Http(reqwest::Error),
    /// A node follows another network than configured, or than the other endpoints.
    #[error(
        "beacon node {endpoint} is on another network: its genesis validators root is {got}, expected {expected}; \
         check the endpoint and the network configuration"
    )]
    WrongNetwork {
        /// The endpoint, without credentials.
        endpoint: String,
        /// Root that is configured, or that the first endpoint has.
        expected: B256,
        /// Root that this endpoint has.
        got: B256,
    },
    /// No endpoint answered.
    #[error("no beacon node answers; last: {endpoint}: {reason}")]
    Unreachable {
        /// The endpoint tried last.
        endpoint: String,
        /// What happened there.
        reason: String,
    },
    /// An answer with a status that means neither success nor absence.
    #[error("beacon node {endpoint}: {path} answered {status}: {message}")]
    Status {
        /// The endpoint.
        endpoint: String,
        /// Path of the request.
        path: String,
        /// HTTP status.
        status: u16,
        /// Message of the node, shortened.
        message: String,
    },
    /// An answer that cannot be understood.
    #[error("beacon node {endpoint}: {path}: {reason}")]
    Answer {
        /// The endpoint.
        endpoint: String,
        /// Path of the request.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A block that does not decode.
    #[error("beacon node {endpoint}: {path}: {source}")]
    Decode {
        /// The endpoint.
        endpoint: String,
        /// Path of the request.
        path: String,
        /// What is wrong with the block.
        source: Box<DecodeError>,
    },
    /// The block that came is not the one asked for.
    #[error("beacon node {endpoint} answered block {got} when asked for {expected}")]
    WrongBlock {
        /// The endpoint.
        endpoint: String,
        /// Root asked for.
        expected: B256,
        /// Root computed from the answer.
        got: B256,
    },
    /// `config/spec` or `genesis` do not describe a network.
    #[error("beacon node {endpoint}: {source}")]
    Spec {
        /// The endpoint.
        endpoint: String,
        /// What is wrong.
        source: SpecError,
    },
    /// The event stream ended, went silent or broke the protocol.
    #[error("event stream of {endpoint}: {reason}")]
    Events {
        /// The endpoint.
        endpoint: String,
        /// What happened.
        reason: String,
    },
}
