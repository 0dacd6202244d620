//! Signals: the end, and the wish to read files again.

use tokio::signal::unix::{SignalKind, signal};

/// Returns on SIGINT or SIGTERM.
pub async fn interrupted() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// Calls `each` for every SIGHUP, for good.
pub async fn hangups(mut each: impl FnMut()) {
    match signal(SignalKind::hangup()) {
        Ok(mut signal) => {
            while signal.recv().await.is_some() {
                each();
            }
        }
        Err(_) => std::future::pending().await,
    }
}
