//! The requests that Quintet makes of a beacon node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use alloy_primitives::B256;
use alloy_rpc_types_beacon::fork::Fork as StateFork;
use alloy_rpc_types_beacon::genesis::GenesisData;
use alloy_rpc_types_beacon::header::HeaderData;
use alloy_rpc_types_beacon::node::{HealthStatus, SyncStatus, VersionData};
use alloy_rpc_types_beacon::proposer::{ProposerDutiesResponse, ProposerDuty};
use alloy_rpc_types_beacon::state::FinalityCheckpoints;
use alloy_rpc_types_beacon::validator::ValidatorData;
use quintet_types::{Epoch, PublicKeyBytes, Slot, ValidatorIndex};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::block::{BlockInfo, Execution};
use crate::decode::{BlockDecoder, DecodeError};
use crate::error::Error;
use crate::fork::Fork;
use crate::ids::{BlockId, StateId};
use crate::payload::ExecutionPayloadParts;
use crate::spec::{ChainSpec, SpecValues};
use crate::state::{mix_in_state, mix_prefix_bytes};
use crate::transport::{Accept, Answer, ClientConfig, Transport};

/// How many proposers' keys are remembered. Keys never change; a bound only keeps memory in hand.
const MAX_KEYS: usize = 1 << 16;

/// A client for one or several beacon nodes of one network. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BeaconClient {
    pub(crate) transport: Arc<Transport>,
    spec: Arc<RwLock<Arc<ChainSpec>>>,
    keys: Arc<Mutex<HashMap<u64, PublicKeyBytes>>>,
}

/// An answer together with what the node says about its standing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Meta<T> {
    /// The answer.
    pub data: T,
    /// Whether it hangs on an execution payload that the node has not verified.
    #[serde(default)]
    pub execution_optimistic: bool,
    /// Whether it is part of finalized history. Older nodes do not say and count as `false`.
    #[serde(default)]
    pub finalized: bool,
}

#[derive(Deserialize)]
struct Randao {
    randao: B256,
}

impl BeaconClient {
    /// Reaches out to all endpoints, refuses those on another network, and reads the network's spec.
    ///
    /// # Errors
    /// When no endpoint answers, or one that answers is on another network than configured.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        let transport = Transport::new(config)?;
        transport.check_all().await?;
        let spec = read_spec(&transport).await?;
        let spec = Arc::new(RwLock::new(Arc::new(spec)));
        Ok(Self { transport: Arc::new(transport), spec, keys: Arc::default() })
    }

    /// The network, as its nodes described it last.
    #[must_use]
    pub fn spec(&self) -> Arc<ChainSpec> {
        self.spec.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the network's spec again. A node that was upgraded may know of a fork that it did not know before, and
    /// signatures after that fork verify only under its version.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer; the spec stays as it was.
    pub async fn refresh_spec(&self) -> Result<(), Error> {
        let spec = read_spec(&self.transport).await?;
        *self.spec.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(spec);
        Ok(())
    }

    /// `/eth/v1/beacon/genesis`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn genesis(&self) -> Result<GenesisData, Error> {
        Ok(self.json("/eth/v1/beacon/genesis").await?.data)
    }

    /// `/eth/v1/config/spec`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn config_spec(&self) -> Result<SpecValues, Error> {
        Ok(self.json("/eth/v1/config/spec").await?.data)
    }

    /// `/eth/v1/node/version`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn node_version(&self) -> Result<String, Error> {
        Ok(self.json::<VersionData>("/eth/v1/node/version").await?.data.version)
    }

    /// `/eth/v1/node/syncing`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn syncing(&self) -> Result<SyncStatus, Error> {
        Ok(self.json("/eth/v1/node/syncing").await?.data)
    }

    /// `/eth/v1/node/health`, which answers by its status alone.
    ///
    /// # Errors
    /// When no endpoint answers.
    pub async fn health(&self) -> Result<HealthStatus, Error> {
        let answer = self.transport.get("/eth/v1/node/health", Accept::Json).await?;
        Ok(match answer.status {
            StatusCode::OK => HealthStatus::Ready,
            StatusCode::PARTIAL_CONTENT => HealthStatus::Syncing,
            StatusCode::SERVICE_UNAVAILABLE => HealthStatus::NotInitialized,
            _ => HealthStatus::Unknown,
        })
    }

    /// `/eth/v1/beacon/states/{id}/fork`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn fork(&self, id: StateId) -> Result<Option<StateFork>, Error> {
        Ok(self.json_if_any(&format!("/eth/v1/beacon/states/{id}/fork")).await?.map(|meta| meta.data))
    }

    /// `/eth/v1/beacon/states/{id}/finality_checkpoints`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn finality(&self, id: StateId) -> Result<Option<FinalityCheckpoints>, Error> {
        let path = format!("/eth/v1/beacon/states/{id}/finality_checkpoints");
        Ok(self.json_if_any(&path).await?.map(|meta| meta.data))
    }

    /// `/eth/v1/beacon/headers/{id}`; `None` where there is no such block.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn header(&self, id: BlockId) -> Result<Option<Meta<HeaderData>>, Error> {
        self.json_if_any(&format!("/eth/v1/beacon/headers/{id}")).await
    }

    /// `/eth/v2/beacon/blocks/{id}`, decoded from whatever content type came; `None` where there is no such block.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer, or the block is not the one asked for by root.
    pub async fn block(&self, id: BlockId) -> Result<Option<BlockInfo>, Error> {
        let path = format!("/eth/v2/beacon/blocks/{id}");
        let answer = self.transport.get(&path, Accept::SszOrJson).await?;
        if is_absent(answer.status) {
            return Ok(None);
        }
        let block = self.decode_block(&succeeded(answer, &path)?, &path)?;
        match id {
            BlockId::Root(expected) if expected != block.0.block_root => {
                Err(Error::WrongBlock { endpoint: block.1, expected, got: block.0.block_root })
            }
            _ => Ok(Some(block.0)),
        }
    }

    fn decode_block(&self, answer: &Answer, path: &str) -> Result<(BlockInfo, String), Error> {
        let decoder = BlockDecoder::new(self.spec().preset);
        let decoded = if answer.is_ssz {
            self.fork_of(answer).and_then(|fork| decoder.ssz(fork, &answer.body))
        } else {
            // Electra and later nodes always send the version; the header stands in for older ones.
            decoder.json(&answer.body, answer.consensus_version.as_deref().and_then(|name| name.parse().ok()))
        };
        let endpoint = answer.endpoint.clone();
        match decoded {
            Ok(block) => Ok((block, endpoint)),
            Err(source) => Err(Error::Decode { endpoint, path: path.to_owned(), source: Box::new(source) }),
        }
    }

    /// Fork of an SSZ block: as the header says, otherwise by its slot.
    fn fork_of(&self, answer: &Answer) -> Result<Fork, DecodeError> {
        if let Some(name) = &answer.consensus_version {
            return Ok(name.parse()?);
        }
        // The message starts behind its offset and the signature, with the slot.
        let slot = answer.body.get(100..108).and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        let slot = Slot(slot.ok_or(DecodeError::Envelope("a slot"))?);
        let spec = self.spec();
        spec.forks.fork_at(spec.epoch_of(slot)).ok_or(DecodeError::Envelope("a known fork"))
    }

    /// `/eth/v1/beacon/execution_payload_envelopes/{root}` (Gloas): the payload that `block` promised, held against its
    /// bid. `None` while the node does not have it.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer, or the envelope breaks the bid.
    pub async fn payload_of(&self, block: &BlockInfo) -> Result<Option<ExecutionPayloadParts>, Error> {
        let path = format!("/eth/v1/beacon/execution_payload_envelopes/{:?}", block.block_root);
        let answer = self.transport.get(&path, Accept::SszOrJson).await?;
        if is_absent(answer.status) {
            return Ok(None);
        }
        let answer = succeeded(answer, &path)?;
        let decoder = BlockDecoder::new(self.spec().preset);
        let decoded =
            if answer.is_ssz { decoder.envelope_ssz(&answer.body, block) } else { decoder.envelope_json(&answer.body, block) };
        decoded.map(Some).map_err(|source| Error::Decode { endpoint: answer.endpoint, path, source: Box::new(source) })
    }

    /// A block together with its payload, also where that comes in an envelope of its own.
    ///
    /// # Errors
    /// As [`Self::block`] and [`Self::payload_of`].
    pub async fn block_with_payload(&self, id: BlockId) -> Result<Option<BlockInfo>, Error> {
        let Some(mut block) = self.block(id).await? else { return Ok(None) };
        if let Execution::Promised(_) = block.execution
            && let Some(payload) = self.payload_of(&block).await?
        {
            block.execution = Execution::Payload(Arc::new(payload));
        }
        Ok(Some(block))
    }

    /// `/eth/v1/validator/duties/proposer/{epoch}`. Nodes answer for the current and next epoch; `None` beyond. They are a function of the
    /// node's head; see [`Self::proposers_after`] for what is the same in all nodes.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn proposer_duties(&self, epoch: Epoch) -> Result<Option<Vec<ProposerDuty>>, Error> {
        let path = format!("/eth/v1/validator/duties/proposer/{epoch}");
        let answer = self.transport.get(&path, Accept::Json).await?;
        // Lodestar answers 500 for an epoch that is too far off.
        if is_absent(answer.status) || answer.status == StatusCode::INTERNAL_SERVER_ERROR {
            return Ok(None);
        }
        let answer = succeeded(answer, &path)?;
        let duties: ProposerDutiesResponse = parse(&answer, &path)?;
        Ok(Some(duties.data))
    }

    /// `/eth/v1/beacon/states/{id}/validators`: all validators, or those in `indices`.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn validators(&self, id: StateId, indices: &[ValidatorIndex]) -> Result<Vec<ValidatorData>, Error> {
        let mut path = format!("/eth/v1/beacon/states/{id}/validators");
        if !indices.is_empty() {
            let list: Vec<_> = indices.iter().map(ToString::to_string).collect();
            path = format!("{path}?id={}", list.join(","));
        }
        Ok(self.json(&path).await?.data)
    }

    /// `/eth/v1/beacon/states/{id}/validators/{index}`; `None` for an index that does not exist.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn validator(&self, id: StateId, index: ValidatorIndex) -> Result<Option<ValidatorData>, Error> {
        let path = format!("/eth/v1/beacon/states/{id}/validators/{index}");
        Ok(self.json_if_any(&path).await?.map(|meta| meta.data))
    }

    /// The public key of a validator. Keys never change, so that each is asked for once. `None` for an index that the
    /// nodes' head states do not have.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn public_key(&self, index: ValidatorIndex) -> Result<Option<PublicKeyBytes>, Error> {
        if let Some(key) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&index.0) {
            return Ok(Some(*key));
        }
        let Some(data) = self.validator(StateId::Head, index).await? else { return Ok(None) };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(index.0, data.validator.pubkey);
        Ok(Some(data.validator.pubkey))
    }

    /// `/eth/v1/beacon/states/{id}/randao`: the mix of the state's epoch. `None` where the node does not offer the
    /// route (Lodestar 1.5) or has pruned the state.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn randao(&self, id: StateId) -> Result<Option<B256>, Error> {
        let meta = self.json_if_any::<Randao>(&format!("/eth/v1/beacon/states/{id}/randao")).await?;
        Ok(meta.map(|meta| meta.data.randao))
    }

    /// The mix out of the state itself, by `/eth/v2/debug/beacon/states/{id}` as SSZ. Only as much of the state is read
    /// as it takes to reach the mixes. `None` where the node does not offer debug routes or has pruned the state.
    ///
    /// # Errors
    /// When no endpoint gives a usable answer.
    pub async fn randao_from_state(&self, id: StateId) -> Result<Option<(Slot, B256)>, Error> {
        let path = format!("/eth/v2/debug/beacon/states/{id}");
        let accept = Accept::SszPrefix(mix_prefix_bytes(&self.spec().preset));
        let answer = self.transport.get(&path, accept).await?;
        if !answer.status.is_success() || !answer.is_ssz {
            return Ok(None);
        }
        Ok(mix_in_state(&self.spec().preset, &answer.body))
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Meta<T>, Error> {
        Ok(fetch(&self.transport, path).await?.0)
    }

    pub(crate) async fn json_if_any<T: DeserializeOwned>(&self, path: &str) -> Result<Option<Meta<T>>, Error> {
        let answer = self.transport.get(path, Accept::Json).await?;
        if is_absent(answer.status) {
            return Ok(None);
        }
        parse(&succeeded(answer, path)?, path).map(Some)
    }
}

async fn read_spec(transport: &Transport) -> Result<ChainSpec, Error> {
    let genesis: GenesisData = fetch(transport, "/eth/v1/beacon/genesis").await?.0.data;
    let (values, endpoint) = fetch::<SpecValues>(transport, "/eth/v1/config/spec").await?;
    ChainSpec::new(values.data, genesis.genesis_time, genesis.genesis_validators_root)
        .map_err(|source| Error::Spec { endpoint, source })
}

async fn fetch<T: DeserializeOwned>(transport: &Transport, path: &str) -> Result<(Meta<T>, String), Error> {
    let answer = succeeded(transport.get(path, Accept::Json).await?, path)?;
    Ok((parse(&answer, path)?, answer.endpoint))
}

/// Statuses by which nodes say that they do not have something, or do not know the route.
fn is_absent(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}

fn succeeded(answer: Answer, path: &str) -> Result<Answer, Error> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(Error::Status {
        endpoint: answer.endpoint,
        path: path.to_owned(),
        status: answer.status.as_u16(),
        message: String::from_utf8_lossy(&answer.body).chars().take(200).collect(),
    })
}

fn parse<T: DeserializeOwned>(answer: &Answer, path: &str) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Answer {
        endpoint: answer.endpoint.clone(),
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
