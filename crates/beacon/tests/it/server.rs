//! A beacon node that replays recorded answers, and misbehaves on demand.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::B256;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use futures::StreamExt as _;
use quintet_beacon::{BlockDecoder, BlockInfo};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

use crate::data;

/// How the node answers requests for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sse {
    /// Sends what is pushed.
    Live,
    /// Opens the stream and never sends anything but a comment.
    Silent,
    /// As Lodestar 1.5: never answers the comma form.
    HangsOnComma,
    /// Answers the comma form only; refuses repeated topics.
    OnlyComma,
    /// Refuses all.
    None,
}

/// What a test can change while the node runs.
#[derive(Debug)]
pub(crate) struct Behaviour {
    pub(crate) sse: Sse,
    pub(crate) head: u64,
    /// Blocks whose payload the node has not verified.
    pub(crate) optimistic: HashSet<B256>,
    /// Answers for paths, before anything recorded.
    pub(crate) overrides: HashMap<String, (u16, Value)>,
    pub(crate) randao_route: bool,
    pub(crate) state_route: bool,
    /// Prefer JSON where SSZ is asked for, as Lodestar 1.5 does.
    pub(crate) json_only: bool,
    /// Every path asked for.
    pub(crate) log: Vec<String>,
}

struct Recorded {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

struct Inner {
    recorded: HashMap<(String, bool), Recorded>,
    /// Recorded blocks by slot.
    blocks: HashMap<u64, BlockInfo>,
    behaviour: Mutex<Behaviour>,
    events: broadcast::Sender<String>,
}

/// A running node. Stops answering when dropped.
pub(crate) struct Node {
    pub(crate) url: String,
    inner: Arc<Inner>,
    /// A runtime of its own, so that stopping the node also ends its open connections.
    runtime: Option<Runtime>,
}

impl Node {
    /// Starts a node whose head is at `head`, with slots of 200 ms.
    pub(crate) async fn start(head: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serve(listener, Arc::new(Inner::load(head)))
    }

    fn serve(listener: TcpListener, inner: Arc<Inner>) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, inner, runtime: Some(runtime) }
    }

    /// Cuts all connections and stops listening.
    pub(crate) async fn stop(mut self) -> Stopped {
        self.runtime.take().unwrap().shutdown_background();
        let behaviour = std::mem::replace(&mut *self.inner.behaviour.lock().unwrap(), Behaviour::new(0));
        Stopped { url: self.url.clone(), behaviour }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.inner.behaviour.lock().unwrap());
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.inner.behaviour.lock().unwrap().log.clone()
    }

    pub(crate) fn block(&self, slot: u64) -> BlockInfo {
        self.inner.blocks[&slot].clone()
    }

    /// Sends text on all event streams.
    pub(crate) fn push(&self, text: &str) {
        let _ = self.inner.events.send(text.to_owned());
    }

    /// Moves the head and tells about it.
    pub(crate) fn advance(&self, slot: u64) {
        self.change(|behaviour| behaviour.head = slot);
        self.push_head(slot);
    }

    pub(crate) fn push_head(&self, slot: u64) {
        let block = &self.inner.blocks[&slot];
        let optimistic = self.inner.behaviour.lock().unwrap().optimistic.contains(&block.block_root);
        let root = format!("{:?}", block.block_root);
        let data = json!({
            "slot": slot.to_string(), "block": root, "state": root, "epoch_transition": false,
            "previous_duty_dependent_root": root, "current_duty_dependent_root": root, "execution_optimistic": optimistic,
        });
        self.push(&format!("event:head\ndata:{data}\n\n"));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A node that was stopped and can come back under its old address.
pub(crate) struct Stopped {
    url: String,
    behaviour: Behaviour,
}

impl Stopped {
    pub(crate) async fn restart(self, head: u64) -> Node {
        let address = self.url.trim_start_matches("http://").to_owned();
        let listener = loop {
            match TcpListener::bind(&address) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let mut inner = Inner::load(head);
        inner.behaviour = Mutex::new(Behaviour { head, ..self.behaviour });
        Node::serve(listener, Arc::new(inner))
    }
}

impl Behaviour {
    fn new(head: u64) -> Self {
        Self {
            sse: Sse::Live,
            head,
            optimistic: HashSet::new(),
            overrides: HashMap::new(),
            randao_route: true,
            state_route: true,
            json_only: false,
            log: Vec::new(),
        }
    }
}

impl Inner {
    fn load(head: u64) -> Self {
        let decoder = BlockDecoder::new(data::lighthouse_preset());
        let mut recorded = HashMap::new();
        let mut blocks = HashMap::new();
        for entry in data::json("lighthouse/index.json").as_array().unwrap() {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            let body = data::read(&format!("lighthouse/{}", text("file")));
            let is_ssz = text("accept") == "application/octet-stream";
            if text("path").starts_with("/eth/v2/beacon/blocks/")
                && !is_ssz
                && let Ok(block) = decoder.json(&body, None)
            {
                blocks.insert(block.slot.0, block);
            }
            let headers = entry["headers"].as_object().unwrap().iter();
            let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
            let status = entry["status"].as_u64().unwrap() as u16;
            recorded.insert((text("path"), is_ssz), Recorded { status, headers, body: body.into() });
        }
        // Slots of 200 ms instead of 4 s.
        let spec = recorded.get_mut(&("/eth/v1/config/spec".to_owned(), false)).unwrap();
        let mut value: Value = serde_json::from_slice(&spec.body).unwrap();
        value["data"]["SLOT_DURATION_MS"] = json!("200");
        spec.body = value.to_string().into();
        let (events, _) = broadcast::channel(1024);
        Self { recorded, blocks, behaviour: Mutex::new(Behaviour::new(head)), events }
    }

    fn slot_of(&self, id: &str, head: u64) -> Option<u64> {
        match id {
            "head" => Some(head),
            "genesis" => Some(0),
            _ => match id.parse::<B256>() {
                Ok(root) => self.blocks.values().find(|b| b.block_root == root || b.state_root == root).map(|b| b.slot.0),
                Err(_) => id.parse().ok(),
            },
        }
    }

    /// The recorded path that stands for one by root or `head`.
    fn translate(&self, path: &str, head: u64) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let (id_at, suffix) = match parts.as_slice() {
            ["", "eth", _, "beacon", "blocks" | "headers", _] => (5, ""),
            ["", "eth", _, "beacon", "states", _, "randao"] => (5, "/randao"),
            ["", "eth", _, "debug", "beacon", "states", _] => (6, ""),
            _ => return None,
        };
        let slot = self.slot_of(parts[id_at], head)?;
        let slot = if slot == 0 { "genesis".to_owned() } else { slot.to_string() };
        Some(format!("{}/{slot}{suffix}", parts[..id_at].join("/")))
    }
}

async fn answer(State(inner): State<Arc<Inner>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path_and_query().unwrap().as_str().to_owned();
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (sse, head, overridden, hidden, json_only, optimistic) = {
        let mut behaviour = inner.behaviour.lock().unwrap();
        behaviour.log.push(path.clone());
        let hidden =
            (path.contains("/randao") && !behaviour.randao_route) || (path.contains("/debug/") && !behaviour.state_route);
        let overridden = behaviour.overrides.get(&path).cloned();
        (behaviour.sse, behaviour.head, overridden, hidden, behaviour.json_only, behaviour.optimistic.clone())
    };
    if let Some((status, body)) = overridden {
        return json_answer(status, &body);
    }
    if path.starts_with("/eth/v1/events") {
        return events(&inner, &path, sse).await;
    }
    if hidden {
        return json_answer(404, &json!({"statusCode": 404, "error": "Not Found", "message": "Route not found"}));
    }
    if let Some(index) = path.strip_prefix("/eth/v1/beacon/states/head/validators/") {
        let all = data::json("lighthouse/states/head_validators.json");
        return match index.parse::<usize>().ok().and_then(|index| all["data"].get(index)) {
            Some(validator) => json_answer(200, &json!({"data": validator})),
            None => json_answer(404, &json!({"code": 404, "message": "NOT_FOUND"})),
        };
    }
    let translated = inner.translate(&path, head).unwrap_or_else(|| path.clone());
    let wants_ssz = accept.starts_with("application/octet-stream") && !json_only;
    let found = [wants_ssz, false].into_iter().find_map(|ssz| inner.recorded.get(&(translated.clone(), ssz)));
    if let (Some(rest), None) = (translated.strip_prefix("/eth/v1/beacon/headers/"), found)
        && let Some(block) = rest.parse().ok().and_then(|slot: u64| inner.blocks.get(&slot))
    {
        return json_answer(200, &header_of(block));
    }
    let Some(found) = found else { return json_answer(404, &json!({"code": 404, "message": "NOT_FOUND"})) };
    let mut body = found.body.clone();
    if translated.contains("/headers/") && found.status == 200 {
        let mut value: Value = serde_json::from_slice(&body).unwrap();
        let root: B256 = value["data"]["root"].as_str().unwrap().parse().unwrap();
        value["execution_optimistic"] = json!(optimistic.contains(&root));
        body = value.to_string().into();
    }
    let mut response = Response::builder().status(found.status);
    for (name, value) in &found.headers {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "date") {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(body)).unwrap()
}

fn header_of(block: &BlockInfo) -> Value {
    json!({"execution_optimistic": false, "data": {
        "root": block.block_root, "canonical": true,
        "header": {"signature": block.signature, "message": {
            "slot": block.slot, "proposer_index": block.proposer_index, "parent_root": block.parent_root,
            "state_root": block.state_root, "body_root": B256::ZERO,
        }},
    }})
}

async fn events(inner: &Inner, path: &str, sse: Sse) -> Response {
    let comma = path.contains(',');
    match sse {
        Sse::None => return json_answer(400, &json!({"code": 400, "message": "BAD_REQUEST: unable to parse topic"})),
        Sse::OnlyComma if !comma => return json_answer(400, &json!({"code": 400, "message": "BAD_REQUEST"})),
        Sse::HangsOnComma if comma => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        _ => {}
    }
    let receiver = inner.events.subscribe();
    let opening = futures::stream::once(async { Ok::<_, std::io::Error>(":\n\n".to_owned()) });
    let pushed = futures::stream::unfold(receiver, move |mut receiver| async move {
        loop {
            match receiver.recv().await {
                // "cut" ends the stream as a dropped connection does.
                Ok(text) if text == "cut" => return None,
                Ok(_) if sse == Sse::Silent => {}
                Ok(text) => return Some((Ok(text), receiver)),
                Err(_) => return None,
            }
        }
    });
    let body = Body::from_stream(opening.chain(pushed));
    Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap()
}

fn json_answer(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}
