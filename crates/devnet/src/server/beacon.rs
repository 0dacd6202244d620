//! `/eth/v1/beacon/…` and `/eth/v1/validator/…`

use std::sync::Arc;

use alloy_primitives::B256;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use quintet_beacon::Fork;
use quintet_beacon::ssz::to_json;
use quintet_types::{Epoch, PublicKeyBytes, Slot, ValidatorIndex};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ids;
use super::reply::{Failure, data};
use crate::block::StoredBlock;
use crate::chain::Chain;
use crate::node::Shared;

type Reply = Result<Json<Value>, Failure>;

/// Wraps an answer about `block` with its standing.
fn standing(shared: &Shared, chain: &Chain, block: &StoredBlock, data: Value) -> Json<Value> {
    let optimistic = shared.control.orders().optimistic > 0 && block.root == chain.head().root;
    Json(json!({"execution_optimistic": optimistic, "finalized": chain.is_finalized(block), "data": data}))
}

fn header_json(chain: &Chain, block: &StoredBlock) -> Value {
    json!({
        "root": block.root, "canonical": chain.is_canonical(block),
        "header": {"signature": block.signature, "message": {
            "slot": block.slot, "proposer_index": block.proposer, "parent_root": block.parent_root,
            "state_root": block.state_root, "body_root": block.body_root,
        }},
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct HeadersQuery {
    slot: Option<u64>,
    parent_root: Option<B256>,
}

pub(super) async fn headers(State(shared): State<Arc<Shared>>, Query(query): Query<HeadersQuery>) -> Reply {
    let chain = shared.chain();
    let slot = query.slot.map_or(chain.head().slot, Slot);
    let block = chain.at(slot).filter(|block| query.parent_root.is_none_or(|root| block.parent_root == root));
    let block = block.cloned().ok_or_else(|| Failure::not_found(&format!("beacon block at slot {slot}")))?;
    Ok(standing(&shared, &chain, &block, json!([header_json(&chain, &block)])))
}

pub(super) async fn header(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::block(&chain, &id)?;
    Ok(standing(&shared, &chain, &block, header_json(&chain, &block)))
}

pub(super) async fn block(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let chain = shared.chain();
    let block = ids::block(&chain, &id)?;
    let version = [("eth-consensus-version", chain.builder().fork().name())];
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.starts_with("application/octet-stream") {
        let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
        return Ok((version, kind, block.ssz.clone()).into_response());
    }
    let value = to_json(chain.builder().signed_block_type(), &block.ssz)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let Json(mut body) = standing(&shared, &chain, &block, value);
    body["version"] = json!(chain.builder().fork().name());
    Ok((version, Json(body)).into_response())
}

pub(super) async fn block_root(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::block(&chain, &id)?;
    Ok(standing(&shared, &chain, &block, json!({"root": block.root})))
}

pub(super) async fn state_root(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    Ok(standing(&shared, &chain, &block, json!({"root": block.state_root})))
}

pub(super) async fn fork(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    let config = chain.config();
    let previous = Fork::ALL.into_iter().rfind(|fork| *fork < config.fork).unwrap_or(Fork::Phase0);
    let fork = json!({
        "previous_version": config.fork_version(previous), "current_version": config.fork_version(config.fork),
        "epoch": "0",
    });
    Ok(standing(&shared, &chain, &block, fork))
}

pub(super) async fn finality_checkpoints(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    let checkpoint = |checkpoint: crate::chain::Checkpoint| {
        // The genesis checkpoint has the zero root by convention.
        let root = if checkpoint.epoch.0 == 0 { B256::ZERO } else { checkpoint.root };
        json!({"epoch": checkpoint.epoch, "root": root})
    };
    let (justified, finalized) = (checkpoint(chain.justified()), checkpoint(chain.finalized()));
    let body = json!({"previous_justified": justified, "current_justified": justified, "finalized": finalized});
    Ok(standing(&shared, &chain, &block, body))
}

#[derive(Debug, Deserialize)]
pub(super) struct RandaoQuery {
    epoch: Option<u64>,
}

pub(super) async fn randao(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<RandaoQuery>,
) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    let epoch = query.epoch.map_or(chain.builder().epoch(block.slot), Epoch);
    let mix = chain.mix(&block, epoch).ok_or_else(|| Failure::bad_request("epoch out of range"))?;
    Ok(standing(&shared, &chain, &block, json!({"randao": mix})))
}

#[derive(Debug, Deserialize)]
pub(super) struct ValidatorsQuery {
    id: Option<String>,
}

pub(super) async fn validators(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<ValidatorsQuery>,
) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    let entries: Vec<Value> = match query.id {
        None => (0..chain.validators().count()).filter_map(|index| entry(&chain, &index.to_string())).collect(),
        Some(list) => list.split(',').filter_map(|id| entry(&chain, id)).collect(),
    };
    Ok(standing(&shared, &chain, &block, json!(entries)))
}

pub(super) async fn validator(State(shared): State<Arc<Shared>>, Path((id, validator)): Path<(String, String)>) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    let entry = entry(&chain, &validator).ok_or_else(|| Failure::not_found("validator"))?;
    Ok(standing(&shared, &chain, &block, entry))
}

/// A validator by index or public key.
fn entry(chain: &Chain, id: &str) -> Option<Value> {
    let validators = chain.validators();
    let index = match id.parse::<PublicKeyBytes>() {
        Ok(key) if id.starts_with("0x") => validators.index_of(&key)?,
        _ => ValidatorIndex(id.parse().ok()?),
    };
    validators.entry(index)
}

/// The proposers of the state's epoch and the next one, as states hold them from Fulu on.
pub(super) async fn proposer_lookahead(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let chain = shared.chain();
    let block = ids::state(&chain, &id)?;
    if chain.config().fork < Fork::Fulu {
        return Err(Failure::bad_request("proposer lookahead: not before fulu"));
    }
    let slots = chain.config().preset.slots_per_epoch;
    let start = chain.builder().epoch(block.slot).start_slot(slots).0;
    let proposers: Vec<ValidatorIndex> =
        (start..start + 2 * slots).map(|slot| chain.validators().proposer(Slot(slot))).collect();
    let Json(mut body) = standing(&shared, &chain, &block, json!(proposers));
    body["version"] = json!(chain.builder().fork().name());
    Ok(Json(body))
}

/// The first version names the block before the epoch (the head, for a coming one) as what duties depend on.
pub(super) async fn proposer_duties(State(shared): State<Arc<Shared>>, Path(epoch): Path<String>) -> Reply {
    duties(&shared, &epoch, |epoch| epoch)
}

/// The second one names the block before the epoch before, where proposers are drawn from Fulu on.
pub(super) async fn proposer_duties_v2(State(shared): State<Arc<Shared>>, Path(epoch): Path<String>) -> Reply {
    let earlier = u64::from(shared.chain().config().fork >= Fork::Fulu);
    duties(&shared, &epoch, |epoch| epoch.minus(earlier))
}

/// Duties of an epoch, which hang on the last block before `depends_on(epoch)`.
fn duties(shared: &Shared, epoch: &str, depends_on: impl Fn(Epoch) -> Epoch) -> Reply {
    let epoch = Epoch(epoch.parse().map_err(|_| Failure::bad_request("invalid epoch"))?);
    let chain = shared.chain();
    let config = chain.config();
    let now = shared.clock.now(config.genesis_time, config.slot_duration).max(chain.head().slot);
    if epoch > chain.builder().epoch(now).plus(1) {
        return Err(Failure::bad_request("epoch is too far in the future"));
    }
    let slots = config.preset.slots_per_epoch;
    let start = epoch.start_slot(slots).0;
    let duties = (start..start + slots).map(|slot| {
        let proposer = chain.validators().proposer(Slot(slot));
        json!({"pubkey": chain.validators().key(proposer), "validator_index": proposer, "slot": slot.to_string()})
    });
    let Json(mut body) = data(duties.collect());
    body["dependent_root"] = json!(chain.dependent_root(depends_on(epoch)));
    body["execution_optimistic"] = json!(false);
    Ok(Json(body))
}
