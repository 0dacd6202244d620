//! Writes a network's parameter file anew, after the table of parameters changed:
//! `cargo run -p quintet-types --example network_file -- hoodi > configs/networks/hoodi.toml.new`
//!
//! Values come from the existing file, missing ones from mainnet.

use quintet_types::spec::Network;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("usage: network_file mainnet|hoodi|devnet")?;
    print!("{}", name.parse::<Network>()?.spec().to_toml());
    Ok(())
}
