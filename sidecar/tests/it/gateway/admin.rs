//! The operator's listener, and that the public one has nothing of it.

use quintet_api::{Backup, Data, StoreView};
use quintet_store::verify_backup;

use super::fixture::{Gateway, config};

#[tokio::test]
async fn administration_is_on_its_own_listener_only() {
    let gateway = Gateway::start(config()).await;
    for path in ["/metrics", "/health", "/admin/v1/config", "/admin/v1/db"] {
        assert_eq!(reqwest::get(gateway.admin_url(path)).await.unwrap().status(), 200, "{path}");
        assert_eq!(gateway.get(path).await.status(), 404, "{path} is not for the public");
    }
    let client = reqwest::Client::new();
    for path in ["/admin/v1/shutdown", "/admin/v1/db/backup"] {
        assert_eq!(client.post(gateway.url(path)).send().await.unwrap().status(), 404);
    }
    assert_eq!(reqwest::get(gateway.admin_url("/v1/jobs")).await.unwrap().status(), 404);
    assert!(!gateway.stop.is_cancelled());
}

#[tokio::test]
async fn metrics_have_requests_by_route() {
    let gateway = Gateway::start(config()).await;
    gateway.get("/v1/jobs").await;
    gateway.get("/v1/jobs/1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0").await;
    gateway.get("/v1/nothing/here").await;
    let text = gateway.metrics().await;
    for line in [
        "quintet_sidecar_http_requests_total{method=\"GET\",path=\"/v1/jobs\",status=\"200\"} 1",
        "quintet_sidecar_http_requests_total{method=\"GET\",path=\"/v1/jobs/{id}\",status=\"404\"} 1",
        "quintet_sidecar_http_requests_total{method=\"GET\",path=\"none\",status=\"404\"} 1",
        "quintet_sidecar_jobs 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("quintet_sidecar_resident_memory_bytes "));
}

#[tokio::test]
async fn a_running_store_is_inspected_and_backed_up() {
    let gateway = Gateway::start(config()).await;
    let view: Data<StoreView> =
        serde_json::from_str(&reqwest::get(gateway.admin_url("/admin/v1/db")).await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(view.data.schema_version, Some(1));
    let client = reqwest::Client::new();
    let text = client.post(gateway.admin_url("/admin/v1/db/backup")).send().await.unwrap().text().await.unwrap();
    let made: Data<Backup> = serde_json::from_str(&text).unwrap();
    let summary = verify_backup(std::path::Path::new(&made.data.file)).unwrap();
    assert_eq!((summary.bytes, summary.entries), (made.data.bytes, made.data.entries));
    assert!(made.data.file.starts_with(gateway.folder.path().to_str().unwrap()));
}

#[tokio::test]
async fn a_web_page_cannot_stop_the_sidecar_and_its_operator_can() {
    let gateway = Gateway::start(config()).await;
    let client = reqwest::Client::new();
    let post = || client.post(gateway.admin_url("/admin/v1/shutdown"));
    assert_eq!(post().header("Origin", "https://example.org").send().await.unwrap().status(), 403);
    assert!(!gateway.stop.is_cancelled());
    assert_eq!(post().send().await.unwrap().status(), 200);
    assert!(gateway.stop.is_cancelled());
    for server in gateway.servers {
        assert!(server.await.unwrap());
    }
}
