//! `/eth/v1/node/…`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::reply::data;
use crate::node::Shared;

pub(super) async fn version() -> Json<Value> {
    data(json!({"version": concat!("quintet-devnet/", env!("CARGO_PKG_VERSION"))}))
}

pub(super) async fn syncing(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let is_optimistic = shared.control.orders().optimistic > 0;
    let head = shared.chain().head().slot;
    data(json!({
        "head_slot": head, "sync_distance": "0", "is_syncing": false, "is_optimistic": is_optimistic, "el_offline": false,
    }))
}

pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}
