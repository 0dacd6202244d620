//! The sender: one account on one chain, through several nodes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, Bytes, TxKind};
use alloy_rpc_types_eth::BlockId;
use tokio::time::Instant;

use super::{
    BoxedSigner, FeePolicy, Fees, Preview, Progress, Reader, Receipt, Request, TxError,
    journal::{Attempt, Journal, unix_now},
    node::{Fate, Nodes, Taken},
    watch::End,
};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Blocks that a receipt must have on it, its own included.
    pub confirmations: u64,
    /// Between two questions for the receipt.
    pub poll: Duration,
    /// A transaction that is not included by then is replaced with a higher fee.
    pub replace_after: Duration,
    /// The same transaction is given to the nodes again this often.
    pub repeat_after: Duration,
    /// After this the outcome is [`TxError::Unknown`].
    pub give_up_after: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            confirmations: 2,
            poll: Duration::from_secs(2),
            replace_after: Duration::from_secs(60),
            repeat_after: Duration::from_secs(24),
            give_up_after: Duration::from_secs(600),
        }
    }
}

/// Where a sender sends to, and how.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Execution nodes, best first.
    pub endpoints: Vec<String>,
    /// The execution chain.
    pub chain_id: u64,
    /// Folder of the journals. All programs that send from one account must share it.
    pub journal: PathBuf,
    /// What may be paid.
    pub fees: FeePolicy,
    /// How long things may take.
    pub timing: Timing,
}

/// Sends transactions from one account.
pub struct Sender {
    pub(super) config: SenderConfig,
    pub(super) nodes: Arc<Nodes>,
    pub(super) account: Address,
    signer: BoxedSigner,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("account", &self.account).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender for the signer's account; asks nobody.
    ///
    /// # Errors
    /// [`TxError::NoEndpoint`], [`TxError::Url`].
    pub fn new(config: SenderConfig, signer: BoxedSigner) -> Result<Self, TxError> {
        let nodes = Arc::new(Nodes::new(&config.endpoints, config.chain_id)?);
        Ok(Self { config, nodes, account: signer.address(), signer })
    }

    /// The account that pays.
    #[must_use]
    pub const fn account(&self) -> Address {
        self.account
    }

    /// Asks contracts through the same nodes.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { nodes: Arc::clone(&self.nodes) }
    }

    /// Reads from a contract as of the latest block.
    ///
    /// # Errors
    /// [`TxError::WouldRevert`], [`TxError::Unreachable`], [`TxError::Refused`].
    pub async fn read(&self, request: &Request) -> Result<Bytes, TxError> {
        self.nodes.call(self.account, request, BlockId::latest()).await.map_err(|fault| fault.before_sending())
    }

    /// A dry run: what the request would return and cost. Sends nothing, and writes nothing.
    ///
    /// # Errors
    /// Whatever [`Sender::send`] would refuse to send.
    pub async fn preview(&self, request: &Request) -> Result<Preview, TxError> {
        self.nodes.check_chain().await?;
        let returned = self.read(request).await?;
        let gas = self.gas(request).await?;
        let fees = self.first_fees().await?;
        let balance = self.nodes.balance(self.account).await.map_err(|fault| fault.before_sending())?;
        let preview = Preview { from: self.account, balance, gas, fees, returned };
        let needed = preview.needed(request);
        if balance < needed {
            return Err(TxError::Insufficient { balance, needed });
        }
        Ok(preview)
    }

    /// Whether the journal has this request as sent and not heard of since. Asks no node; `true` while another process holds the journal.
    ///
    /// # Errors
    /// [`TxError::Journal`].
    pub fn is_under_way(&self, request: &Request) -> Result<bool, TxError> {
        let intent = request.intent();
        let journal = Journal::open(&self.config.journal, self.config.chain_id, self.account)?;
        let has = |journal: Journal| {
            journal.entries().values().any(|entry| entry.attempts.iter().any(|attempt| attempt.out && attempt.intent == intent))
        };
        Ok(journal.is_none_or(has))
    }

    /// Sends a request and waits until it is in the chain, as deep as [`Timing::confirmations`] says. If the same request (contract, value,
    /// arguments) is under way from an earlier call, that one is followed and nothing new is sent.
    ///
    /// # Errors
    /// [`TxError::Unknown`] means what it says. All other errors say whether something was sent.
    pub async fn send(&self, request: &Request, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Receipt, TxError> {
        let started = Instant::now();
        let mut journal = self.journal(started, progress).await?;
        self.nodes.check_chain().await?;
        if let Some(nonce) = self.settle(&mut journal, request, progress).await?
            && let End::Mined(receipt) = self.watch(&mut journal, nonce, request, started, progress).await?
        {
            return Ok(receipt);
        }
        loop {
            let nonce = self.send_new(&mut journal, request, progress).await?;
            match self.watch(&mut journal, nonce, request, started, progress).await? {
                End::Mined(receipt) => return Ok(receipt),
                End::Displaced => progress(Progress::NonceTaken { nonce }),
            }
        }
    }

    /// The account's journal, once no one else has it.
    async fn journal(&self, started: Instant, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Journal, TxError> {
        let SenderConfig { journal: folder, chain_id, timing, .. } = &self.config;
        let mut told = false;
        loop {
            if let Some(journal) = Journal::open(folder, *chain_id, self.account)? {
                return Ok(journal);
            }
            if started.elapsed() >= timing.give_up_after {
                return Err(TxError::Busy { path: Journal::lock_of(folder, *chain_id, self.account) });
            }
            if !std::mem::replace(&mut told, true) {
                progress(Progress::WaitingForAccount);
            }
            tokio::time::sleep(timing.poll.min(Duration::from_millis(250))).await;
        }
    }

    /// Asks what became of everything that was sent before. Returns the nonce under which `request` itself is under way.
    async fn settle(
        &self,
        journal: &mut Journal,
        request: &Request,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Option<u64>, TxError> {
        let (intent, mut same) = (request.intent(), None);
        for (nonce, entry) in journal.entries().clone() {
            let Some(last) = entry.attempts.last() else { continue };
            let fate = self.nodes.fate(self.account, nonce, &entry.hashes(), self.config.timing.confirmations).await;
            match fate.map_err(|fault| TxError::Unreachable(fault.to_string()))? {
                // Refused by every node: what comes next takes its nonce.
                Fate::Pending if !entry.is_out() => {}
                // Its outcome has not been told yet, so it is what is being asked for.
                Fate::Mined { .. } | Fate::Pending if last.intent == intent => {
                    progress(Progress::Resumed { hash: last.hash, nonce });
                    same = Some(nonce);
                    self.give_again(journal, nonce).await;
                }
                Fate::Mined { receipt, depth } if depth >= self.config.timing.confirmations => {
                    let hash = Some(receipt.transaction_hash);
                    let what = entry.attempts.iter().find(|attempt| Some(attempt.hash) == hash).unwrap_or(last).what.clone();
                    progress(Progress::Earlier { what, hash });
                    journal.close(nonce)?;
                }
                Fate::Displaced => {
                    progress(Progress::Earlier { what: last.what.clone(), hash: None });
                    journal.close(nonce)?;
                }
                // Another request's; what comes now takes a later nonce, so this one must not be forgotten by the nodes.
                Fate::Mined { .. } | Fate::Pending => self.give_again(journal, nonce).await,
            }
        }
        Ok(same)
    }

    /// Signs, writes down and gives to the nodes. Returns the nonce.
    async fn send_new(
        &self,
        journal: &mut Journal,
        request: &Request,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<u64, TxError> {
        let preview = self.preview(request).await?;
        let pending = self.nodes.pending_nonce(self.account).await.map_err(|fault| fault.before_sending())?;
        // A nonce of ours that no node has heard of is below neither, so it is taken again.
        let mut nonce = pending.max(journal.next());
        let Preview { gas, mut fees, .. } = preview;
        loop {
            let attempt = self.sign(request, nonce, gas, fees).await?;
            journal.add(nonce, attempt.clone())?;
            match self.nodes.broadcast(&attempt.raw).await {
                Taken::Yes | Taken::Unclear(_) | Taken::NonceUsed => {
                    progress(Progress::Sent { hash: attempt.hash, nonce, fees, replaces: false });
                    return Ok(nonce);
                }
                // Another wallet's, which this node did not count.
                Taken::Occupied => {
                    journal.not_out(nonce, attempt.hash)?;
                    nonce += 1;
                }
                Taken::Underpriced => {
                    journal.not_out(nonce, attempt.hash)?;
                    let next = self.config.fees.bumped(fees, fees);
                    fees = next.ok_or(TxError::TooExpensive { wanted: fees.max, cap: self.config.fees.cap })?;
                }
                Taken::No(reason) => {
                    journal.not_out(nonce, attempt.hash)?;
                    return Err(TxError::Refused(reason));
                }
            }
        }
    }

    /// Gas limit: what the node estimates and a fifth, as other transactions may come first.
    pub(super) async fn gas(&self, request: &Request) -> Result<u64, TxError> {
        let estimate = self.nodes.estimate(self.account, request).await.map_err(|fault| fault.before_sending())?;
        Ok(estimate + estimate / 5)
    }

    async fn first_fees(&self) -> Result<Fees, TxError> {
        let suggested = self.nodes.fees().await.map_err(|fault| fault.before_sending())?;
        let cap = self.config.fees.cap;
        self.config.fees.first(suggested).map_err(|wanted| TxError::TooExpensive { wanted, cap })
    }

    pub(super) async fn sign(&self, request: &Request, nonce: u64, gas: u64, fees: Fees) -> Result<Attempt, TxError> {
        let mut transaction = TxEip1559 {
            chain_id: self.config.chain_id,
            nonce,
            gas_limit: gas,
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.priority,
            to: TxKind::Call(request.to),
            value: request.value,
            access_list: Default::default(),
            input: request.data.clone(),
        };
        let signed = self.signer.sign_transaction(&mut transaction).await;
        let signed = transaction.into_signed(signed.map_err(|error| TxError::Sign(error.to_string()))?);
        let mut raw = Vec::new();
        signed.eip2718_encode(&mut raw);
        Ok(Attempt {
            hash: *signed.hash(),
            raw: raw.into(),
            intent: request.intent(),
            what: request.what.clone(),
            max_fee: fees.max,
            priority_fee: fees.priority,
            sent_at: unix_now(),
            out: true,
        })
    }
}
