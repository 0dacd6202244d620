//! The descriptions are whole and true.

use serde_json::Value;

use super::fixture::{Gateway, config};

const JOB: &str = "1-0x0000000000000000000000000000000000000000000000000000000000000000-0-0";

/// A path with its places filled.
fn filled(path: &str) -> String {
    let root = format!("0x{}", "00".repeat(32));
    let place = |of: &str| if of.contains("/jobs/") { JOB } else { "" };
    path.replace("{id}", place(path))
        .replace("{root}", &root)
        .replace("{pubkey}", &format!("0x{}", "00".repeat(48)))
        .replace("{index}", "7")
        .replace("{number}", "1")
}

async fn every_path_answers(base: &str, description: &Value) -> Vec<String> {
    let client = reqwest::Client::new();
    let mut found = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        // Ends the server, and has a test of its own.
        if path.ends_with("/shutdown") {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            let url = format!("{base}{}", filled(path));
            let request = if method == "post" { client.post(url) } else { client.get(url) };
            let response = request.header("content-type", "application/octet-stream").send().await.unwrap();
            let status = response.status().as_u16().to_string();
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path} has no summary");
            assert!(operation["responses"].get(&status).is_some(), "{method} {path} answers {status}, which is not described");
            if !response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream") {
                let text = response.text().await.unwrap();
                assert!(!text.contains("there is nothing here"), "{method} {path} has no route");
            }
            found.push(format!("{method} {path}"));
        }
    }
    found
}

#[tokio::test]
async fn every_documented_path_answers_as_it_says_and_every_route_is_documented() {
    let gateway = Gateway::start(config()).await;
    let description: Value = serde_json::from_str(&gateway.get("/openapi.json").await.text().await.unwrap()).unwrap();
    let found = every_path_answers(&gateway.url(""), &description).await;
    for route in [
        "spec",
        "node/health",
        "node/version",
        "node/identity",
        "node/syncing",
        "jobs",
        "jobs/{id}",
        "jobs/{id}/input",
        "jobs/{id}/plan",
        "jobs/{id}/selection",
        "jobs/{id}/assignments",
        "jobs/{id}/challenge",
        "jobs/{id}/commitments",
        "jobs/{id}/commitments/{root}",
        "jobs/{id}/partial_proofs",
        "jobs/{id}/partial_proofs/{root}",
        "jobs/{id}/full_proofs",
        "jobs/{id}/full_proofs/{root}",
        "jobs/{id}/rewards",
        "jobs/{id}/certificates",
        "jobs/{id}/reuse",
        "node/peers",
        "validators",
        "provers",
        "provers/{pubkey}",
        "provers/{pubkey}/claim",
        "validators/{index}/rewards",
        "validators/{index}/claim",
        "ledger",
        "ledger/settlements",
        "ledger/settlements/{number}",
        "evidence",
        "events",
    ] {
        assert!(found.contains(&format!("get /v1/{route}")), "{route} is not described");
    }
    for kind in ["commitments", "partial_proofs", "full_proofs"] {
        assert!(found.contains(&format!("post /v1/jobs/{{id}}/{kind}")));
    }

    let admin: Value =
        serde_json::from_str(&reqwest::get(gateway.admin_url("/openapi.json")).await.unwrap().text().await.unwrap()).unwrap();
    let found = every_path_answers(&gateway.admin_url(""), &admin).await;
    assert!(found.contains(&"get /metrics".to_owned()) && found.contains(&"post /admin/v1/db/backup".to_owned()));
}

/// Routes that a description does not know would be added past it.
#[test]
fn routes_are_added_through_the_description_only() {
    for (name, source) in [
        ("gateway/mod.rs", include_str!("../../../src/gateway/mod.rs")),
        ("gateway/admin.rs", include_str!("../../../src/gateway/admin.rs")),
    ] {
        assert!(!source.contains(".route(") && !source.contains("nest("), "{name} has a route that is not described");
    }
}

#[tokio::test]
async fn swagger_ui_is_served_from_the_program_itself() {
    let gateway = Gateway::start(config()).await;
    let page = gateway.get("/docs/").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("swagger-ui") && !page.contains("https://"), "{page}");
    let script = gateway.get("/docs/swagger-ui-bundle.js").await;
    assert_eq!(script.status(), 200);
    assert!(script.text().await.unwrap().len() > 100_000);
    let start = gateway.get("/docs/swagger-initializer.js").await.text().await.unwrap();
    assert!(start.contains("/openapi.json"), "{start}");
}

#[tokio::test]
async fn errors_are_json_with_code_and_message() {
    let gateway = Gateway::start(config()).await;
    for (path, code) in [("/nothing", 404), ("/v1/jobs/nonsense", 400), ("/v1/jobs?limit=0", 400), ("/v1/jobs?limit=x", 400)] {
        let response = gateway.get(path).await;
        assert_eq!(response.status().as_u16(), code, "{path}");
        let body: quintet_api::ErrorBody = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(body.code == code && !body.message.is_empty());
    }
    let wrong = reqwest::Client::new().delete(gateway.url("/v1/jobs")).send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    let body: quintet_api::ErrorBody = serde_json::from_str(&wrong.text().await.unwrap()).unwrap();
    assert_eq!(body.code, 405);
}
