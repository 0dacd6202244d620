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
}

/// Writes keys and configurations for sidecars with these gateways and ports of their network. Each dials those before it: the `i`-th reaches the `j`-th at
/// port `link(i, j)`, which is the latter's own unless something lies between them.
///
/// # Errors
/// If something cannot be written.
pub fn join_sidecars(
    files: &Files,
    addresses: &[(SocketAddr, u16)],
    link: impl Fn(usize, usize) -> u16,
) -> anyhow::Result<Vec<SidecarFiles>> {
    let password = std::fs::read_to_string(files.password()).context("the password of all keys")?;
    let password = Password::new(&password);
    let validators = files.dir().join("validators.toml");
    let (mut list, mut sidecars) = (String::new(), Vec::new());
    for (index, &(gateway, p2p)) in addresses.iter().enumerate() {
        let keys = files.dir().join(format!("validator-{index}"));
        let new = NewKey { password: &password, cost: KdfCost::DEVNET, description: Some(format!("devnet validator {index}")) };
        let key = KeystoreDir::open(&keys)?.create(new)?.public_key;
        // Writing to a string does not fail.
        let _ = writeln!(list, "[[validator]]\nindex = {index}\npubkey = \"{key}\"\neffective_balance_gwei = {BALANCE}\n");
        let signer = files.dir().join(format!("signer-{index}.toml"));
        let text = format!(
            "[keys]\nkind = \"keystores\"\ndir = {:?}\nlayout = \"teku\"\nsecrets = {:?}\n",
            keys.display().to_string(),
            files.password().display().to_string(),
        );
        write(&signer, &text)?;
        let peers: Vec<String> = (0..index).map(|other| format!("/ip4/127.0.0.1/tcp/{}", link(index, other))).collect();
        let config = files.dir().join(format!("sidecar-{index}.toml"));
        let text = format!(
            "validator_index = {index}\n\n[p2p]\nvalidators = {:?}\nsigner = {:?}\nlisten = [\"/ip4/127.0.0.1/tcp/{p2p}\"]\npeers = {peers:?}\n",
            validators.display().to_string(),
            signer.display().to_string(),
        );
        write(&config, &text)?;
        let name = format!("sidecar-{index}");
        sidecars.push(SidecarFiles { data: files.dir().join(&name), name, gateway, p2p, config });
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
            format!("--registry={}", files.registry().display()),
            format!("--data-dir={}", self.data.display()),
            format!("--beacon-url={chain}"),
            format!("--listen={}", self.gateway),
            // The port after the gateway's may be another's gateway.
            "--set=admin.listen=127.0.0.1:0".to_owned(),
        ];
        children.spawn(&self.name, &programs.sidecar, arguments.into_iter().chain(further), files.log(&self.name))
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
        let sidecars = join_sidecars(&files, &addresses, |from, to| 7000 + 10 * from as u16 + to as u16).unwrap();
        let last = std::fs::read_to_string(&sidecars[2].config).unwrap();
        assert!(last.contains("peers = [\"/ip4/127.0.0.1/tcp/7020\", \"/ip4/127.0.0.1/tcp/7021\"]"), "{last}");
        assert!(std::fs::read_to_string(&sidecars[0].config).unwrap().contains("peers = []"));
        let validators = std::fs::read_to_string(files.dir().join("validators.toml")).unwrap();
        assert_eq!(validators.matches("pubkey = \"0x").count(), 3);
    }
}
