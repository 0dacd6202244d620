//! The dashboard: what `sidecar/dashboard` is built to, embedded in the program.

use axum::{
    Router,
    http::{HeaderName, header},
    response::IntoResponse as _,
    routing::get,
};

/// Path, media type and content of each file.
const FILES: [(&str, &str, &[u8]); 3] = [
    ("/", "text/html; charset=utf-8", include_bytes!("../../dashboard/dist/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_bytes!("../../dashboard/dist/app.js")),
    ("/app.css", "text/css; charset=utf-8", include_bytes!("../../dashboard/dist/app.css")),
];

/// The page asks nobody but the gateway that it comes from, and no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Its routes.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, (path, media_type, content)| {
        let headers: [(HeaderName, &str); 4] = [
            (header::CONTENT_TYPE, media_type),
            // A new version of the sidecar is a new page.
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        router.route(path, get(move || async move { (headers, content).into_response() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn the_page_and_what_it_names_are_served_within_the_weight() {
        let mut weight = 0;
        for (path, media_type, _) in FILES {
            let request = axum::http::Request::get(path).body(Body::empty()).unwrap();
            let answer = routes::<()>().with_state(()).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], media_type);
            weight += answer.into_body().collect().await.unwrap().to_bytes().len();
        }
        assert!(weight < 200_000, "{weight} bytes");
    }

    #[test]
    fn the_page_asks_nobody_else() {
        for (path, _, content) in FILES {
            let text = std::str::from_utf8(content).unwrap();
            let foreign: Vec<&str> =
                text.match_indices("//").filter_map(|(at, _)| text.get(at.saturating_sub(6)..at + 20)).collect();
            let foreign: Vec<_> =
                foreign.into_iter().filter(|near| near.contains("http") && !near.contains("www.w3.org")).collect();
            assert!(foreign.is_empty(), "{path} names {foreign:?}");
        }
        let page = std::str::from_utf8(FILES[0].2).unwrap();
        assert!(page.contains("src=\"./app.js\"") && page.contains("href=\"./app.css\""), "addresses are relative");
    }
}
