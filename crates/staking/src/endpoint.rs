//! One execution node, asked over JSON-RPC.

use std::{future::IntoFuture, time::Duration};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, BloomInput};
use alloy_provider::{Provider as _, RootProvider};
use alloy_rpc_client::ClientBuilder;
use alloy_rpc_types_eth::{Filter, TransactionRequest};
use alloy_sol_types::SolCall;
use alloy_transport::{TransportError, layers::RetryBackoffLayer};
use async_trait::async_trait;
use reqwest::Url;

use crate::{
    Contracts, Deployment, FollowError, StoredLog,
    bindings::{ProverRegistry, Settlement, ValidatorSet},
    branch::{Blocks, Header},
};

/// How often a request is repeated when the node is busy, and from which pause on, ms.
const RETRIES: u32 = 4;
const FIRST_PAUSE_MS: u64 = 250;
/// Compute units a second that the node is taken to allow; a request counts as some twenty.
const UNITS_PER_SECOND: u64 = 500;
/// How long one answer may take, repetitions included.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node that is followed. What belongs together is asked of one node: another one may lag behind, and would answer a question about
/// blocks it does not have with "no logs".
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    provider: RootProvider,
    /// Host and port, without credentials or keys in the path.
    pub(crate) shown: String,
}

/// What is needed of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) timestamp: u64,
}

/// A log with block and place in the block.
pub(crate) type PlacedLog = ((u64, u64), StoredLog);

impl Endpoint {
    pub(crate) fn new(url: &str) -> Result<Self, FollowError> {
        let url: Url = url.parse().map_err(|error| FollowError::Url(format!("{error}")))?;
        let shown = format!("{}:{}", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0));
        let retry = RetryBackoffLayer::new(RETRIES, FIRST_PAUSE_MS, UNITS_PER_SECOND);
        Ok(Self { provider: RootProvider::new(ClientBuilder::default().layer(retry).http(url)), shown })
    }

    /// An answer, if it comes in time: a node that takes a question and says nothing is as good as gone.
    async fn in_time<T>(&self, request: impl IntoFuture<Output = Result<T, TransportError>>) -> Result<T, FollowError> {
        let failed = |reason: String| FollowError::Request { endpoint: self.shown.clone(), reason };
        match tokio::time::timeout(PATIENCE, request.into_future()).await {
            Ok(Ok(answer)) => Ok(answer),
            // A node that refuses for reasons of its own is asked again; a contract that is another one stays so.
            Ok(Err(error)) if error.as_error_resp().is_some_and(|refusal| refusal.message.contains("revert")) => {
                Err(self.unfit(error.to_string()))
            }
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// What a contract's view returns.
    async fn view<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return, FollowError> {
        let request = TransactionRequest::default().to(contract).input(call.abi_encode().into());
        // The block is named, since EthereumJS has no default for it.
        let answer = self.in_time(self.provider.call(request).block(BlockId::latest())).await?;
        C::abi_decode_returns(&answer).map_err(|error| self.unfit(format!("{contract}: {}: {error}", C::SIGNATURE)))
    }

    fn unfit(&self, reason: String) -> FollowError {
        FollowError::Deployment { endpoint: self.shown.clone(), reason }
    }

    /// What was fixed when the contracts were deployed, if they belong together.
    pub(crate) async fn deployment(&self, contracts: &Contracts) -> Result<Deployment, FollowError> {
        let Contracts { registry, validators, settlement } = *contracts;
        let links = [
            ("the registry's settlement contract", self.view(registry, ProverRegistry::SETTLEMENTCall {}).await?, settlement),
            ("the settlement contract's registry", self.view(settlement, Settlement::REGISTRYCall {}).await?, registry),
            (
                "the settlement contract's validator set",
                self.view(settlement, Settlement::VALIDATORSCall {}).await?,
                validators,
            ),
        ];
        for (what, got, expected) in links {
            if got != expected {
                return Err(self.unfit(format!("{what} is {got}, not {expected}")));
            }
        }
        Ok(Deployment {
            genesis_time: self.view(registry, ProverRegistry::GENESIS_TIMECall {}).await?,
            seconds_per_slot: self.view(registry, ProverRegistry::SECONDS_PER_SLOTCall {}).await?,
            slots_per_epoch: self.view(registry, ProverRegistry::SLOTS_PER_EPOCHCall {}).await?,
            fork_data_root: self.view(registry, ProverRegistry::FORK_DATA_ROOTCall {}).await?,
            settlement_epochs: self.view(settlement, Settlement::SETTLEMENT_EPOCHSCall {}).await?,
            wei_per_unit: self.view(settlement, Settlement::WEI_PER_UNITCall {}).await?,
            min_members: self.view(validators, ValidatorSet::MIN_MEMBERSCall {}).await?,
            min_total_weight_gwei: self.view(validators, ValidatorSet::MIN_TOTAL_WEIGHTCall {}).await?,
        })
    }

    pub(crate) async fn chain_id(&self) -> Result<u64, FollowError> {
        self.in_time(self.provider.get_chain_id()).await
    }

    /// A block by number or tag; `None` if the node does not have it.
    pub(crate) async fn block(&self, id: BlockId) -> Result<Option<BlockRef>, FollowError> {
        let block = self.in_time(self.provider.get_block(id)).await?;
        let header = block.map(|block| block.header);
        Ok(header.map(|header| BlockRef { number: header.number, hash: header.hash, timestamp: header.timestamp }))
    }

    /// As [`Self::block`], of a block that must be there.
    pub(crate) async fn known_block(&self, number: u64) -> Result<BlockRef, FollowError> {
        let missing =
            || FollowError::Inconsistent { endpoint: self.shown.clone(), reason: format!("block {number} is missing") };
        self.block(number.into()).await?.filter(|block| block.number == number).ok_or_else(missing)
    }

    /// The contracts' logs in the blocks from `from` to `to` (both included), in order.
    pub(crate) async fn logs(&self, contracts: &Contracts, from: u64, to: &BlockRef) -> Result<Vec<PlacedLog>, FollowError> {
        let addresses = contracts.addresses();
        let filter = Filter::new().address(addresses.clone()).from_block(from).to_block(to.number);
        let logs = self.in_time(self.provider.get_logs(&filter)).await?;
        let wrong = |reason: &str| FollowError::Inconsistent { endpoint: self.shown.clone(), reason: reason.to_owned() };
        let mut placed: Vec<PlacedLog> = Vec::with_capacity(logs.len());
        let mut block: Option<BlockRef> = None;
        for log in logs {
            let (Some(number), Some(hash), Some(index)) = (log.block_number, log.block_hash, log.log_index) else {
                return Err(wrong("a log without its place"));
            };
            if log.removed || !addresses.contains(&log.address()) || !(from..=to.number).contains(&number) {
                return Err(wrong("a log that was not asked for"));
            }
            // Not every node gives timestamps with logs, so they come from the headers, which also show that the log is of this chain.
            let of = match block.filter(|known| known.number == number) {
                Some(known) => known,
                None if number == to.number => *to,
                None => self.known_block(number).await?,
            };
            if of.hash != hash {
                return Err(wrong("a log of another chain"));
            }
            block = Some(of);
            let (contract, data) = (log.address(), log.inner.data);
            let stored =
                StoredLog { contract, timestamp: of.timestamp, topics: data.topics().to_vec(), data: data.data.to_vec() };
            placed.push(((number, index), stored));
        }
        if !placed.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(wrong("logs out of order"));
        }
        Ok(placed)
    }
}

#[async_trait]
impl Blocks for Endpoint {
    fn shown(&self) -> &str {
        &self.shown
    }

    async fn header(&self, contracts: &Contracts, hash: B256) -> Result<Option<Header>, FollowError> {
        let Some(block) = self.in_time(self.provider.get_block(hash.into())).await? else { return Ok(None) };
        let header = block.header;
        if header.hash != hash {
            let reason = format!("asked for block {hash}, it gave {}", header.hash);
            return Err(FollowError::Inconsistent { endpoint: self.shown.clone(), reason });
        }
        let touched = |address: &Address| header.logs_bloom.contains_input(BloomInput::Raw(address.as_slice()));
        Ok(Some(Header {
            block: BlockRef { number: header.number, hash, timestamp: header.timestamp },
            parent: header.parent_hash,
            touched: [contracts.registry, contracts.validators].iter().any(touched),
        }))
    }

    async fn logs_in(&self, contracts: &Contracts, block: &BlockRef) -> Result<Vec<StoredLog>, FollowError> {
        let addresses = vec![contracts.registry, contracts.validators];
        let filter = Filter::new().address(addresses.clone()).at_block_hash(block.hash);
        let logs = self.in_time(self.provider.get_logs(&filter)).await?;
        let wrong = |reason: &str| FollowError::Inconsistent { endpoint: self.shown.clone(), reason: reason.to_owned() };
        if logs.iter().any(|log| log.block_hash != Some(block.hash) || !addresses.contains(&log.address())) {
            return Err(wrong("a log that was not asked for"));
        }
        if !logs.is_sorted_by(|a, b| a.log_index.is_some() && a.log_index < b.log_index) {
            return Err(wrong("logs out of order"));
        }
        let stored = logs.into_iter().map(|log| {
            let (contract, data) = (log.address(), log.inner.data);
            StoredLog { contract, timestamp: block.timestamp, topics: data.topics().to_vec(), data: data.data.to_vec() }
        });
        Ok(stored.collect())
    }
}
