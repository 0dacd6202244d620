//! A proxy before the gateway: keeps everything that is posted, loses some of it on the way, and shows only some of the partial proofs, so that a prover
//! that starts again has to send again, and would make another full proof.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rand::RngExt as _;
use serde_json::Value;

/// Something that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) body: Bytes,
    pub(crate) code: u16,
}

/// The proxy. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    gateway: String,
    posted: Arc<Mutex<Vec<Posted>>>,
    lossy: Arc<AtomicBool>,
    http: reqwest::Client,
}

impl Proxy {
    /// Starts it.
    pub(crate) async fn start(gateway: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (gateway, posted, http) = (gateway.to_owned(), Arc::default(), reqwest::Client::new());
        let proxy = Self { url, gateway, posted, lossy: Arc::default(), http };
        let router = Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    /// Whether to lose each full proof and half of everything else that is posted.
    pub(crate) fn set_lossy(&self, lossy: bool) {
        self.lossy.store(lossy, Ordering::Relaxed);
    }

    /// Everything that was posted so far, whether or not the gateway took it.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    match proxy.answer(request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Proxy {
    async fn answer(&self, request: Request) -> Result<Response, reqwest::Error> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let lossy = parts.method == Method::POST && self.lossy.load(Ordering::Relaxed);
        if lossy && (path.ends_with("/full_proofs") || rand::rng().random_bool(0.5)) {
            self.posted.lock().unwrap().push(Posted { path, body, code: 502 });
            return Ok(StatusCode::BAD_GATEWAY.into_response());
        }
        let mut forwarded = self.http.request(parts.method.clone(), format!("{}{path}", self.gateway));
        for name in [header::ACCEPT, header::CONTENT_TYPE] {
            if let Some(value) = parts.headers.get(&name) {
                forwarded = forwarded.header(name, value);
            }
        }
        if let Some(value) = parts.headers.get("last-event-id") {
            forwarded = forwarded.header("last-event-id", value);
        }
        let answer = forwarded.body(body.clone()).send().await?;
        let (code, kind) = (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
        if parts.method == Method::POST {
            self.posted.lock().unwrap().push(Posted { path: path.clone(), body, code: code.as_u16() });
        }
        let body = if path.ends_with("/partial_proofs") && parts.method == Method::GET {
            Body::from(thinned(&answer.bytes().await?))
        } else {
            Body::from_stream(answer.bytes_stream())
        };
        let mut response = Response::builder().status(code);
        if let Some(kind) = kind {
            response = response.header(header::CONTENT_TYPE, kind);
        }
        Ok(response.body(body).unwrap())
    }
}

/// A list of submissions with some instances of each said to be invalid.
fn thinned(list: &[u8]) -> Vec<u8> {
    let Ok(mut list) = serde_json::from_slice::<Value>(list) else { return list.to_vec() };
    let mut random = rand::rng();
    for submission in list["data"].as_array_mut().into_iter().flatten() {
        if let Some(valid) = submission["valid"].as_array_mut() {
            valid.retain(|_| random.random_bool(0.7));
        }
    }
    serde_json::to_vec(&list).unwrap()
}
