//! What one client can take from the others: nothing.

use std::time::{Duration, Instant};

use quintet_api::EventKind;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::fixture::{Gateway, config};

async fn raw(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.address).await.unwrap()
}

/// Everything until the other side closes, or one read's worth.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn an_address_over_its_rate_is_told_when_to_come_back_and_others_are_served() {
    let mut config = config();
    config.limits.requests_per_second = 1;
    config.limits.requests_burst = 3;
    config.gateway.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let gateway = Gateway::start(config).await;
    let client = reqwest::Client::new();
    let ask = |from: &str| client.get(gateway.url("/v1/node/version")).header("X-Forwarded-For", from).send();
    let until_refused = async |from: &str| {
        for passed in 0..10 {
            let answer = ask(from).await.unwrap();
            if answer.status() != 200 {
                return (passed, answer);
            }
        }
        panic!("never refused");
    };
    let (passed, refused) = until_refused("198.51.100.1").await;
    assert!(passed >= 3, "a burst is allowed");
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    let body: quintet_api::ErrorBody = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(body.code, 429);
    assert_eq!(ask("198.51.100.2").await.unwrap().status(), 200, "another address behind the same proxy");
    // What the client itself wrote before the proxy's entry does not help.
    let (passed, _) = until_refused("203.0.113.77, 198.51.100.1").await;
    assert!(passed < 3, "no bucket of its own");
}

#[tokio::test]
async fn forwarded_for_of_a_stranger_is_ignored() {
    let mut config = config();
    config.limits.requests_per_second = 1;
    config.limits.requests_burst = 2;
    let gateway = Gateway::start(config).await;
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for last in 0..12 {
        let request = client.get(gateway.url("/v1/node/version")).header("X-Forwarded-For", format!("198.51.100.{last}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert!(statuses[..2] == [200, 200] && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn bodies_are_limited_by_kind_before_they_are_read() {
    let mut config = config();
    config.limits.commitments_bytes = 1000;
    config.limits.partial_proofs_bytes = 3000;
    config.limits.body_memory_bytes = 8 << 10;
    let gateway = Gateway::start(config).await;
    let job = "1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0";
    let client = reqwest::Client::new();
    let post = async |kind: &str, bytes: usize| {
        let request = client.post(gateway.url(&format!("/v1/jobs/{job}/{kind}"))).body(vec![0; bytes]);
        let response = request.header("content-type", "application/octet-stream").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(post("commitments", 999).await.0, 400, "not too large, but no SSZ");
    let (status, text) = post("commitments", 1001).await;
    assert!(status == 413 && text.contains("1001 bytes, 1000 are allowed"), "{status} {text}");
    assert_eq!(post("partial_proofs", 1001).await.0, 400);
    assert_eq!(post("partial_proofs", 3001).await.0, 413);

    // The answer comes although not a byte of the body was sent.
    let mut stream = raw(&gateway).await;
    let head = format!("POST /v1/jobs/{job}/commitments HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");

    // Without a length it is cut off on the way.
    let mut stream = raw(&gateway).await;
    let head = format!("POST /v1/jobs/{job}/commitments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(format!("7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000)).as_bytes()).await.unwrap();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn memory_for_bodies_is_bounded_in_all() {
    let mut config = config();
    config.limits.commitments_bytes = 4 << 10;
    config.limits.body_memory_bytes = 8 << 10;
    let gateway = Gateway::start(config).await;
    let job = "1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0";
    // One body of 4 KiB, held twice over, is all there is room for.
    let mut slow = raw(&gateway).await;
    let head = format!("POST /v1/jobs/{job}/commitments HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&[0; 100]).await.unwrap();
    let client = reqwest::Client::new();
    let post = || client.post(gateway.url(&format!("/v1/jobs/{job}/commitments"))).body(vec![0; 2000]).send();
    let started = Instant::now();
    while gateway.app.admission.memory_used() == 0 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = post().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
    drop(slow);
    while gateway.app.admission.memory_used() > 0 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(post().await.unwrap().status(), 400);
}

#[tokio::test]
async fn slow_headers_and_slow_bodies_are_cut_off() {
    let mut config = config();
    config.gateway.header_timeout_ms = 200;
    config.gateway.request_timeout_ms = 400;
    let gateway = Gateway::start(config).await;
    let started = Instant::now();
    let mut silent = raw(&gateway).await;
    let mut dripping = raw(&gateway).await;
    dripping.write_all(b"GET /v1/node/version HTTP/1.1\r\nHo").await.unwrap();
    let mut body = raw(&gateway).await;
    let job = "1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0";
    let head = format!("POST /v1/jobs/{job}/commitments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    body.write_all(head.as_bytes()).await.unwrap();

    let slow = until_closed(&mut body).await;
    assert!(slow.starts_with("HTTP/1.1 408") && slow.contains("not done within 400 ms"), "{slow}");
    assert!(!until_closed(&mut dripping).await.contains("200 OK"));
    assert_eq!(until_closed(&mut silent).await, "");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn connections_are_limited_and_refused_ones_hear_it() {
    let mut config = config();
    config.limits.connections = 3;
    config.limits.connections_per_address = 2;
    let gateway = Gateway::start(config).await;
    let mut held = [raw(&gateway).await, raw(&gateway).await];
    for stream in &mut held {
        stream.write_all(b"GET /v1/node/version HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    let refused = until_closed(&mut raw(&gateway).await).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Retry-After"), "{refused}");
    drop(held);
    let started = Instant::now();
    while reqwest::get(gateway.url("/v1/node/version")).await.map_or(true, |response| response.status() != 200) {
        assert!(started.elapsed() < Duration::from_secs(5), "seats do not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn event_streams_are_limited_replay_and_end_with_the_sidecar() {
    let mut config = config();
    config.limits.streams_per_address = 1;
    let gateway = Gateway::start(config).await;
    let warn = |text: &str| gateway.app.shared.write().warn(text.into()).unwrap();
    warn("first");
    warn("second");
    let client = quintet_api::GatewayClient::new(&gateway.url(""), Duration::from_secs(5)).unwrap();
    let mut events = client.events(&[quintet_api::Topic::Warning], Some(1)).await.unwrap();
    let message = |event: quintet_api::Event| match event.kind {
        EventKind::Warning { message } => (event.id, message),
        other => panic!("{other:?}"),
    };
    use futures::StreamExt as _;
    assert_eq!(message(events.next().await.unwrap().unwrap()), (2, "second".into()));
    warn("third");
    assert_eq!(message(events.next().await.unwrap().unwrap()), (3, "third".into()));
    let refused = gateway.get("/v1/events").await;
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
    assert_eq!(gateway.get("/v1/events?topics=heads").await.status(), 400);

    gateway.stop.cancel();
    assert!(events.next().await.is_none_or(|end| end.is_err()), "the stream ends");
    for server in gateway.servers {
        assert!(server.await.unwrap(), "nothing was cut off");
    }
}

#[tokio::test]
async fn a_reader_of_events_that_takes_nothing_is_cut_off() {
    let mut config = config();
    config.gateway.write_timeout_ms = 300;
    let gateway = Gateway::start(config).await;
    let mut lazy = raw(&gateway).await;
    lazy.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let started = Instant::now();
    while gateway.app.admission.streams() == 0 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // More than the system's own buffers take.
    while gateway.app.admission.streams() > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "the reader is still there");
        for _ in 0..50 {
            gateway.app.shared.write().warn("x".repeat(20_000)).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish_and_takes_no_more() {
    let gateway = Gateway::start(config()).await;
    let job = "1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0";
    let mut stream = raw(&gateway).await;
    let head = format!("POST /v1/jobs/{job}/commitments HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    stream.write_all(head.as_bytes()).await.unwrap();
    let started = Instant::now();
    while gateway.app.admission.memory_used() == 0 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gateway.stop.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(gateway.address).await.is_err(), "no new connections");
    stream.write_all(b"cd").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("not the expected JSON"), "{answer}");
    for server in gateway.servers {
        assert!(server.await.unwrap(), "nothing was cut off");
    }
}
