//! Asking contracts, without an account.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Log};
use alloy_rpc_types_eth::{BlockId, Filter};
use alloy_sol_types::{SolCall, SolEvent};

use super::{Request, TxError, node::Nodes};

/// Reads contracts of one chain through several nodes.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) nodes: Arc<Nodes>,
}

impl Reader {
    /// A reader; asks nobody.
    ///
    /// # Errors
    /// [`TxError::NoEndpoint`], [`TxError::Url`].
    pub fn new(endpoints: &[String], chain_id: u64) -> Result<Self, TxError> {
        Ok(Self { nodes: Arc::new(Nodes::new(endpoints, chain_id)?) })
    }

    /// That the nodes are on the right chain, and that one answers.
    ///
    /// # Errors
    /// [`TxError::WrongChain`], [`TxError::Unreachable`].
    pub async fn check_chain(&self) -> Result<(), TxError> {
        self.nodes.check_chain().await
    }

    /// What a view function returns as of the latest block.
    ///
    /// # Errors
    /// [`TxError::WouldRevert`] with the contract's refusal, [`TxError::Unreachable`], [`TxError::Refused`].
    pub async fn call<C: SolCall>(&self, contract: Address, call: &C) -> Result<C::Return, TxError> {
        let request = Request::call(contract, call, C::SIGNATURE);
        let answer = self.nodes.call(Address::ZERO, &request, BlockId::latest()).await;
        let data = answer.map_err(|fault| fault.before_sending())?;
        C::abi_decode_returns(&data).map_err(|error| {
            TxError::Refused(format!("{contract} does not answer {}: {error}; is it the right address?", C::SIGNATURE))
        })
    }

    /// Time of the latest block, seconds.
    ///
    /// # Errors
    /// [`TxError::Unreachable`], [`TxError::Refused`].
    pub async fn now(&self) -> Result<u64, TxError> {
        self.nodes.timestamp().await.map_err(|fault| fault.before_sending())
    }

    /// Events of one kind from block `from` on whose first indexed argument is `topic`.
    ///
    /// # Errors
    /// [`TxError::Unreachable`], [`TxError::Refused`].
    pub async fn events<E: SolEvent>(&self, contract: Address, from: u64, topic: B256) -> Result<Vec<E>, TxError> {
        let filter = Filter::new().address(contract).event_signature(E::SIGNATURE_HASH).topic1(topic).from_block(from);
        let logs = self.nodes.logs(&filter).await.map_err(|fault| fault.before_sending())?;
        Ok(logs.iter().filter_map(|log: &Log| E::decode_log(log).ok()).map(|log| log.data).collect())
    }
}
