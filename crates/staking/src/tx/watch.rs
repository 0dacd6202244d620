//! From "a node has it" to a receipt: asks, replaces what is stuck, and gives up without saying "failed".

use alloy_primitives::{B256, U256};
use alloy_rpc_types_eth::{BlockId, TransactionReceipt};
use tokio::time::Instant;

use super::{
    Progress, Receipt, Request, Revert, Sender, TxError,
    journal::{Attempt, Journal},
    node::{Fate, NodeFault, Taken},
};

/// How a watched nonce ended.
pub(super) enum End {
    /// One of our transactions is in the chain.
    Mined(Receipt),
    /// Another wallet used the nonce.
    Displaced,
}

impl Sender {
    /// Follows the transactions of one nonce to their end.
    pub(super) async fn watch(
        &self,
        journal: &mut Journal,
        nonce: u64,
        request: &Request,
        started: Instant,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<End, TxError> {
        let timing = self.config.timing;
        let (mut last_sent, mut last_given) = (Instant::now(), Instant::now());
        loop {
            let entry = journal.entry(nonce);
            let hashes = entry.hashes();
            match self.nodes.fate(self.account, nonce, &hashes, timing.confirmations).await {
                Ok(Fate::Mined { receipt, depth }) if depth >= timing.confirmations => {
                    // Forgotten only now that the caller is going to hear of it.
                    journal.close(nonce)?;
                    let ours = |attempt: &&Attempt| attempt.hash == receipt.transaction_hash;
                    if let Some(other) = entry.attempts.iter().find(ours).filter(|found| found.intent != request.intent()) {
                        // Every node had refused it, and one has it after all.
                        progress(Progress::Earlier { what: other.what.clone(), hash: Some(other.hash) });
                        return Ok(End::Displaced);
                    }
                    return self.receipt(*receipt, request).await.map(End::Mined);
                }
                Ok(Fate::Mined { receipt, depth }) => {
                    let block = receipt.block_number.unwrap_or_default();
                    progress(Progress::Included { block, depth, wanted: timing.confirmations });
                }
                Ok(Fate::Displaced) => {
                    journal.close(nonce)?;
                    return Ok(End::Displaced);
                }
                Ok(Fate::Pending) => {
                    progress(Progress::Waiting { waited: started.elapsed() });
                    if last_sent.elapsed() >= timing.replace_after {
                        last_sent = Instant::now();
                        last_given = last_sent;
                        self.replace(journal, nonce, request, progress).await?;
                    } else if last_given.elapsed() >= timing.repeat_after {
                        // A node that was restarted has forgotten it.
                        last_given = Instant::now();
                        self.give_again(journal, nonce).await;
                    }
                }
                Err(fault) => progress(Progress::NoAnswer { reason: fault.to_string() }),
            }
            if started.elapsed() >= timing.give_up_after {
                return Err(TxError::Unknown { hashes, nonce, waited: started.elapsed() });
            }
            tokio::time::sleep(timing.poll).await;
        }
    }

    /// Gives the nodes the latest transaction with this nonce once more.
    pub(super) async fn give_again(&self, journal: &Journal, nonce: u64) {
        if let Some(attempt) = journal.entry(nonce).attempts.last() {
            let taken = self.nodes.broadcast(&attempt.raw).await;
            tracing::debug!(hash = %attempt.hash, nonce, ?taken, "transaction repeated");
        }
    }

    /// The same with a higher fee. Whatever goes wrong here, the earlier ones stay on their way.
    async fn replace(
        &self,
        journal: &mut Journal,
        nonce: u64,
        request: &Request,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), TxError> {
        let Some(mut before) = journal.entry(nonce).attempts.last().cloned() else { return Ok(()) };
        let Ok(suggested) = self.nodes.fees().await else { return Ok(()) };
        // Another wallet may have put something better paid under this nonce; a few steps find out.
        for _ in 0..4 {
            let Some(fees) = self.config.fees.bumped(before.fees(), suggested) else {
                self.give_again(journal, nonce).await;
                return Ok(());
            };
            let Ok(gas) = self.gas(request).await else { return Ok(()) };
            let attempt = self.sign(request, nonce, gas, fees).await?;
            journal.add(nonce, attempt.clone())?;
            match self.nodes.broadcast(&attempt.raw).await {
                Taken::Yes | Taken::Unclear(_) => {
                    progress(Progress::Sent { hash: attempt.hash, nonce, fees, replaces: true });
                    return Ok(());
                }
                Taken::Underpriced | Taken::Occupied => before = attempt,
                Taken::NonceUsed => return Ok(()),
                Taken::No(reason) => {
                    tracing::warn!(nonce, reason, "a replacement was refused");
                    return journal.not_out(nonce, attempt.hash);
                }
            }
        }
        Ok(())
    }

    async fn receipt(&self, receipt: TransactionReceipt, request: &Request) -> Result<Receipt, TxError> {
        let (hash, block) = (receipt.transaction_hash, receipt.block_number.unwrap_or_default());
        if !receipt.inner.status() {
            return Err(TxError::Reverted { hash, reason: self.reason(hash, block, request).await });
        }
        Ok(Receipt {
            hash,
            block,
            block_hash: receipt.block_hash.unwrap_or_default(),
            gas_used: receipt.gas_used,
            fee: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
            logs: receipt.inner.logs().iter().map(|log| log.inner.clone()).collect(),
        })
    }

    /// Why a transaction in the chain was refused: receipts do not say, so the call is made again where it was made.
    async fn reason(&self, hash: B256, block: u64, request: &Request) -> Revert {
        for at in [BlockId::from(block.saturating_sub(1)), BlockId::from(block)] {
            match self.nodes.call(self.account, request, at).await {
                Err(NodeFault::Error { revert: Some(data), .. }) => return Revert::decode(&data),
                Err(NodeFault::Error { message, .. }) => return Revert::from_message(message),
                Err(NodeFault::Silent(_)) => break,
                Ok(_) => {}
            }
        }
        tracing::debug!(%hash, block, "the call does not fail any more");
        Revert::from_message("it does not fail when called again; it may have run out of gas".to_owned())
    }
}
