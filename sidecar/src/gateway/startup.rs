//! The gateway before the sidecar is ready: it has its address already, and says what it waits for.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use tower::ServiceExt as _;

use super::ApiError;

/// A place for the routes that come later.
#[derive(Clone, Debug, Default)]
pub struct Startup(Arc<OnceLock<Router>>);

impl Startup {
    /// Routes that answer 503 until [`Self::ready`].
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.clone())
    }

    /// From now on these are served. Only the first call counts.
    pub fn ready(&self, router: Router) {
        // The routes are set once, by the one who started the listener.
        let _ = self.0.set(router);
    }
}

async fn serve(State(startup): State<Startup>, request: Request) -> Response {
    let Some(router) = startup.0.get() else {
        return ApiError::later(503, "starting: waiting for a beacon node", Duration::from_secs(2)).into_response();
    };
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, routing::get};

    #[tokio::test]
    async fn it_says_that_it_is_not_ready_and_then_is() {
        let startup = Startup::default();
        let router = startup.router();
        let ask = || router.clone().oneshot(axum::http::Request::get("/x").body(Body::empty()).unwrap());
        let answer = ask().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "2"));
        startup.ready(Router::new().route("/x", get(|| async { "here" })));
        assert_eq!(ask().await.unwrap().status().as_u16(), 200);
    }
}
