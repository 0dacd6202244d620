//! Prints what the follower reports: `cargo run -p quintet-beacon --example follow -- http://127.0.0.1:5052 [more URLs]`

use quintet_beacon::{BeaconClient, ChainEvent, ChainFollower, ClientConfig, FollowerConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoints: Vec<String> = std::env::args().skip(1).collect();
    let client = BeaconClient::connect(ClientConfig::new(endpoints)).await?;
    let spec = client.spec();
    println!("network {} with genesis validators root {}", spec.name, spec.genesis_validators_root);
    let (follower, mut events) = ChainFollower::spawn(client, FollowerConfig::default());
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tokio::signal::ctrl_c() => None,
        };
        match event {
            Some(ChainEvent::Head(head)) => {
                let block = &head.block;
                let mix = block.randao_mix.map_or("none".to_owned(), |mix| mix.to_string());
                let confirmed = if head.mix_confirmed { "confirmed" } else { "own" };
                let transactions = block.payload().map_or(0, |payload| payload.transactions.len());
                println!(
                    "slot {} {} {} proposer {} transactions {transactions} gas {:?} mix {mix} ({confirmed})",
                    block.slot,
                    block.fork,
                    block.block_root,
                    block.proposer_index,
                    block.gas_used(),
                );
            }
            Some(event) => println!("{event:?}"),
            None => break,
        }
    }
    follower.stop().await;
    Ok(())
}
