//! Signs settlements, gives the signatures to peers, and posts what two thirds have signed.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_api::{
    ClientError, GatewayClient, MAX_SETTLEMENT_SIGNATURES, SettlementSignature, SettlementSignatures, SettlementState,
};
use quintet_staking::{
    LedgerSettlement, Quorum, Signed,
    bindings::ValidatorSet,
    tx::{Progress, Request, Sender, TxError},
};
use quintet_store::StoreError;
use quintet_types::{Epoch, PublicKeyBytes, Root, SignatureBytes, TreeHash as _, ValidatorIndex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ValidatorKeys;
use crate::{
    core::{CoreError, settlement_state},
    metrics::Metrics,
    service::{Shared, now_ms},
};

/// Slots between one who may post and the next.
const TURN_SLOTS: u32 = 2;
/// Slots to wait after a posting, until finality shows it, and at most after a failure.
const PAUSE_SLOTS: u32 = 96;

/// Another sidecar that gets our signatures.
#[derive(Debug)]
pub struct Peer {
    client: GatewayClient,
    /// What it has, or will never take.
    done: BTreeSet<(u64, ValidatorIndex)>,
}

impl Peer {
    /// The peer whose gateway `client` speaks to.
    pub const fn new(client: GatewayClient) -> Self {
        Self { client, done: BTreeSet::new() }
    }
}

/// Signs, gives away, posts.
#[derive(Debug)]
pub struct Settler {
    shared: Shared,
    keys: ValidatorKeys,
    peers: Vec<Peer>,
    sender: Option<Arc<Sender>>,
    metrics: Metrics,
    slot: Duration,
    posting: Option<JoinHandle<Result<(), TxError>>>,
    /// The settlement that could be posted, since when, and when to try next.
    ready: Option<(u64, Instant)>,
    failures: u32,
}

/// What our signatures are to be put under.
struct Unsigned {
    number: u64,
    signing_root: Root,
    signers: Vec<(ValidatorIndex, PublicKeyBytes)>,
}

/// Signatures of ours under one settlement.
type Ours = (u64, Root, Vec<(ValidatorIndex, Signed)>);

impl Settler {
    /// One that signs with `keys`, gives to `peers`, and posts by `sender` if there is one.
    pub fn new(shared: Shared, keys: ValidatorKeys, peers: Vec<Peer>, sender: Option<Sender>, metrics: Metrics) -> Self {
        let slot = Duration::from_millis(shared.read().config.spec.slot_duration_ms);
        let sender = sender.map(Arc::new);
        Self { shared, keys, peers, sender, metrics, slot, posting: None, ready: None, failures: 0 }
    }

    /// Runs until `stop`, once a slot.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), CoreError> {
        let mut ticks = tokio::time::interval(self.slot);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                done = self.step() => done?,
            }
        }
    }

    /// One look at what there is to do.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn step(&mut self) -> Result<(), CoreError> {
        self.measure();
        self.sign().await?;
        let ours = self.ours();
        let turns = self.peers.iter_mut().map(|peer| give(peer, &ours));
        futures::future::join_all(turns).await;
        self.post().await;
        Ok(())
    }

    fn measure(&self) {
        let core = self.shared.read();
        let Some(known) = core.contracts() else { return };
        let count = |state| core.settlements.iter().filter(|s| settlement_state(s, &known) == state).count() as i64;
        self.metrics.settlements_built.set(core.settlements.last().map_or(0, |last| last.statement.number as i64));
        self.metrics.settlements_posted.set(count(SettlementState::Posted));
        self.metrics.settlements_differ.set(count(SettlementState::Differs));
    }

    /// Our validators' signatures under settlements that lack them.
    async fn sign(&self) -> Result<(), CoreError> {
        for Unsigned { number, signing_root, signers } in self.unsigned() {
            let signed = signers.into_iter().filter_map(|(validator, pubkey)| {
                let signature = self.keys.secret(&pubkey)?.sign(&signing_root.0);
                Some((validator, Signed { pubkey, signature }))
            });
            let signed: Vec<_> = signed.collect();
            let (new, pending) = self.shared.write().add_signatures(number, signed)?;
            pending.await.map_err(|error: StoreError| CoreError::Store(error))?;
            tracing::info!(number, validators = new.len(), "settlement signed");
        }
        Ok(())
    }

    fn unsigned(&self) -> Vec<Unsigned> {
        let core = self.shared.read();
        let Some(known) = core.contracts().filter(|_| !self.keys.is_empty()) else { return Vec::new() };
        let held = known.members.iter().filter(|(_, member)| self.keys.secret(&member.pubkey).is_some());
        let held: Vec<ValidatorIndex> = held.map(|(index, _)| index).collect();
        let of = |settlement: &LedgerSettlement| {
            let number = settlement.statement.number;
            let signing_root = core.check_statement(number, settlement.statement.tree_hash_root()).ok()?;
            let signers = held.iter().filter_map(|index| Some((*index, core.check_signer(number, *index).ok()?)));
            let signers: Vec<_> = signers.collect();
            (!signers.is_empty()).then_some(Unsigned { number, signing_root, signers })
        };
        core.settlements.iter().filter_map(of).collect()
    }

    /// What peers are to get.
    fn ours(&self) -> Vec<Ours> {
        if self.peers.is_empty() {
            return Vec::new();
        }
        let core = self.shared.read();
        let of = |settlement: &LedgerSettlement| {
            let (number, root) = (settlement.statement.number, settlement.statement.tree_hash_root());
            core.check_statement(number, root).ok()?;
            let signatures = core.settlements.signatures(number).iter();
            let ours = signatures.filter(|(_, signed)| self.keys.secret(&signed.pubkey).is_some());
            Some((number, root, ours.map(|(index, signed)| (*index, *signed)).collect()))
        };
        core.settlements.iter().filter_map(of).collect()
    }

    /// Posts the next settlement, if it is our turn.
    async fn post(&mut self) {
        if self.posting.as_ref().is_some_and(|posting| !posting.is_finished()) {
            return;
        }
        if let Some(posting) = self.posting.take() {
            let number = self.ready.map_or(0, |(number, _)| number);
            let outcome = posting.await.unwrap_or_else(|panic| Err(TxError::Refused(panic.to_string())));
            self.posted(number, outcome);
        }
        let Some(sender) = self.sender.clone() else { return };
        let Some((number, turn, requests)) = self.next_post() else { return };
        let now = Instant::now();
        if self.ready.is_none_or(|(ready, _)| ready != number) {
            self.ready = Some((number, now + self.slot * TURN_SLOTS * turn));
            self.failures = 0;
        }
        if self.ready.is_some_and(|(_, from)| now < from) {
            return;
        }
        self.posting = Some(tokio::spawn(async move {
            for request in requests {
                let what = request.what.clone();
                let mut tell = |progress: Progress| tracing::debug!(%what, ?progress, "sending");
                let receipt = sender.send(&request, &mut tell).await?;
                tracing::info!(what = request.what, hash = %receipt.hash, block = receipt.block, gas = receipt.gas_used, "sent");
            }
            Ok(())
        }));
    }

    fn posted(&mut self, number: u64, outcome: Result<(), TxError>) {
        let label = match &outcome {
            Ok(()) => "ok",
            Err(TxError::WouldRevert(_) | TxError::Reverted { .. }) => "reverted",
            Err(TxError::Unknown { .. }) => "unknown",
            Err(_) => "failed",
        };
        self.metrics.settlement_post(label);
        let pause = match outcome {
            Ok(()) => PAUSE_SLOTS,
            Err(error) => {
                // Most often somebody else was first, which finality will show.
                tracing::warn!(number, %error, "posting a settlement");
                self.failures = self.failures.saturating_add(1);
                (1u32 << self.failures.min(10)).min(PAUSE_SLOTS)
            }
        };
        self.ready = Some((number, Instant::now() + self.slot * pause));
    }

    /// The next settlement if there is a quorum for it, how many come before us, and what is to be sent.
    fn next_post(&self) -> Option<(u64, u32, Vec<Request>)> {
        let core = self.shared.read();
        let known = core.contracts()?;
        let (deployment, checkpoint) = (known.deployment?, known.checkpoint?);
        let number = known.posted.len() as u64 + 1;
        let settlement = core.settlements.get(number)?;
        let epoch: Epoch = core.slot_at(now_ms()).epoch(core.config.spec.slots_per_epoch);
        let signatures = core.settlements.signatures(number);
        let quorum = match Quorum::assemble(&deployment, &known.members, epoch, signatures) {
            Ok(quorum) => quorum,
            Err(reason) => {
                tracing::debug!(number, %reason, "no quorum yet");
                return None;
            }
        };
        let contracts = checkpoint.contracts;
        let advance = quorum.advance.map(|due| {
            let call = ValidatorSet::advanceCall { max: alloy_primitives::U256::from(due) };
            Request::call(contracts.validators, &call, format!("carry out {due} changes of the validator set"))
        });
        let call = quorum.post_call(&settlement.statement).ok()?;
        let post = Request::call(contracts.settlement, &call, format!("post settlement {number}"));
        // Everyone who can posts in an order of their own for each settlement, so that not all pay for one.
        let members: Vec<&PublicKeyBytes> = known.members.counting_in(epoch).map(|(_, member)| &member.pubkey).collect();
        let first = (number % members.len().max(1) as u64) as usize;
        let order = members.iter().cycle().skip(first).take(members.len());
        let turn = order.into_iter().position(|pubkey| self.keys.secret(pubkey).is_some()).unwrap_or(members.len());
        Some((number, turn as u32, advance.into_iter().chain([post]).collect()))
    }
}

/// Gives a peer what it does not have.
async fn give(peer: &mut Peer, ours: &[Ours]) {
    let oldest = ours.first().map_or(u64::MAX, |(number, ..)| *number);
    peer.done.retain(|(number, _)| *number >= oldest);
    for (number, statement_root, signed) in ours {
        let missing: Vec<_> = signed.iter().filter(|(index, _)| !peer.done.contains(&(*number, *index))).collect();
        for part in missing.chunks(MAX_SETTLEMENT_SIGNATURES) {
            let signatures = part.iter().map(|(validator, signed)| SettlementSignature {
                validator: *validator,
                signature: SignatureBytes::from(signed.signature.to_bytes()),
            });
            let body = SettlementSignatures { statement_root: *statement_root, signatures: signatures.collect() };
            let all = || part.iter().map(|(validator, _)| (*number, *validator));
            match peer.client.sign_settlement(*number, &body).await {
                Ok(taken) => {
                    peer.done.extend(taken.accepted.iter().map(|validator| (*number, *validator)));
                    let there = taken.refused.iter().filter(|refused| refused.reason == "duplicate");
                    peer.done.extend(there.map(|refused| (*number, refused.validator)));
                }
                // It has them, or has another statement: then its operator and ours have to compare ledgers.
                Err(error @ ClientError::Refused { code: 409, .. }) => {
                    tracing::info!(%error, "settlement signatures");
                    peer.done.extend(all());
                }
                // Not there yet, not final there yet, or away: the next turn tries again.
                Err(error) => {
                    tracing::debug!(%error, "settlement signatures");
                    return;
                }
            }
        }
    }
}
