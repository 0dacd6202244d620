//! Provers as the gateway lists them.

use std::collections::BTreeSet;

use quintet_api::{Data, Page, ProverDetail, ProverStatus, ProverView};

use super::fixture::{Gateway, config};

async fn page(gateway: &Gateway, query: &str) -> Page<ProverView> {
    gateway.get(&format!("/v1/provers{query}")).await.json().await.unwrap()
}

#[tokio::test]
async fn provers_come_in_pages_each_as_it_is_alone() {
    let (gateway, _) = Gateway::with_job(config()).await;
    let all = page(&gateway, "").await;
    assert_eq!((all.data.len(), all.next), (gateway.keys.len(), None));
    let mut seen = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next {
        let query = if after.is_empty() { "?limit=5".into() } else { format!("?limit=5&after={after}") };
        let part = page(&gateway, &query).await;
        assert!(part.data.len() <= 5);
        seen.extend(part.data);
        next = part.next;
    }
    assert_eq!(seen, all.data);
    let states: BTreeSet<String> = all.data.iter().map(|one| format!("{:?}", one.status)).collect();
    assert!(states.contains(&format!("{:?}", ProverStatus::Busy)) && states.len() > 1, "{states:?}");
    for one in all.data {
        let detail: Data<ProverDetail> = gateway.get(&format!("/v1/provers/{}", one.pubkey)).await.json().await.unwrap();
        assert_eq!(detail.data.prover, one);
    }
    assert_eq!(page(&gateway, "?after=1000000").await, Page { data: Vec::new(), next: None });
    for query in ["?limit=0", "?limit=1001", "?limit=many", "?after=0x1"] {
        assert_eq!(gateway.get(&format!("/v1/provers{query}")).await.status().as_u16(), 400, "{query}");
    }
}
