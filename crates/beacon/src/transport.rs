//! Requests to one of several beacon nodes: bounded answers, failover, refusal of nodes on another network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use alloy_rpc_types_beacon::genesis::GenesisResponse;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode, Url};

use crate::error::Error;

/// How to reach the beacon nodes.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Base URLs, most preferred first. Credentials in a URL are used and never logged.
    pub endpoints: Vec<String>,
    /// The network's genesis validators root. Without it, the first node that answers decides.
    pub genesis_validators_root: Option<B256>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// Longest pause before a failed endpoint is tried again.
    pub max_backoff: Duration,
    /// Largest answer that is read, in bytes.
    pub max_answer_bytes: usize,
}

impl ClientConfig {
    /// Defaults for `endpoints`: 8 s a request, 30 s back-off at most, 64 MiB an answer.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            genesis_validators_root: None,
            request_timeout: Duration::from_secs(8),
            max_backoff: Duration::from_secs(30),
            max_answer_bytes: crate::decode::MAX_BLOCK_BYTES,
        }
    }
}

/// First pause after a failure; doubles up to [`ClientConfig::max_backoff`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// What is known of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its network has not been checked since it last failed: a restarted node may be another one.
    Unchecked { failures: u32 },
    /// Right network, answers.
    Ready,
    /// Failed; not to be asked before `until`, unless nothing else is left.
    Down { until: Instant, failures: u32 },
    /// On another network; never asked again.
    Foreign(B256),
}

#[derive(Debug)]
struct Endpoint {
    base: String,
    label: String,
    standing: Mutex<Standing>,
}

impl Endpoint {
    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

/// What a node may send for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    Json,
    /// SSZ if the node can, JSON otherwise.
    SszOrJson,
    /// SSZ only, and only the first so many bytes.
    SszPrefix(u64),
}

impl Accept {
    const fn header(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::SszOrJson => "application/octet-stream;q=1.0,application/json;q=0.9",
            Self::SszPrefix(_) => "application/octet-stream",
        }
    }
}

/// A node's answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) is_ssz: bool,
    pub(crate) consensus_version: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) endpoint: String,
}

#[derive(Debug)]
pub(crate) struct Transport {
    http: Client,
    endpoints: Vec<Endpoint>,
    network: OnceLock<B256>,
    preferred: AtomicUsize,
    config: ClientConfig,
}

impl Transport {
    pub(crate) fn new(config: ClientConfig) -> Result<Self, Error> {
        let endpoints = config.endpoints.iter().map(|text| endpoint(text)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(Error::NoEndpoint);
        }
        // Redirects would let one node answer for another behind our back.
        let http = Client::builder()
            .connect_timeout(config.request_timeout.min(Duration::from_secs(5)))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("quintet/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Http)?;
        let network = OnceLock::new();
        if let Some(root) = config.genesis_validators_root {
            // A new cell is empty.
            let _ = network.set(root);
        }
        Ok(Self { http, endpoints, network, preferred: AtomicUsize::new(0), config })
    }

    pub(crate) const fn count(&self) -> usize {
        self.endpoints.len()
    }

    pub(crate) fn label(&self, index: usize) -> &str {
        &self.endpoints[index].label
    }

    /// Label of the endpoint that is asked first.
    pub(crate) fn preferred_label(&self) -> &str {
        self.label(self.preferred.load(Ordering::Relaxed).min(self.count() - 1))
    }

    /// Asks this endpoint first from now on.
    pub(crate) fn prefer(&self, index: usize) {
        self.preferred.store(index, Ordering::Relaxed);
    }

    /// Endpoints in the order in which to try them: the preferred one, then as configured; those that are down last and
    /// marked `true`, those on another network not at all.
    pub(crate) fn order(&self) -> Vec<(usize, bool)> {
        let preferred = self.preferred.load(Ordering::Relaxed).min(self.count() - 1);
        let now = Instant::now();
        let rank = |index: usize| match self.endpoints[index].standing() {
            Standing::Foreign(_) => None,
            Standing::Down { until, .. } if until > now => Some((2, until)),
            _ => Some((u8::from(index != preferred), now)),
        };
        let mut order: Vec<_> = (0..self.count()).filter_map(|index| Some((rank(index)?, index))).collect();
        order.sort();
        order.into_iter().map(|((rank, _), index)| (index, rank == 2)).collect()
    }

    /// Asks one endpoint after the other until one succeeds. A refusal (404 and the like) of one node is held until the
    /// others have been asked too: a node may lack what another has.
    pub(crate) async fn get(&self, path: &str, accept: Accept) -> Result<Answer, Error> {
        let mut refusal: Option<Answer> = None;
        let mut failure = None;
        for (index, is_down) in self.order() {
            if is_down && refusal.is_some() {
                break;
            }
            match self.get_from(index, path, accept).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                // "Not there" says more than "cannot say".
                Ok(answer) if refusal.as_ref().is_none_or(|held| held.status.is_server_error()) => {
                    refusal = Some(answer);
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        match (refusal, failure) {
            (Some(answer), _) => Ok(answer),
            (None, Some(error)) => Err(error),
            (None, None) => Err(self.all_foreign()),
        }
    }

    /// Asks one endpoint, after making sure that it is on the right network.
    pub(crate) async fn get_from(&self, index: usize, path: &str, accept: Accept) -> Result<Answer, Error> {
        self.ensure_network(index).await?;
        self.send(index, path, accept).await
    }

    /// Opens a response without reading its body, for event streams. Gives up when no header comes within `patience`.
    pub(crate) async fn open(&self, index: usize, path: &str, patience: Duration) -> Result<Response, Error> {
        self.ensure_network(index).await?;
        let endpoint = &self.endpoints[index];
        let request = self.http.get(format!("{}{path}", endpoint.base)).header(ACCEPT, "text/event-stream");
        match tokio::time::timeout(patience, request.send()).await {
            Err(_) => Err(Error::Events { endpoint: endpoint.label.clone(), reason: "no answer".into() }),
            Ok(Err(error)) => Err(self.failed(index, &error)),
            Ok(Ok(response)) => Ok(response),
        }
    }

    /// Checks all endpoints that can be reached.
    ///
    /// # Errors
    /// When none can, or one of them is on another network.
    pub(crate) async fn check_all(&self) -> Result<(), Error> {
        let mut reachable = false;
        let mut failure = None;
        for index in 0..self.count() {
            match self.ensure_network(index).await {
                Ok(()) => reachable = true,
                Err(error @ Error::WrongNetwork { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(endpoint = self.label(index), %error, "beacon node not reachable");
                    failure = Some(error);
                }
            }
        }
        if reachable { Ok(()) } else { Err(failure.unwrap_or(Error::NoEndpoint)) }
    }

    async fn ensure_network(&self, index: usize) -> Result<(), Error> {
        let endpoint = &self.endpoints[index];
        match endpoint.standing() {
            Standing::Ready => return Ok(()),
            Standing::Foreign(got) => return Err(self.wrong_network(index, got)),
            Standing::Unchecked { .. } | Standing::Down { .. } => {}
        }
        let path = "/eth/v1/beacon/genesis";
        let answer = self.send(index, path, Accept::Json).await?;
        let unusable = |reason: String| Error::Answer { endpoint: answer.endpoint.clone(), path: path.into(), reason };
        if !answer.status.is_success() {
            // A node that has not seen its genesis yet: nothing is wrong with the network.
            return Err(unusable(format!("answered {}", answer.status)));
        }
        let genesis: GenesisResponse = serde_json::from_slice(&answer.body).map_err(|error| unusable(error.to_string()))?;
        let got = genesis.data.genesis_validators_root;
        if got == *self.network.get_or_init(|| got) {
            endpoint.set(Standing::Ready);
            Ok(())
        } else {
            endpoint.set(Standing::Foreign(got));
            let error = self.wrong_network(index, got);
            tracing::error!(%error, "beacon node refused");
            Err(error)
        }
    }

    async fn send(&self, index: usize, path: &str, accept: Accept) -> Result<Answer, Error> {
        let endpoint = &self.endpoints[index];
        let request = self
            .http
            .get(format!("{}{path}", endpoint.base))
            .header(ACCEPT, accept.header())
            .timeout(self.config.request_timeout);
        let mut response = request.send().await.map_err(|error| self.failed(index, &error))?;
        let status = response.status();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let is_ssz = header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/octet-stream"));
        let consensus_version = header("eth-consensus-version");
        let limit = self.config.max_answer_bytes;
        let wanted = match accept {
            Accept::SszPrefix(bytes) if is_ssz => usize::try_from(bytes).unwrap_or(limit).min(limit),
            _ => usize::MAX,
        };
        let mut body = Vec::new();
        while body.len() < wanted
            && let Some(chunk) = response.chunk().await.map_err(|error| self.failed(index, &error))?
        {
            if wanted == usize::MAX && body.len() + chunk.len() > limit {
                let reason = format!("answer of more than {limit} bytes");
                return Err(Error::Answer { endpoint: endpoint.label.clone(), path: path.into(), reason });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_server_error() && status != StatusCode::INTERNAL_SERVER_ERROR {
            tracing::debug!(endpoint = endpoint.label, path, %status, "beacon node not ready");
        } else if let Standing::Unchecked { .. } | Standing::Down { .. } = endpoint.standing() {
            // Answers again; its network is checked before anything it says is used.
            endpoint.set(Standing::Unchecked { failures: 0 });
        }
        Ok(Answer { status, is_ssz, consensus_version, body, endpoint: endpoint.label.clone() })
    }

    fn failed(&self, index: usize, error: &reqwest::Error) -> Error {
        let endpoint = &self.endpoints[index];
        let failures = match endpoint.standing() {
            Standing::Down { failures, .. } | Standing::Unchecked { failures } => failures + 1,
            Standing::Ready => 1,
            Standing::Foreign(got) => return self.wrong_network(index, got),
        };
        let pause = FIRST_BACKOFF.saturating_mul(1 << (failures - 1).min(16)).min(self.config.max_backoff);
        endpoint.set(Standing::Down { until: Instant::now() + pause, failures });
        Error::Unreachable { endpoint: endpoint.label.clone(), reason: describe(error) }
    }

    fn wrong_network(&self, index: usize, got: B256) -> Error {
        let expected = self.network.get().copied().unwrap_or_default();
        Error::WrongNetwork { endpoint: self.label(index).to_owned(), expected, got }
    }

    fn all_foreign(&self) -> Error {
        let foreign = self.endpoints.iter().enumerate().find_map(|(index, endpoint)| match endpoint.standing() {
            Standing::Foreign(got) => Some(self.wrong_network(index, got)),
            _ => None,
        });
        foreign.unwrap_or(Error::NoEndpoint)
    }
}

fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let bad = || Error::BadEndpoint(text.chars().take(200).collect());
    let url = Url::parse(text).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad());
    }
    let mut label = url.clone();
    // Setting credentials only fails for URLs without a host.
    let _ = label.set_username("");
    let _ = label.set_password(None);
    label.set_query(None);
    Ok(Endpoint {
        base: url.as_str().trim_end_matches('/').to_owned(),
        label: label.as_str().trim_end_matches('/').to_owned(),
        standing: Mutex::new(Standing::Unchecked { failures: 0 }),
    })
}

/// The innermost cause. The outer ones would repeat the URL, which may hold credentials.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut text = "request failed".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
