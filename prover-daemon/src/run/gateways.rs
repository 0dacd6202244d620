//! The gateways a daemon speaks to: one at a time, the first in order of preference that is healthy; requests are repeated with back-off.
//!
//! Sidecars that agree have the same jobs and duties, so it does not matter which of their gateways is asked. One that fails, lags or is of another
//! network is passed over for a while, longer each time, and comes back when it is well again.

use std::{
    future::Future,
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::ensure;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use quintet_api::{ClientError, GatewayClient};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Least time for an answer before the next gateway is asked.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);
/// First pause before a repetition; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause before a repetition.
const MAX_PAUSE: Duration = Duration::from_secs(4);
/// A gateway that failed is passed over for so long, in milliseconds; doubles with each failure in a row.
const COOL_OFF_MS: u64 = 15_000;
/// How often that doubles.
const MAX_DOUBLINGS: u32 = 4;

/// Now in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Gateways in order of preference, and which of them is in use.
#[derive(Debug)]
pub(crate) struct Gateways {
    gateways: Vec<Gateway>,
    current: AtomicUsize,
    switches: Counter,
    in_use: Gauge,
}

#[derive(Debug)]
struct Gateway {
    client: GatewayClient,
    /// Passed over until then, Unix milliseconds.
    rests_until: AtomicU64,
    /// Failures in a row.
    failures: AtomicU32,
}

impl Gateways {
    /// Clients for some addresses.
    ///
    /// # Errors
    /// If there are none, or one is no address.
    pub(crate) fn new(addresses: &[String]) -> anyhow::Result<Self> {
        ensure!(!addresses.is_empty(), "name at least one gateway");
        let gateway = |address: &String| {
            let client = GatewayClient::new(address, TIMEOUT)?;
            Ok(Gateway { client, rests_until: AtomicU64::new(0), failures: AtomicU32::new(0) })
        };
        let gateways = addresses.iter().map(gateway).collect::<Result<_, ClientError>>()?;
        Ok(Self { gateways, current: AtomicUsize::new(0), switches: Counter::default(), in_use: Gauge::default() })
    }

    /// The one in use.
    pub(crate) fn current(&self) -> &GatewayClient {
        &self.gateways[self.place()].client
    }

    fn place(&self) -> usize {
        self.current.load(Ordering::Relaxed) % self.gateways.len()
    }

    /// Whether there is another one to turn to.
    pub(crate) const fn has_others(&self) -> bool {
        self.gateways.len() > 1
    }

    /// Counts turns to another one.
    pub(crate) const fn switches(&self) -> &Counter {
        &self.switches
    }

    /// Shows which one is in use: 0 for the most preferred.
    pub(crate) const fn in_use(&self) -> &Gauge {
        &self.in_use
    }

    /// Those that are worth asking whether they are better than the one in use: all others where `is_well` is false, else those preferred to it. The most
    /// preferred first; none that failed a moment ago.
    pub(crate) fn candidates(&self, is_well: bool) -> Vec<GatewayClient> {
        let (place, now) = (self.place(), now_ms());
        let wanted = |(other, gateway): &(usize, &Gateway)| {
            *other != place && (!is_well || *other < place) && gateway.rests_until.load(Ordering::Relaxed) <= now
        };
        self.gateways.iter().enumerate().filter(wanted).map(|(_, gateway)| gateway.client.clone()).collect()
    }

    /// A gateway is not to be used for a while.
    pub(crate) fn rest(&self, client: &GatewayClient) {
        let Some(gateway) = self.gateways.iter().find(|gateway| gateway.client.base() == client.base()) else { return };
        let doublings = gateway.failures.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
        gateway.rests_until.store(now_ms() + (COOL_OFF_MS << doublings), Ordering::Relaxed);
    }

    /// A gateway does what it should.
    pub(crate) fn is_well(&self, client: &GatewayClient) {
        if let Some(gateway) = self.gateways.iter().find(|gateway| gateway.client.base() == client.base()) {
            gateway.failures.store(0, Ordering::Relaxed);
        }
    }

    /// `failed` failed: the turn of the first that did not, or of the one that rests for the shortest time, unless somebody else has turned away already.
    pub(crate) fn rotate(&self, failed: &GatewayClient) {
        if !self.has_others() || self.current().base() != failed.base() {
            return;
        }
        self.rest(failed);
        let now = now_ms();
        let rest = |place: &usize| self.gateways[*place].rests_until.load(Ordering::Relaxed).saturating_sub(now);
        let others = (0..self.gateways.len()).filter(|place| self.gateways[*place].client.base() != failed.base());
        if let Some(next) = others.min_by_key(rest) {
            self.turn(failed, next, "it failed");
        }
    }

    /// Turns from one gateway to another, if the first is the one in use.
    pub(crate) fn turn_to(&self, from: &GatewayClient, to: &GatewayClient, why: &str) {
        if let Some(next) = self.gateways.iter().position(|gateway| gateway.client.base() == to.base()) {
            self.turn(from, next, why);
        }
    }

    fn turn(&self, from: &GatewayClient, next: usize, why: &str) {
        let current = self.current.load(Ordering::Relaxed);
        if self.gateways[current % self.gateways.len()].client.base() != from.base() {
            return;
        }
        if self.current.compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.switches.inc();
            self.in_use.set(next as i64);
            tracing::warn!(from = %from.base(), to = %self.gateways[next].client.base(), why, "turning to another gateway");
        }
    }

    /// Repeats a request while it fails for reasons that may pass, until `until_ms` (Unix time). With several gateways none may take more than half of the
    /// time that is left, and what one does not know or does not take (404, 409) is asked of the others once.
    ///
    /// # Errors
    /// The last failure.
    pub(crate) async fn retry<T, F>(&self, until_ms: u64, request: impl Fn(GatewayClient) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let client = self.current().clone();
            let error = match self.once(&client, until_ms, &request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if matches!(error.status(), Some(404 | 409)) {
                return self.elsewhere(&client, until_ms, &request).await.ok_or(error);
            }
            if !error.is_transient() || now_ms() + pause.as_millis() as u64 > until_ms {
                return Err(error);
            }
            tracing::debug!(%error, ?pause, "trying again");
            // "Too early" is the right gateway's answer; others are tried for anything else.
            if error.status() != Some(425) {
                self.rotate(&client);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn once<T, F>(
        &self,
        client: &GatewayClient,
        until_ms: u64,
        request: impl Fn(GatewayClient) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        if !self.has_others() {
            return request(client.clone()).await;
        }
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
        let limit = (left / 2).clamp(LEAST_TIMEOUT, TIMEOUT);
        let silent = |_| ClientError::Silent { url: client.base().clone(), waited_ms: limit.as_millis() as u64 };
        tokio::time::timeout(limit, request(client.clone())).await.unwrap_or_else(|elapsed| Err(silent(elapsed)))
    }

    /// The same request, once, to all others.
    async fn elsewhere<T, F>(&self, asked: &GatewayClient, until_ms: u64, request: impl Fn(GatewayClient) -> F) -> Option<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        for other in self.gateways.iter().filter(|gateway| gateway.client.base() != asked.base()) {
            match self.once(&other.client, until_ms, &request).await {
                Ok(answer) => {
                    tracing::debug!(asked = %asked.base(), answered = %other.client.base(), "another gateway knew");
                    return Some(answer);
                }
                Err(error) => tracing::debug!(%error, "another gateway does not know either"),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn refused(client: &GatewayClient, code: u16) -> ClientError {
        ClientError::Refused { url: client.base().clone(), code, message: String::new() }
    }

    #[tokio::test]
    async fn transient_failures_are_repeated_at_the_next_gateway_and_others_are_not() {
        let gateways = Gateways::new(&["http://a:1".into(), "http://b:1".into()]).unwrap();
        let tries = AtomicU32::new(0);
        let answer =
            gateways
                .retry(now_ms() + 60_000, |client| {
                    let count = tries.fetch_add(1, Ordering::Relaxed);
                    async move {
                        if count < 3 { Err(refused(&client, 503)) } else { Ok(client.base().host_str().map(str::to_owned)) }
                    }
                })
                .await;
        assert_eq!(answer.unwrap().as_deref(), Some("b"));

        assert_eq!(gateways.switches().get(), 3);
        // Several workers that saw the same one fail turn away from it once.
        let failed = gateways.current().clone();
        gateways.rotate(&failed);
        gateways.rotate(&failed);
        assert_ne!(gateways.current().base(), failed.base());

        tries.store(0, Ordering::Relaxed);
        let answer: Result<(), _> = gateways
            .retry(now_ms() + 60_000, |client| {
                tries.fetch_add(1, Ordering::Relaxed);
                async move { Err(refused(&client, 409)) }
            })
            .await;
        assert_eq!((answer.unwrap_err().status(), tries.into_inner()), (Some(409), 2), "each is asked once");
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_answer_costs_half_of_the_time_and_the_next_one_is_asked() {
        let gateways = Gateways::new(&["http://a:1".into(), "http://b:1".into()]).unwrap();
        let answer = gateways.retry(now_ms() + 3_000, |client| async move {
            if client.base().host_str() == Some("a") {
                std::future::pending::<()>().await;
            }
            Ok(client.base().host_str().map(str::to_owned))
        });
        assert_eq!(answer.await.unwrap().as_deref(), Some("b"));
    }

    #[test]
    fn the_first_that_is_well_is_preferred_and_those_that_failed_rest() {
        let gateways = Gateways::new(&["http://a:1".into(), "http://b:1".into(), "http://c:1".into()]).unwrap();
        let host = |client: &GatewayClient| client.base().host_str().unwrap().to_owned();
        let hosts = |is_well| gateways.candidates(is_well).iter().map(host).collect::<Vec<_>>();
        assert_eq!((hosts(true), hosts(false)), (vec![], vec!["b".to_owned(), "c".into()]));
        let a = gateways.current().clone();
        gateways.rotate(&a);
        assert_eq!((host(gateways.current()), gateways.in_use().get()), ("b".into(), 1));
        assert_eq!((hosts(true), hosts(false)), (vec![], vec!["c".to_owned()]), "a rests");
        let b = gateways.current().clone();
        gateways.rotate(&b);
        assert_eq!(host(gateways.current()), "c");
        // All rest: the one that rests for the shortest time.
        let c = gateways.current().clone();
        gateways.rotate(&c);
        assert_eq!(host(gateways.current()), "a");
        gateways.turn_to(&a, &b, "better");
        assert_eq!((host(gateways.current()), gateways.switches().get()), ("b".into(), 4));
    }
}
