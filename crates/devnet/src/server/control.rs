//! `/devnet/v1/…`: what no real node offers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Failure, data};
use crate::clock::Clock;
use crate::config::MAX_TRANSACTIONS;
use crate::control::Orders;
use crate::node::{MAX_REORG_DEPTH, Shared};

#[derive(Debug, Deserialize)]
pub(super) struct Slots {
    slots: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Depth {
    depth: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct PerBlock {
    per_block: usize,
}

fn change(shared: &Shared, change: impl FnOnce(&mut Orders)) -> Json<Value> {
    data(json!(shared.control.change(change)))
}

/// Head, finality and orders that are still to be carried out.
pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let orders = shared.control.orders();
    let chain = shared.chain();
    data(json!({
        "head": {"slot": chain.head().slot, "root": chain.head().root},
        "finalized": {"epoch": chain.finalized().epoch, "root": chain.finalized().root},
        "orders": orders,
    }))
}

/// Leaves the next slots without a block.
pub(super) async fn miss(State(shared): State<Arc<Shared>>, Json(body): Json<Slots>) -> Json<Value> {
    change(&shared, |orders| orders.missed = body.slots)
}

/// Makes the next blocks without transactions.
pub(super) async fn empty(State(shared): State<Arc<Shared>>, Json(body): Json<Slots>) -> Json<Value> {
    change(&shared, |orders| orders.empty = body.slots)
}

/// Lets the next block drop blocks.
pub(super) async fn reorg(State(shared): State<Arc<Shared>>, Json(body): Json<Depth>) -> Result<Json<Value>, Failure> {
    if body.depth > MAX_REORG_DEPTH {
        return Err(Failure::bad_request("depth is at most 3"));
    }
    Ok(change(&shared, |orders| orders.reorg_depth = body.depth))
}

/// Sets the number of transactions in a block.
pub(super) async fn transactions(
    State(shared): State<Arc<Shared>>,
    Json(body): Json<PerBlock>,
) -> Result<Json<Value>, Failure> {
    if body.per_block > MAX_TRANSACTIONS {
        return Err(Failure::bad_request("per_block is at most 1000"));
    }
    Ok(change(&shared, |orders| orders.txs_per_block = body.per_block))
}

/// Takes the API away for some slots.
pub(super) async fn offline(State(shared): State<Arc<Shared>>, Json(body): Json<Slots>) -> Json<Value> {
    change(&shared, |orders| orders.offline = body.slots)
}

/// Announces heads as optimistic for some slots.
pub(super) async fn optimistic(State(shared): State<Arc<Shared>>, Json(body): Json<Slots>) -> Json<Value> {
    change(&shared, |orders| orders.optimistic = body.slots)
}

/// Moves a virtual clock.
pub(super) async fn advance(State(shared): State<Arc<Shared>>, Json(body): Json<Slots>) -> Result<Json<Value>, Failure> {
    let Clock::Virtual(clock) = &shared.clock else {
        return Err(Failure::bad_request("this devnet runs by the real clock"));
    };
    clock.advance(body.slots);
    Ok(data(json!({"slot": clock.now()})))
}
