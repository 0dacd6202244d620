//! The load: requests over connections that stay open, as light as can be, so that the client is not what is measured.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What came of it.
pub(crate) struct Outcome {
    /// From the moment a request was due to the end of its answer, ascending.
    pub(crate) latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies[place.min(self.latencies.len() - 1)]
    }
}

/// Each connection sends its next request when the answer to the last is there.
pub(crate) async fn closed_loop(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) -> anyhow::Result<Outcome> {
    run(address, requests, connections, |_, now| now).await
}

/// Requests are due at a fixed rate, however long answers take; a late one's wait counts.
pub(crate) async fn at_rate(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    per_second: f64,
    connections: usize,
) -> anyhow::Result<Outcome> {
    let start = Instant::now() + Duration::from_millis(200);
    run(address, requests, connections, move |number, _| start + Duration::from_secs_f64(number as f64 / per_second)).await
}

async fn run(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
    due: impl Fn(usize, Instant) -> Instant + Clone + Send + 'static,
) -> anyhow::Result<Outcome> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut open = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
    }
    let started = Instant::now();
    let workers: Vec<_> = open
        .into_iter()
        .map(|mut stream| {
            let (requests, next, due) = (Arc::clone(&requests), Arc::clone(&next), due.clone());
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let mut buffer = Vec::with_capacity(4096);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(number) else { return anyhow::Ok(latencies) };
                    let due = due(number, Instant::now());
                    tokio::time::sleep_until(due.into()).await;
                    stream.write_all(request).await?;
                    answer(&mut stream, &mut buffer).await?;
                    latencies.push(due.elapsed());
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await??);
    }
    latencies.sort_unstable();
    Ok(Outcome { latencies, elapsed: started.elapsed() })
}

/// Reads one answer, which has to be a 200.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.clear();
    loop {
        let head = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(head) = head {
            let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
            let length: usize =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?.trim().parse()?;
            if buffer.len() >= head + 4 + length {
                ensure!(text.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(buffer));
                return Ok(());
            }
        }
        ensure!(stream.read_buf(buffer).await? > 0, "the gateway closed the connection");
    }
}
