//! The client of the gateway.

use std::{pin::Pin, time::Duration};

use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt};
use quintet_types::{Encode, JobId, LedgerEntry, Plan, PublicKeyBytes, Root, Spec, Submission};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Accepted, Assignment, CertificateView, Challenge, ClaimView, Data, ErrorBody, Event, EventKind, EvidenceView, Identity,
    JSON, JobDetail, JobFilter, JobReuse, JobSummary, LedgerView, Page, PeersView, ProverDetail, ProverFilter, ProverView,
    RewardEntry, SSZ, SelectionView, SettlementDetail, SettlementSignatures, SettlementSummary, SignaturesTaken,
    SubmissionView, Syncing, Topic, ValidatorsView,
};

/// Largest answer that is read: a full proof in its materialised form, with room.
const MAX_ANSWER: usize = 16 << 20;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The gateway could not be reached, or the connection broke.
    #[error("{url}: {source}")]
    Transport {
        /// What was asked for.
        url: Url,
        /// The cause.
        source: reqwest::Error,
    },
    /// The gateway did not answer within the time that the caller has.
    #[error("{url}: no answer within {waited_ms} ms")]
    Silent {
        /// The gateway.
        url: Url,
        /// How long it was waited for.
        waited_ms: u64,
    },
    /// The gateway refused.
    #[error("{url}: {code} {message}")]
    Refused {
        /// What was asked for.
        url: Url,
        /// HTTP status.
        code: u16,
        /// Its reason.
        message: String,
    },
    /// The answer is not what it should be.
    #[error("{url}: unexpected answer: {what}")]
    Answer {
        /// What was asked for.
        url: Url,
        /// What is wrong with it.
        what: String,
    },
    /// The base address cannot be used.
    #[error("{0:?} is not the address of a gateway; it looks like http://127.0.0.1:5062")]
    Address(String),
}

impl ClientError {
    /// Whether the same request may succeed later: connection faults, 408, 425, 429 and server errors.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Silent { .. } => true,
            Self::Refused { code, .. } => matches!(code, 408 | 425 | 429 | 500..),
            Self::Answer { .. } | Self::Address(_) => false,
        }
    }

    /// The HTTP status with which the gateway refused.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Events as they come.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>;

/// A client of one gateway. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GatewayClient {
    http: reqwest::Client,
    streams: reqwest::Client,
    base: Url,
}

impl GatewayClient {
    /// A client for the gateway at `base`, e.g. `http://127.0.0.1:5062`. `timeout` bounds each request but event streams.
    ///
    /// # Errors
    /// If `base` is no HTTP address.
    pub fn new(base: &str, timeout: Duration) -> Result<Self, ClientError> {
        Self::with_roots(base, timeout, &[])
    }

    /// As [`Self::new`], for a gateway whose certificate hangs on one of `roots` rather than on the system's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_roots(base: &str, timeout: Duration, roots: &[reqwest::Certificate]) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(base.to_owned());
        let mut url = Url::parse(base).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let builder = || {
            let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
            if roots.is_empty() { builder } else { builder.tls_certs_only(roots.iter().cloned()) }
        };
        let (http, streams) = (builder().timeout(timeout).build(), builder().build());
        let (Ok(http), Ok(streams)) = (http, streams) else { return Err(wrong()) };
        Ok(Self { http, streams, base: url })
    }

    /// Address of the gateway.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    fn url(&self, path: &str) -> Url {
        // Paths are made of literals, hex and numbers, which always join.
        self.base.join(path).unwrap_or_else(|_| self.base.clone())
    }

    async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|source| ClientError::Transport { url: url.clone(), source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        let message =
            serde_json::from_str::<ErrorBody>(&text).map_or_else(|_| text.chars().take(200).collect(), |body| body.message);
        Err(ClientError::Refused { url: url.clone(), code, message })
    }

    async fn bytes(&self, mut response: Response, url: &Url) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| ClientError::Transport { url: url.clone(), source })? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(ClientError::Answer { url: url.clone(), what: format!("longer than {MAX_ANSWER} bytes") });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let url = self.url(path);
        let request = self.http.get(url.clone()).header(header::ACCEPT, JSON);
        let response = self.send(request, &url).await?;
        let bytes = self.bytes(response, &url).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer { url, what: error.to_string() })
    }

    async fn data<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.json::<Data<T>>(path).await.map(|body| body.data)
    }

    async fn ssz<T: quintet_types::Decode>(&self, path: &str) -> Result<T, ClientError> {
        let url = self.url(path);
        let request = self.http.get(url.clone()).header(header::ACCEPT, SSZ);
        let response = self.send(request, &url).await?;
        let bytes = self.bytes(response, &url).await?;
        T::from_ssz_bytes(&bytes).map_err(|error| ClientError::Answer { url, what: format!("{error:?}") })
    }

    /// Whether the gateway is up; false also while its beacon node is away.
    pub async fn is_healthy(&self) -> bool {
        let url = self.url("v1/node/health");
        self.http.get(url).send().await.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    /// Parameters of the network.
    pub async fn spec(&self) -> Result<Spec, ClientError> {
        self.data("v1/spec").await
    }

    /// Who the gateway is.
    pub async fn identity(&self) -> Result<Identity, ClientError> {
        self.data("v1/node/identity").await
    }

    /// How far its chain is.
    pub async fn syncing(&self) -> Result<Syncing, ClientError> {
        self.data("v1/node/syncing").await
    }

    /// Jobs, newest first.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Page<JobSummary>, ClientError> {
        self.page("v1/jobs", filter).await
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, filter: &impl Serialize) -> Result<Page<T>, ClientError> {
        let mut url = self.url(path);
        let fields = serde_json::to_value(filter).unwrap_or_default();
        if let Some(fields) = fields.as_object() {
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            url.query_pairs_mut().extend_pairs(fields.iter().map(|(key, value)| (key, text(value))));
        }
        let path = url.as_str().trim_start_matches(self.base.as_str()).to_owned();
        self.json(&path).await
    }

    /// One job.
    pub async fn job(&self, job: &JobId) -> Result<JobDetail, ClientError> {
        self.data(&format!("v1/jobs/{job}")).await
    }

    /// The canonical input of the guest.
    pub async fn input(&self, job: &JobId) -> Result<Vec<u8>, ClientError> {
        let url = self.url(&format!("v1/jobs/{job}/input"));
        let response = self.send(self.http.get(url.clone()).header(header::ACCEPT, SSZ), &url).await?;
        self.bytes(response, &url).await
    }

    /// The plan.
    pub async fn plan(&self, job: &JobId) -> Result<Plan, ClientError> {
        self.ssz(&format!("v1/jobs/{job}/plan")).await
    }

    /// What the selection was drawn from.
    pub async fn selection(&self, job: &JobId) -> Result<SelectionView, ClientError> {
        self.data(&format!("v1/jobs/{job}/selection")).await
    }

    /// Who owes what.
    pub async fn assignments(&self, job: &JobId) -> Result<Vec<Assignment>, ClientError> {
        self.data(&format!("v1/jobs/{job}/assignments")).await
    }

    /// D and the challenge, once T1 is closed.
    pub async fn challenge(&self, job: &JobId) -> Result<Challenge, ClientError> {
        self.data(&format!("v1/jobs/{job}/challenge")).await
    }

    /// Submissions of one kind, without bodies. `kind` is `commitments`, `partial_proofs` or `full_proofs`.
    pub async fn submissions(&self, job: &JobId, kind: &str) -> Result<Vec<SubmissionView>, ClientError> {
        self.data(&format!("v1/jobs/{job}/{kind}")).await
    }

    /// A submission with its body.
    pub async fn submission(&self, job: &JobId, kind: &str, body_root: &Root) -> Result<Submission, ClientError> {
        self.ssz(&format!("v1/jobs/{job}/{kind}/{body_root}")).await
    }

    /// Ledger entries of a job.
    pub async fn rewards(&self, job: &JobId) -> Result<Vec<RewardEntry>, ClientError> {
        self.data(&format!("v1/jobs/{job}/rewards")).await
    }

    /// All provers by index, a page at a time.
    pub async fn provers(&self) -> Result<Vec<ProverView>, ClientError> {
        let (mut provers, mut filter) = (Vec::new(), ProverFilter::default());
        loop {
            let page: Page<ProverView> = self.page("v1/provers", &filter).await?;
            // A page that does not go on would be asked for without end.
            let last = page.data.last().map(|prover| prover.index.0);
            provers.extend(page.data);
            if page.next.is_none() || last.is_none() || last <= filter.after {
                return Ok(provers);
            }
            filter.after = last;
        }
    }

    /// One prover with duties and history.
    pub async fn prover(&self, pubkey: &PublicKeyBytes) -> Result<ProverDetail, ClientError> {
        self.data(&format!("v1/provers/{pubkey}")).await
    }

    /// The ledger.
    pub async fn ledger(&self) -> Result<LedgerView, ClientError> {
        self.data("v1/ledger").await
    }

    /// Settlements, newest first, at most `limit` of them.
    pub async fn settlements(&self, limit: u64) -> Result<Vec<SettlementSummary>, ClientError> {
        self.data(&format!("v1/ledger/settlements?limit={limit}")).await
    }

    /// A settlement with its signers and `limit` leaves from `offset` on.
    pub async fn settlement(&self, number: u64, offset: u64, limit: u64) -> Result<SettlementDetail, ClientError> {
        self.data(&format!("v1/ledger/settlements/{number}?offset={offset}&limit={limit}")).await
    }

    /// What a prover shows to the settlement contract: its leaf under settlement `number`, or under the newest that was posted.
    pub async fn claim(&self, pubkey: &PublicKeyBytes, number: Option<u64>) -> Result<ClaimView, ClientError> {
        let query = number.map(|number| format!("?settlement={number}")).unwrap_or_default();
        self.data(&format!("v1/provers/{pubkey}/claim{query}")).await
    }

    /// Hands in validators' signatures under a settlement. Those that are accepted are on the gateway's disk.
    pub async fn sign_settlement(
        &self,
        number: u64,
        signatures: &SettlementSignatures,
    ) -> Result<SignaturesTaken, ClientError> {
        let url = self.url(&format!("v1/ledger/settlements/{number}/signatures"));
        let response = self.send(self.http.post(url.clone()).json(signatures), &url).await?;
        let bytes = self.bytes(response, &url).await?;
        let body: Data<SignaturesTaken> =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer { url, what: error.to_string() })?;
        Ok(body.data)
    }

    /// Leaders and certificates of a job's phases.
    pub async fn certificates(&self, job: &JobId) -> Result<Vec<CertificateView>, ClientError> {
        self.data(&format!("v1/jobs/{job}/certificates")).await
    }

    /// Whose partial proofs a job's full proofs are made of.
    pub async fn reuse(&self, job: &JobId) -> Result<JobReuse, ClientError> {
        self.data(&format!("v1/jobs/{job}/reuse")).await
    }

    /// Sidecars that the gateway's is connected with.
    pub async fn peers(&self) -> Result<PeersView, ClientError> {
        self.data("v1/node/peers").await
    }

    /// The enrolled validators.
    pub async fn validators(&self) -> Result<ValidatorsView, ClientError> {
        self.data("v1/validators").await
    }

    /// Evidence of faults.
    pub async fn evidence(&self) -> Result<EvidenceView, ClientError> {
        self.data("v1/evidence").await
    }

    /// All entries of the ledger of one job, without the names of parameters.
    pub async fn ledger_entries(&self, job: &JobId) -> Result<Vec<LedgerEntry>, ClientError> {
        Ok(self.rewards(job).await?.into_iter().map(|reward| reward.entry).collect())
    }

    /// Posts a submission. It is on the gateway's disk when this returns `Ok`.
    pub async fn submit(&self, submission: &Submission) -> Result<Accepted, ClientError> {
        let (job, kind, body) = match submission {
            Submission::Commitments(signed) => (signed.job, "commitments", signed.as_ssz_bytes()),
            Submission::PartialProofs(signed) => (signed.job, "partial_proofs", signed.as_ssz_bytes()),
            Submission::FullProof(signed) => (signed.job, "full_proofs", signed.as_ssz_bytes()),
            Submission::AggProof(signed) => (signed.job, "agg_proofs", signed.as_ssz_bytes()),
        };
        let url = self.url(&format!("v1/jobs/{job}/{kind}"));
        let request = self.http.request(Method::POST, url.clone()).header(header::CONTENT_TYPE, SSZ).body(body);
        let response = self.send(request, &url).await?;
        let bytes = self.bytes(response, &url).await?;
        let body: Data<Accepted> =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer { url, what: error.to_string() })?;
        Ok(body.data)
    }

    /// Subscribes to events; with `after`, those since that id that the gateway still has come first.
    pub async fn events(&self, topics: &[Topic], after: Option<u64>) -> Result<EventStream, ClientError> {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name()).collect();
        let url = self.url(&format!("v1/events?topics={}", names.join(",")));
        let mut request = self.streams.get(url.clone()).header(header::ACCEPT, "text/event-stream");
        if let Some(id) = after {
            request = request.header("Last-Event-ID", id.to_string());
        }
        let response = self.send(request, &url).await?;
        let stream = response.bytes_stream().eventsource().filter_map(move |line| {
            let url = url.clone();
            std::future::ready(match line {
                Ok(line) if line.data.is_empty() => None,
                Ok(line) => Some(
                    serde_json::from_str::<EventKind>(&line.data)
                        .map(|kind| Event { id: line.id.parse().unwrap_or_default(), kind })
                        .map_err(|error| ClientError::Answer { url, what: error.to_string() }),
                ),
                Err(error) => Some(Err(ClientError::Answer { url, what: error.to_string() })),
            })
        });
        Ok(Box::pin(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_named() {
        for wrong in ["", "localhost:5062", "ftp://host/", "http://"] {
            let error = GatewayClient::new(wrong, Duration::from_secs(1)).unwrap_err();
            assert!(error.to_string().contains("is not the address of a gateway"), "{error}");
        }
    }

    #[test]
    fn a_path_prefix_of_the_gateway_is_kept() {
        let client = GatewayClient::new("http://host:1/quintet", Duration::from_secs(1)).unwrap();
        assert_eq!(client.url("v1/spec").as_str(), "http://host:1/quintet/v1/spec");
    }
}
