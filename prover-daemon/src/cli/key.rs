//! `quintet-prover key`: stake keys in EIP-2335 keystores.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use quintet_keys::{DerivationPath, KdfCost, KeyInfo, Keystore, KeystoreDir, NewKey, Password, PublicKey, Seed, read_capped};

/// Stake keys.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// Folder of the keystores.
    #[arg(long, global = true, value_name = "DIR", default_value_os_t = default_dir(), env = "QUINTET_KEYS_DIR")]
    keys_dir: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a fresh key.
    New {
        #[command(flatten)]
        protection: Protection,
    },
    /// Take over a keystore of any EIP-2335 tool, or derive a key from an EIP-2333 seed.
    Import {
        /// Keystore to import.
        #[arg(value_name = "KEYSTORE", required_unless_present = "seed_file", conflicts_with = "seed_file")]
        keystore: Option<PathBuf>,
        /// File with the seed as hex.
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
        /// Which key of the seed: the account number in its EIP-2334 path.
        #[arg(long, default_value_t = 0, requires = "seed_file")]
        account: u32,
        #[command(flatten)]
        protection: Protection,
    },
    /// List the keys of the folder.
    List,
    /// Write a key to a keystore elsewhere. A key that runs in two places equivocates and is slashed.
    Export {
        /// Public key.
        pubkey: PublicKey,
        /// Keystore to write; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        protection: Protection,
    },
}

#[derive(Debug, Args)]
struct Protection {
    /// File with the keystore's password, in its first line.
    #[arg(long, value_name = "FILE", env = "QUINTET_PASSWORD_FILE")]
    password_file: PathBuf,
    /// Free text kept in the keystore.
    #[arg(long)]
    description: Option<String>,
    /// Key derivation function that guards the password: slow to guess (scrypt) or the older pbkdf2.
    #[arg(long, value_enum, default_value_t = Kdf::Scrypt)]
    kdf: Kdf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kdf {
    Scrypt,
    Pbkdf2,
    /// Next to no protection: for throw-away networks.
    Devnet,
}

/// `$XDG_DATA_HOME/quintet/keys`.
fn default_dir() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    base.or_else(home).unwrap_or_default().join("quintet/keys")
}

impl Protection {
    fn password(&self) -> anyhow::Result<Password> {
        let shown = self.password_file.display();
        Password::from_file(&self.password_file).with_context(|| format!("reading the password from {shown}"))
    }

    fn cost(&self) -> KdfCost {
        match self.kdf {
            Kdf::Scrypt => KdfCost::SCRYPT,
            Kdf::Pbkdf2 => KdfCost::PBKDF2,
            Kdf::Devnet => KdfCost::DEVNET,
        }
    }
}

impl Key {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let dir = KeystoreDir::open(&self.keys_dir)?;
        match &self.action {
            Action::New { protection } => {
                let password = protection.password()?;
                self.show(&dir.create(protection.new_key(&password))?);
            }
            Action::Import { keystore, seed_file, account, protection } => {
                let password = protection.password()?;
                let info = match (keystore, seed_file) {
                    (Some(file), _) => dir.import(Keystore::read(file)?, &password, None)?,
                    (None, Some(file)) => {
                        let text = read_capped(file, 1024)?;
                        let text = std::str::from_utf8(&text).context("the seed file is not text")?;
                        let seed = Seed::from_hex(text.trim())?;
                        dir.import_seed(&seed, &DerivationPath::prover(*account), protection.new_key(&password))?
                    }
                    (None, None) => bail!("name a keystore or --seed-file"),
                };
                self.show(&info);
            }
            Action::List => self.list(&dir)?,
            Action::Export { pubkey, out, protection } => {
                if out.exists() {
                    bail!("{} exists; a keystore is not overwritten", out.display());
                }
                let password = protection.password()?;
                dir.export(pubkey, &password, protection.new_key(&password))?.write(out)?;
                eprintln!("wrote {}. Run the key in one place only: two provers with one key equivocate.", out.display());
            }
        }
        Ok(())
    }

    fn show(&self, info: &KeyInfo) {
        if self.json {
            quintet_node::outln!("{}", describe(info));
        } else {
            quintet_node::outln!("{}", info.public_key);
            eprintln!("keystore: {}", info.file.display());
        }
    }

    fn list(&self, dir: &KeystoreDir) -> anyhow::Result<()> {
        let listing = dir.list()?;
        for (file, error) in &listing.unreadable {
            eprintln!("warning: {}: {error}", file.display());
        }
        if self.json {
            quintet_node::outln!("{}", serde_json::Value::Array(listing.keys.iter().map(describe).collect()));
            return Ok(());
        }
        if listing.keys.is_empty() {
            eprintln!("no keys in {}; make one with `quintet-prover key new`", self.keys_dir.display());
        }
        for info in &listing.keys {
            let used = info.in_use_by.as_ref().map(|by| format!("  in use by {by}")).unwrap_or_default();
            quintet_node::outln!("{}  {}{used}", info.public_key, info.file.display());
        }
        Ok(())
    }
}

impl Protection {
    fn new_key<'a>(&self, password: &'a Password) -> NewKey<'a> {
        NewKey { password, cost: self.cost(), description: self.description.clone() }
    }
}

fn describe(info: &KeyInfo) -> serde_json::Value {
    serde_json::json!({
        "pubkey": info.public_key.to_string(),
        "file": info.file,
        "uuid": info.uuid.to_string(),
        "path": info.path,
        "description": info.description,
        "in_use_by": info.in_use_by,
    })
}
