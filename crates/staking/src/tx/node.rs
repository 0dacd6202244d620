//! Execution nodes, best first: each question goes to the first that answers, a transaction to all of them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use alloy_provider::{Provider as _, RootProvider};
use alloy_rpc_client::ClientBuilder;
use alloy_rpc_types_eth::{BlockId, Filter, TransactionInput, TransactionReceipt, TransactionRequest};
use alloy_transport::{TransportError, TransportResult};
use reqwest::Url;

use super::{Fees, Request, Revert, TxError};

/// How long one node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Node {
    provider: RootProvider,
    /// Host and port, without credentials or keys in the path.
    shown: String,
}

/// The nodes.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    chain_id: u64,
    /// The one that answered last.
    preferred: AtomicUsize,
}

/// Why a node gave no answer that can be used.
#[derive(Debug, Clone)]
pub(super) enum NodeFault {
    /// It did not answer, or not in the protocol's words. Another may.
    Silent(String),
    /// It answered with an error of its own.
    Error { message: String, revert: Option<Bytes> },
}

impl std::fmt::Display for NodeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Silent(message) | Self::Error { message, .. }) = self;
        f.write_str(message)
    }
}

/// What the nodes said to a transaction, the kindest of their answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// One has it.
    Yes,
    /// Nobody says so, and somebody may have it: a node did not answer.
    Unclear(String),
    /// Its nonce is used; whether by itself is another question.
    NonceUsed,
    /// Something with its nonce waits there that pays no less.
    Occupied,
    /// It pays less than they take.
    Underpriced,
    /// Every node refused.
    No(String),
}

/// What became of a nonce, as one node tells it.
#[derive(Debug)]
pub(super) enum Fate {
    /// One of the hashes is in the chain, with this many blocks on it (its own included).
    Mined { receipt: Box<TransactionReceipt>, depth: u64 },
    /// Something else used the nonce, as deep in the chain as was asked for.
    Displaced,
    /// Neither.
    Pending,
}

impl Nodes {
    pub(super) fn new(endpoints: &[String], chain_id: u64) -> Result<Self, TxError> {
        let node = |url: &String| {
            let url: Url = url.parse().map_err(|error| TxError::Url(format!("{error}")))?;
            let shown = format!("{}:{}", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0));
            Ok(Node { provider: RootProvider::new(ClientBuilder::default().http(url)), shown })
        };
        let nodes = endpoints.iter().map(node).collect::<Result<Vec<_>, TxError>>()?;
        if nodes.is_empty() {
            return Err(TxError::NoEndpoint);
        }
        Ok(Self { nodes, chain_id, preferred: AtomicUsize::new(0) })
    }

    /// Asks one node after the other, from the one that answered last on. An error of the protocol's own is an answer.
    async fn ask<'a, T, F, Fut>(&'a self, question: F) -> Result<T, NodeFault>
    where
        F: Fn(&'a RootProvider) -> Fut,
        Fut: Future<Output = TransportResult<T>>,
    {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut silent = Vec::new();
        for step in 0..self.nodes.len() {
            let place = (first + step) % self.nodes.len();
            let node = &self.nodes[place];
            match answer(question(&node.provider)).await {
                Err(NodeFault::Silent(reason)) => silent.push(format!("{}: {reason}", node.shown)),
                other => {
                    self.preferred.store(place, Ordering::Relaxed);
                    return other;
                }
            }
        }
        Err(NodeFault::Silent(silent.join("; ")))
    }

    /// That every node that answers is on the right chain, and that one does.
    pub(super) async fn check_chain(&self) -> Result<(), TxError> {
        let mut silent = Vec::new();
        for node in &self.nodes {
            match answer(async { node.provider.get_chain_id().await }).await {
                Ok(got) if got == self.chain_id => {}
                Ok(got) => return Err(TxError::WrongChain { endpoint: node.shown.clone(), expected: self.chain_id, got }),
                Err(fault) => silent.push(format!("{}: {fault}", node.shown)),
            }
        }
        if silent.len() < self.nodes.len() { Ok(()) } else { Err(TxError::Unreachable(silent.join("; "))) }
    }

    pub(super) async fn balance(&self, account: Address) -> Result<U256, NodeFault> {
        self.ask(|node| async move { node.get_balance(account).await }).await
    }

    /// Transactions of an account, those that wait in the node included.
    pub(super) async fn pending_nonce(&self, account: Address) -> Result<u64, NodeFault> {
        self.ask(|node| async move { node.get_transaction_count(account).pending().await }).await
    }

    pub(super) async fn fees(&self) -> Result<Fees, NodeFault> {
        let fees = self.ask(|node| async move { node.estimate_eip1559_fees().await }).await?;
        Ok(Fees { max: fees.max_fee_per_gas, priority: fees.max_priority_fee_per_gas })
    }

    /// What a call returns as of `block`.
    pub(super) async fn call(&self, from: Address, request: &Request, block: BlockId) -> Result<Bytes, NodeFault> {
        self.ask(|node| async move { node.call(plain(from, request)).block(block).await }).await
    }

    pub(super) async fn estimate(&self, from: Address, request: &Request) -> Result<u64, NodeFault> {
        self.ask(|node| async move { node.estimate_gas(plain(from, request)).block(BlockId::latest()).await }).await
    }

    pub(super) async fn timestamp(&self) -> Result<u64, NodeFault> {
        let block = self.ask(|node| async move { node.get_block(BlockId::latest()).await }).await?;
        block.map(|block| block.header.timestamp).ok_or_else(|| NodeFault::Silent("no block is there".to_owned()))
    }

    pub(super) async fn logs(&self, filter: &Filter) -> Result<Vec<Log>, NodeFault> {
        let logs = self.ask(|node| async move { node.get_logs(filter).await }).await?;
        Ok(logs.into_iter().map(|log| log.inner).collect())
    }

    /// Gives a transaction to every node.
    pub(super) async fn broadcast(&self, raw: &[u8]) -> Taken {
        let (mut silent, mut refused) = (Vec::new(), Vec::new());
        let mut best = None;
        for node in &self.nodes {
            let sent = answer(async { node.provider.send_raw_transaction(raw).await.map(|_| ()) }).await;
            match sent.map_err(|fault| (classify(&fault), fault)) {
                Ok(()) | Err((Refusal::Known, _)) => best = Some(Taken::Yes),
                Err((Refusal::NonceUsed, _)) => best = best.or(Some(Taken::NonceUsed)),
                Err((Refusal::Occupied, _)) => best = best.or(Some(Taken::Occupied)),
                Err((Refusal::Underpriced, _)) => best = best.or(Some(Taken::Underpriced)),
                Err((Refusal::Silent, fault)) => silent.push(format!("{}: {fault}", node.shown)),
                Err((Refusal::Other, fault)) => refused.push(format!("{}: {fault}", node.shown)),
            }
        }
        match best {
            Some(Taken::Yes) => Taken::Yes,
            _ if !silent.is_empty() => Taken::Unclear(silent.join("; ")),
            Some(other) => other,
            None => Taken::No(refused.join("; ")),
        }
    }

    /// What became of `nonce`, with everything asked of one node: another may lag behind, and would deny what the first has.
    pub(super) async fn fate(&self, account: Address, nonce: u64, hashes: &[B256], depth: u64) -> Result<Fate, NodeFault> {
        self.ask(|node| async move {
            let head = node.get_block_number().await?;
            // Before the receipts: a nonce that is used by one of the hashes has a receipt by then.
            let settled = head.saturating_sub(depth.saturating_sub(1));
            let used = node.get_transaction_count(account).block_id(settled.into()).await?;
            for hash in hashes.iter().rev() {
                let receipt = node.get_transaction_receipt(*hash).await?;
                if let Some(receipt) = receipt.filter(|receipt| receipt.block_number.is_some()) {
                    let block = receipt.block_number.unwrap_or_default();
                    return Ok(Fate::Mined { depth: head.max(block) - block + 1, receipt: Box::new(receipt) });
                }
            }
            Ok(if used > nonce { Fate::Displaced } else { Fate::Pending })
        })
        .await
    }
}

fn plain(from: Address, request: &Request) -> TransactionRequest {
    TransactionRequest {
        from: Some(from),
        to: Some(request.to.into()),
        value: Some(request.value),
        // Under both names: EthereumJS estimates by the older one.
        input: TransactionInput::both(request.data.clone()),
        ..TransactionRequest::default()
    }
}

async fn answer<T>(question: impl Future<Output = TransportResult<T>>) -> Result<T, NodeFault> {
    match tokio::time::timeout(PATIENCE, question).await {
        Err(_) => Err(NodeFault::Silent(format!("no answer within {} s", PATIENCE.as_secs()))),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(TransportError::ErrorResp(payload))) => {
            let revert = payload.as_revert_data();
            Err(NodeFault::Error { message: payload.message.into_owned(), revert })
        }
        // The transport's text repeats the URL, which may hold a key.
        Ok(Err(error)) => Err(NodeFault::Silent(shortened(&error))),
    }
}

fn shortened(error: &TransportError) -> String {
    let text = error.to_string();
    let cut = text.find("http").map_or(text.as_str(), |place| text[..place].trim_end_matches([' ', '(']));
    if cut.is_empty() { "not reachable".to_owned() } else { cut.trim_end_matches(" for url").to_owned() }
}

/// Why a node did not take a transaction. There are no codes for these, only each client's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Known,
    NonceUsed,
    Occupied,
    Underpriced,
    Silent,
    Other,
}

fn classify(fault: &NodeFault) -> Refusal {
    let NodeFault::Error { message, .. } = fault else { return Refusal::Silent };
    let message = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["already known", "already imported", "alreadyknown", "known transaction", "already in", "already exists"]) {
        Refusal::Known
    } else if has(&["nonce too low", "nonce is too low", "oldnonce", "nonce has already been used", "nonce_too_low"]) {
        Refusal::NonceUsed
    } else if has(&["replacement", "to replace", "replacementnotallowed"]) {
        Refusal::Occupied
    } else if has(&["underpriced", "feetoolow", "fee too low"]) {
        Refusal::Underpriced
    } else {
        Refusal::Other
    }
}

impl NodeFault {
    /// As an error of something that was not sent.
    pub(super) fn before_sending(self) -> TxError {
        match self {
            Self::Error { revert: Some(data), .. } => TxError::WouldRevert(Revert::decode(&data)),
            Self::Error { message, .. } if message.to_lowercase().contains("revert") => {
                TxError::WouldRevert(Revert::from_message(message))
            }
            Self::Error { message, .. } => TxError::Refused(message),
            Self::Silent(reason) => TxError::Unreachable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_words_are_understood() {
        let said = |message: &str| classify(&NodeFault::Error { message: message.to_owned(), revert: None });
        for (client, message, meaning) in [
            ("geth", "already known", Refusal::Known),
            ("nethermind", "AlreadyKnown", Refusal::Known),
            ("anvil", "transaction already imported", Refusal::Known),
            ("geth", "nonce too low: next nonce 5, tx nonce 4", Refusal::NonceUsed),
            ("nethermind", "OldNonce, Current nonce: 5", Refusal::NonceUsed),
            ("geth", "replacement transaction underpriced", Refusal::Occupied),
            ("besu", "Gas price too low to replace", Refusal::Occupied),
            ("geth", "transaction underpriced: gas tip cap 0, minimum needed 1", Refusal::Underpriced),
            ("geth", "insufficient funds for gas * price + value", Refusal::Other),
        ] {
            assert_eq!(said(message), meaning, "{client}: {message}");
        }
        assert_eq!(classify(&NodeFault::Silent("already known".into())), Refusal::Silent);
    }
}
