//! Signs settlements, gives the signatures to peers, and posts what two thirds have signed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use quintet_api::{
    ClientError, GatewayClient, MAX_SETTLEMENT_SIGNATURES, SettlementSignature, SettlementSignatures, SettlementState,
};
use quintet_staking::{
    LedgerSettlement, Quorum, Signed, Statement,
    bindings::ValidatorSet,
    tx::{Request, Sender},
};
use quintet_store::StoreError;
use quintet_types::{Epoch, PublicKeyBytes, Root, SignatureBytes, TreeHash as _, ValidatorIndex};
use tokio_util::sync::CancellationToken;

use super::{
    SettlementSigners,
    post::{Post, Poster},
};
use crate::{
    core::{CoreError, settlement_state},
    metrics::Metrics,
    service::{Shared, now_ms},
};

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
    keys: SettlementSigners,
    peers: Vec<Peer>,
    poster: Option<Poster>,
    metrics: Metrics,
    slot: Duration,
}

/// What our signatures are to be put under.
struct Unsigned {
    statement: Statement,
    signers: Vec<(ValidatorIndex, PublicKeyBytes)>,
}

/// Signatures of ours under one settlement.
type Ours = (u64, Root, Vec<(ValidatorIndex, Signed)>);

impl Settler {
    /// One that signs with `keys`, gives to `peers`, and posts by `sender` if there is one.
    pub fn new(
        shared: Shared,
        keys: impl Into<SettlementSigners>,
        peers: Vec<Peer>,
        sender: Option<Sender>,
        metrics: Metrics,
    ) -> Self {
        let slot = Duration::from_millis(shared.read().config.spec.slot_duration_ms);
        let poster = sender.map(|sender| Poster::new(sender, slot, metrics.clone()));
        Self { shared, keys: keys.into(), peers, poster, metrics, slot }
    }

    /// Whether settlements are tried and logged instead of posted.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.poster.iter_mut().for_each(|poster| poster.dry_run = dry_run);
        self
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
        self.keys.refresh().await;
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
        let spec = Arc::clone(&self.shared.read().config.spec);
        for Unsigned { statement, signers } in self.unsigned() {
            let number = statement.number;
            let mut signed = Vec::new();
            for (validator, pubkey) in signers {
                let signature = self.keys.sign(&pubkey, &statement, &spec).await;
                signed.extend(signature.map(|signature| (validator, Signed { pubkey, signature })));
            }
            if signed.is_empty() {
                continue;
            }
            let (new, pending) = self.shared.write().add_signatures(number, signed)?;
            pending.await.map_err(|error: StoreError| CoreError::Store(error))?;
            tracing::info!(number, validators = new.len(), "settlement signed");
        }
        Ok(())
    }

    fn unsigned(&self) -> Vec<Unsigned> {
        let core = self.shared.read();
        let Some(known) = core.contracts().filter(|_| !self.keys.is_empty()) else { return Vec::new() };
        let held = known.members.iter().filter(|(_, member)| self.keys.holds(&member.pubkey));
        let held: Vec<ValidatorIndex> = held.map(|(index, _)| index).collect();
        let of = |settlement: &LedgerSettlement| {
            let number = settlement.statement.number;
            core.check_statement(number, settlement.statement.tree_hash_root()).ok()?;
            let signers = held.iter().filter_map(|index| Some((*index, core.check_signer(number, *index).ok()?)));
            let signers: Vec<_> = signers.collect();
            (!signers.is_empty()).then_some(Unsigned { statement: settlement.statement, signers })
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
            let ours = signatures.filter(|(_, signed)| self.keys.holds(&signed.pubkey));
            Some((number, root, ours.map(|(index, signed)| (*index, *signed)).collect()))
        };
        core.settlements.iter().filter_map(of).collect()
    }

    /// Posts the next settlement, if it is our turn.
    async fn post(&mut self) {
        if let Some(mut poster) = self.poster.take() {
            poster.step(|| self.next_post()).await;
            self.poster = Some(poster);
        }
    }

    /// The next settlement, if there is a quorum for it.
    fn next_post(&self) -> Option<Post> {
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
        let turn = order.into_iter().position(|pubkey| self.keys.holds(pubkey)).unwrap_or(members.len());
        Some(Post { number, turn: turn as u32, requests: advance.into_iter().chain([post]).collect() })
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
