//! The gateways a daemon speaks to: one at a time, the next one when it fails; requests are repeated with back-off.

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::ensure;
use prometheus_client::metrics::counter::Counter;
use quintet_api::{ClientError, GatewayClient};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// First pause before a repetition; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause before a repetition.
const MAX_PAUSE: Duration = Duration::from_secs(4);

/// Now in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Gateways in order of preference, and which of them is in use.
#[derive(Debug)]
pub(crate) struct Gateways {
    clients: Vec<GatewayClient>,
    current: AtomicUsize,
    switches: Counter,
}

impl Gateways {
    /// Clients for some addresses.
    ///
    /// # Errors
    /// If there are none, or one is no address.
    pub(crate) fn new(addresses: &[String]) -> anyhow::Result<Self> {
        ensure!(!addresses.is_empty(), "name at least one gateway");
        let clients = addresses.iter().map(|address| GatewayClient::new(address, TIMEOUT)).collect::<Result<_, _>>()?;
        Ok(Self { clients, current: AtomicUsize::new(0), switches: Counter::default() })
    }

    /// The one in use.
    pub(crate) fn current(&self) -> &GatewayClient {
        &self.clients[self.current.load(Ordering::Relaxed) % self.clients.len()]
    }

    /// Counts turns to the next one.
    pub(crate) const fn switches(&self) -> &Counter {
        &self.switches
    }

    /// `failed` failed: the next one's turn, unless somebody else has turned to it already.
    pub(crate) fn rotate(&self, failed: &GatewayClient) {
        let current = self.current.load(Ordering::Relaxed);
        let place = current % self.clients.len();
        if self.clients.len() < 2 || self.clients[place].base() != failed.base() {
            return;
        }
        let next = (place + 1) % self.clients.len();
        if self.current.compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.switches.inc();
            tracing::warn!(failed = %failed.base(), next = %self.clients[next].base(), "turning to the next gateway");
        }
    }

    /// Repeats a request while it fails for reasons that may pass, until `until_ms` (Unix time).
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
            let error = match request(client.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
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
        assert_eq!((answer.unwrap_err().status(), tries.into_inner()), (Some(409), 1));
    }
}
