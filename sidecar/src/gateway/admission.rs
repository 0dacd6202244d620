//! Who may do how much: rates of addresses and provers, event streams, memory for bodies.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_types::PublicKeyBytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ApiError;
use crate::{
    config::{Config, Limits, millis},
    net::{Buckets, Counted, Rate, Seats, rate_key},
};

/// Addresses and provers with a bucket of their own: about 100 bytes each.
const MAX_KEYS: usize = 1 << 16;
/// What a request costs its address on top when its signature is false.
const FALSE_SIGNATURE: u32 = 10;
/// A body is held as it came and once more decoded.
const COPIES: usize = 2;
/// Unit of the memory account.
const UNIT: usize = 1 << 10;

/// All that is counted across requests.
#[derive(Debug)]
pub struct Admission {
    addresses: Buckets<IpAddr>,
    provers: Buckets<PublicKeyBytes>,
    streams: Seats,
    memory: Arc<Semaphore>,
    /// Largest bodies by kind.
    pub(super) limits: Limits,
    /// From a request's head to that of its answer.
    pub(super) request_timeout: Duration,
}

impl Admission {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        let limits = config.limits.clone();
        let rate = |per_second, burst| Rate { per_second, burst };
        Self {
            addresses: Buckets::new(rate(limits.requests_per_second, limits.requests_burst), MAX_KEYS),
            provers: Buckets::new(rate(limits.submissions_per_second, limits.submissions_burst), MAX_KEYS),
            streams: Seats::new(limits.streams, limits.streams_per_address),
            memory: Arc::new(Semaphore::new(limits.body_memory_bytes / UNIT)),
            request_timeout: millis(config.gateway.request_timeout_ms),
            limits,
        }
    }

    /// A request of an address.
    pub(super) fn request(&self, address: IpAddr) -> Result<(), ApiError> {
        let too_many = |wait| ApiError::later(429, "too many requests from your address", wait);
        self.addresses.take(&rate_key(address), 1, Instant::now()).map_err(too_many)
    }

    /// Whether a prover may submit. Nothing is taken: without a signature anyone could use up another's share.
    pub(super) fn prover(&self, key: &PublicKeyBytes) -> Result<(), ApiError> {
        let too_many = |wait| ApiError::later(429, format!("too many submissions by {key}"), wait);
        self.provers.peek(key, Instant::now()).map_err(too_many)
    }

    /// A submission with a valid signature was dealt with.
    pub(super) fn signed(&self, key: &PublicKeyBytes) {
        self.provers.charge(key, 1, Instant::now());
    }

    /// A false signature came from an address.
    pub(super) fn false_signature(&self, address: IpAddr) {
        self.addresses.charge(&rate_key(address), FALSE_SIGNATURE, Instant::now());
    }

    /// A seat for an event stream.
    pub(super) fn stream(&self, address: IpAddr) -> Result<Counted, ApiError> {
        let full = |reason| ApiError::later(503, format!("event streams: {reason}"), Duration::from_secs(10));
        self.streams.take(address, false).map_err(full)
    }

    /// Event streams that are open.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Memory for a body of so many bytes, until the permit is dropped.
    pub(super) fn memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let units = u32::try_from((bytes * COPIES).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let full = |_| ApiError::later(503, "too many submissions are under way", Duration::from_secs(1));
        Arc::clone(&self.memory).try_acquire_many_owned(units).map_err(full)
    }

    /// Bytes of bodies that are held now.
    pub fn memory_used(&self) -> usize {
        (self.limits.body_memory_bytes / UNIT - self.memory.available_permits()) * UNIT
    }
}
