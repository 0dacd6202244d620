//! Several sidecars that close phases together: each has a validator's key, an address in their network, and a folder.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use quintet_keys::{KdfCost, KeystoreDir, NewKey, Password};

use super::{Children, Files, Programs};

/// What each validator weighs, gwei.
const BALANCE: u64 = 32_000_000_000;

/// Where the validators come from.
#[derive(Clone, Debug)]
pub enum Validators {
    /// A file; their keys are made.
    File,
    /// A contract, in which they are enrolled, one for each sidecar.
    Contract(Vec<Contracted>),
}

/// A validator of the contract.
#[derive(Clone, Debug)]
pub struct Contracted {
    /// Folder with its keystore.
    pub keys: PathBuf,
    /// `[staking]` of its sidecar's configuration.
    pub staking: String,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct SidecarFiles {
    /// Name of its process and its log.
    pub name: String,
    /// Address of its gateway.
    pub gateway: SocketAddr,
    /// Port at which the others reach it.
    pub p2p: u16,
    config: PathBuf,
    data: PathBuf,
    /// Whether provers are registered in a contract.
    staked: bool,
}

/// Writes keys and configurations for sidecars with these gateways and ports of their network, whose ledger begins at `first_slot`. Each dials those before
/// it: the `i`-th reaches the `j`-th at `link(i, j)`, which is the latter's own address unless something lies between them.
///
/// # Errors
/// If something cannot be written.
pub fn join_sidecars(
    files: &Files,
    addresses: &[(SocketAddr, u16)],
    first_slot: u64,
    origin: &Validators,
    link: impl Fn(usize, usize) -> SocketAddr,
) -> anyhow::Result<Vec<SidecarFiles>> {
    let password = std::fs::read_to_string(files.password()).context("the password of all keys")?;
    let password = Password::new(&password);
    let validators = files.dir().join("validators.toml");
    let (mut list, mut sidecars) = (String::new(), Vec::new());
    for (index, &(gateway, p2p)) in addresses.iter().enumerate() {
        let (keys, staking) = match origin {
            Validators::File => {
                let keys = files.dir().join(format!("validator-{index}"));
                let description = Some(format!("devnet validator {index}"));
                let new = NewKey { password: &password, cost: KdfCost::DEVNET, description };
                // That of the chain's validator: whose slot a deadline is leads first.
                let key = KeystoreDir::open(&keys)?.keep(&crate::validators::interop_key(index as u64)?, new)?.public_key;
                // Writing to a string does not fail.
                let _ =
                    writeln!(list, "[[validator]]\nindex = {index}\npubkey = \"{key}\"\neffective_balance_gwei = {BALANCE}\n");
                (keys, "")
            }
            Validators::Contract(all) => {
                let one = all.get(index).with_context(|| format!("{} validators are enrolled", all.len()))?;
                (one.keys.clone(), one.staking.as_str())
            }
        };
        let signer = files.dir().join(format!("signer-{index}.toml"));
        let text = format!(
            "[keys]\nkind = \"keystores\"\ndir = {:?}\nlayout = \"teku\"\nsecrets = {:?}\n",
            keys.display().to_string(),
            files.password().display().to_string(),
        );
        write(&signer, &text)?;
        let peer = |address: SocketAddr| format!("/ip4/{}/tcp/{}", address.ip(), address.port());
        let peers: Vec<String> = (0..index).map(|other| peer(link(index, other))).collect();
        let config = files.dir().join(format!("sidecar-{index}.toml"));
        let origin = match origin {
            Validators::File => format!("validators = {:?}", validators.display().to_string()),
            Validators::Contract(_) => "contract = true".to_owned(),
        };
        let text = format!(
            "validator_index = {index}\n\n[p2p]\n{origin}\nsigner = {:?}\nlisten = [\"/ip4/127.0.0.1/tcp/{p2p}\"]\npeers = {peers:?}\n\
             first_slot = {first_slot}\n{staking}",
            signer.display().to_string(),
        );
        write(&config, &text)?;
        let name = format!("sidecar-{index}");
        let staked = !staking.is_empty();
        sidecars.push(SidecarFiles { data: files.dir().join(&name), name, gateway, p2p, config, staked });
    }
    write(&validators, &list)?;
    Ok(sidecars)
}

impl SidecarFiles {
    /// Starts it, for the first time or once more.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        &self,
        programs: &Programs,
        files: &Files,
        children: &mut Children,
        chain: &str,
        further: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<()> {
        let arguments = [
            "run".to_owned(),
            format!("--network={}", files.network().display()),
            format!("--config={}", self.config.display()),
            format!("--data-dir={}", self.data.display()),
            format!("--beacon-url={chain}"),
            format!("--listen={}", self.gateway),
            // The port after the gateway's may be another's gateway.
            "--set=admin.listen=127.0.0.1:0".to_owned(),
        ];
        let registry = (!self.staked).then(|| format!("--registry={}", files.registry().display()));
        let arguments = arguments.into_iter().chain(registry).chain(further);
        children.spawn(&self.name, &programs.sidecar, arguments, files.log(&self.name))
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_dials_those_before_it() {
        let files = Files::create(None, 4, &super::super::devnet_spec(Duration::from_secs(2), 8).unwrap()).unwrap();
        let addresses: Vec<_> = (0..3).map(|place| (SocketAddr::from(([127, 0, 0, 1], 5000 + place)), 9000 + place)).collect();
        let link = |from: usize, to: usize| SocketAddr::from(([127, 0, 0, 1], 7000 + 10 * from as u16 + to as u16));
        let sidecars = join_sidecars(&files, &addresses, 5, &Validators::File, link).unwrap();
        let last = std::fs::read_to_string(&sidecars[2].config).unwrap();
        assert!(last.contains("peers = [\"/ip4/127.0.0.1/tcp/7020\", \"/ip4/127.0.0.1/tcp/7021\"]"), "{last}");
        assert!(std::fs::read_to_string(&sidecars[0].config).unwrap().ends_with("peers = []\nfirst_slot = 5\n"));
        let validators = std::fs::read_to_string(files.dir().join("validators.toml")).unwrap();
        assert_eq!(validators.matches("pubkey = \"0x").count(), 3);
    }
}
