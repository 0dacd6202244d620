//! An execution node that includes what a test tells it to, and nothing else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes};
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

use crate::contracts::CHAIN_ID;

/// Fee that the node suggests for the next block, wei.
const BASE_FEE: u64 = 1_000_000_000;

/// A transaction that was given to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
    pub(crate) max_fee: u128,
    pub(crate) to: Address,
    pub(crate) data: Bytes,
}

#[derive(Debug, Default)]
struct Chain {
    head: u64,
    /// Every transaction that came, once, in the order of coming.
    given: Vec<Given>,
    /// By nonce: what is in the chain, and in which block.
    included: BTreeMap<u64, (B256, u64)>,
    /// What calls are refused with.
    refusal: Option<Bytes>,
    /// Transactions are included as they come if they pay so much.
    takes_from: Option<u128>,
}

impl Chain {
    fn include(&mut self, hash: B256) {
        let given = self.given.iter().find(|given| given.hash == hash).expect("it was given to the node");
        let block = self.head + 1;
        self.included.entry(given.nonce).or_insert((hash, block));
        // With blocks on it.
        self.head += 3;
    }

    fn next_nonce(&self) -> u64 {
        self.included.keys().last().map_or(0, |nonce| nonce + 1)
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let hex = |number: u64| json!(format!("{number:#x}"));
        Ok(match method {
            "eth_chainId" => hex(CHAIN_ID),
            "eth_blockNumber" => hex(self.head),
            "eth_getBalance" => hex(1_000_000_000_000_000_000),
            "eth_call" | "eth_estimateGas" if self.refusal.is_some() => {
                return Err(json!({ "code": 3, "message": "execution reverted", "data": self.refusal }));
            }
            "eth_call" => json!("0x"),
            "eth_estimateGas" => hex(400_000),
            "eth_feeHistory" => json!({
                "oldestBlock": hex(self.head), "gasUsedRatio": [0.5],
                "baseFeePerGas": [hex(BASE_FEE), hex(BASE_FEE)], "reward": [["0x1"]],
            }),
            "eth_getTransactionCount" => {
                let waiting = self.given.iter().map(|given| given.nonce + 1).max().unwrap_or(0);
                let next = self.next_nonce();
                hex(if params[1] == "pending" { waiting.max(next) } else { next })
            }
            "eth_sendRawTransaction" => {
                let raw: Bytes = serde_json::from_value(params[0].clone()).unwrap();
                let sent = TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap();
                let given = Given {
                    hash: *sent.tx_hash(),
                    nonce: sent.nonce(),
                    max_fee: sent.max_fee_per_gas(),
                    to: sent.to().unwrap(),
                    data: sent.input().clone(),
                };
                if !self.given.contains(&given) {
                    self.given.push(given.clone());
                    if self.takes_from.is_some_and(|fee| given.max_fee >= fee) {
                        self.include(given.hash);
                    }
                }
                json!(given.hash)
            }
            "eth_getTransactionReceipt" => {
                let hash: B256 = serde_json::from_value(params[0].clone()).unwrap();
                let block = self.included.values().find(|(included, _)| *included == hash).map(|(_, block)| *block);
                block.map_or(Value::Null, |block| receipt(hash, block))
            }
            other => panic!("{other} is not expected"),
        })
    }
}

fn receipt(hash: B256, block: u64) -> Value {
    json!({
        "transactionHash": hash, "transactionIndex": "0x0", "type": "0x2", "status": "0x1",
        "blockHash": B256::left_padding_from(&block.to_be_bytes()), "blockNumber": format!("{block:#x}"),
        "from": Address::ZERO, "to": Address::ZERO, "contractAddress": null,
        "cumulativeGasUsed": "0x5208", "gasUsed": "0x5208", "effectiveGasPrice": "0x1",
        "logs": [], "logsBloom": format!("0x{}", "00".repeat(256)),
    })
}

/// The node, served until its runtime ends.
#[derive(Clone, Debug)]
pub(crate) struct ExecutionNode {
    pub(crate) url: String,
    chain: Arc<Mutex<Chain>>,
}

impl ExecutionNode {
    /// One that includes nothing by itself.
    pub(crate) async fn start() -> Self {
        let chain = Arc::new(Mutex::new(Chain { head: 100, ..Chain::default() }));
        let app = Router::new().route("/", post(serve)).with_state(Arc::clone(&chain));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, chain }
    }

    fn lock(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }

    /// What was ever given to it.
    pub(crate) fn given(&self) -> Vec<Given> {
        self.lock().given.clone()
    }

    /// How many transactions are in the chain.
    pub(crate) fn included(&self) -> usize {
        self.lock().included.len()
    }

    /// Puts a transaction into a block, and blocks on that.
    pub(crate) fn include(&self, hash: B256) {
        self.lock().include(hash);
    }

    /// From now on transactions that pay so much are included as they come.
    pub(crate) fn take_from(&self, fee: u128) {
        self.lock().takes_from = Some(fee);
    }

    /// From now on the contracts refuse every call with this.
    pub(crate) fn refuse(&self, with: Option<Bytes>) {
        self.lock().refusal = with;
    }
}

async fn serve(State(chain): State<Arc<Mutex<Chain>>>, Json(request): Json<Value>) -> Json<Value> {
    let answer = chain.lock().unwrap().answer(request["method"].as_str().unwrap(), &request["params"]);
    let (key, value) = match answer {
        Ok(result) => ("result", result),
        Err(error) => ("error", error),
    };
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], key: value }))
}
