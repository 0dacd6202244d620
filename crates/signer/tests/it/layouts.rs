//! Folders as each validator client has them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use quintet_keys::{KdfCost, Keystore, KeystoreError, Password, ProofOfPossession, PublicKey, SecretKey, encrypt_wallet};
use quintet_signer::{Backend, KeystoreBackend, Layout, OpenError, config::KeystoresConfig};
use quintet_types::PublicKeyBytes;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn keystore(&self, name: &str, key: &SecretKey, password: &str) -> PathBuf {
        let cost = KdfCost::Pbkdf2 { rounds: 2 };
        let keystore = Keystore::encrypt(key, &Password::new(password), cost, None, None).unwrap();
        self.write(name, &keystore.to_json())
    }

    /// A key in `base/0x…/name` with its password in `secrets/0x…`.
    fn key(&self, base: &str, name: &str) -> PublicKey {
        let key = SecretKey::generate().unwrap();
        let public = key.public_key();
        self.keystore(&format!("{base}/{public}/{name}"), &key, "secret");
        self.write(&format!("secrets/{public}"), "secret\n");
        public
    }

    fn open(&self, name: &str, layout: Layout) -> Result<KeystoreBackend, OpenError> {
        open(&self.path(name), layout, None)
    }
}

fn open(dir: &Path, layout: Layout, secrets: Option<PathBuf>) -> Result<KeystoreBackend, OpenError> {
    KeystoreBackend::open(&KeystoresConfig { dir: dir.to_owned(), layout, secrets })
}

/// The layout and the number of keys.
fn found(backend: Result<KeystoreBackend, OpenError>) -> (Layout, Vec<PublicKeyBytes>) {
    let backend = backend.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    (backend.layout(), runtime.block_on(backend.keys()).unwrap())
}

fn sorted(keys: impl IntoIterator<Item = PublicKey>) -> Vec<PublicKeyBytes> {
    let mut keys: Vec<_> = keys.into_iter().map(PublicKeyBytes::from).collect();
    keys.sort();
    keys
}

#[test]
fn lighthouse_without_definitions() {
    let folder = Folder::new();
    let keys = [(); 2].map(|()| folder.key("validators", "voting-keystore.json"));
    folder.write("validators/slashing_protection.sqlite", "");
    for dir in ["", "validators"] {
        assert_eq!(found(folder.open(dir, Layout::Auto)), (Layout::Lighthouse, sorted(keys)));
    }
    assert_eq!(found(folder.open("", Layout::Lighthouse)).1.len(), 2);
    // Lighthouse's own lock is left alone.
    let lock = folder.path(&format!("validators/{}/voting-keystore.json.lock", keys[0]));
    let held = fs::File::create(&lock).unwrap();
    held.try_lock().unwrap();
    assert_eq!(found(folder.open("", Layout::Auto)).1.len(), 2);
}

#[test]
fn lighthouse_definitions_say_what_is_enabled() {
    let folder = Folder::new();
    let [on, off, elsewhere, inline] = [(); 4].map(|()| folder.key("validators", "voting-keystore.json"));
    let remote = SecretKey::generate().unwrap().public_key();
    let path = |key: &PublicKey| folder.path(&format!("validators/{key}/voting-keystore.json")).display().to_string();
    fs::remove_file(folder.path(&format!("secrets/{inline}"))).unwrap();
    let text = format!(
        r#"---
- enabled: true
  voting_public_key: "{on}"
  description: ""
  graffiti: ~
  suggested_fee_recipient: "0x0000000000000000000000000000000000000001"
  type: local_keystore
  voting_keystore_path: {}
  voting_keystore_password_path: {}
- enabled: false
  voting_public_key: "{off}"
  type: local_keystore
  voting_keystore_path: {}
# Written on another machine, where the folder lay elsewhere.
- enabled: true
  voting_public_key: "{elsewhere}"
  type: local_keystore
  voting_keystore_path: /home/nobody/.lighthouse/validators/{elsewhere}/voting-keystore.json
  voting_keystore_password_path: /home/nobody/.lighthouse/secrets/{elsewhere}
- enabled: true
  voting_public_key: "{inline}"
  type: local_keystore
  voting_keystore_path: {}
  voting_keystore_password: secret
- enabled: true
  voting_public_key: "{remote}"
  type: web3signer
  url: "https://signer:9000"
"#,
        path(&on),
        folder.path(&format!("secrets/{on}")).display(),
        path(&off),
        path(&inline),
    );
    folder.write("validators/validator_definitions.yml", &text);
    assert_eq!(found(folder.open("", Layout::Auto)), (Layout::Lighthouse, sorted([on, elsewhere, inline])));

    folder.write("validators/validator_definitions.yml", "- enabled: maybe\n  voting_keystore_password: hunter2\n");
    let error = folder.open("", Layout::Auto).unwrap_err().to_string();
    assert!(error.contains("validator_definitions.yml") && !error.contains("hunter2"), "{error}");
}

#[test]
fn lodestar() {
    let folder = Folder::new();
    let keys = [(); 2].map(|()| folder.key("keystores", "voting-keystore.json"));
    for dir in ["", "keystores"] {
        assert_eq!(found(folder.open(dir, Layout::Auto)), (Layout::Lodestar, sorted(keys)));
    }
    assert_eq!(found(folder.open("", Layout::Lodestar)).1.len(), 2);
}

#[test]
fn nimbus_without_its_remote_keys() {
    let folder = Folder::new();
    let keys = [(); 2].map(|()| folder.key("validators", "keystore.json"));
    let remote = SecretKey::generate().unwrap().public_key();
    folder.write(&format!("validators/{remote}/remote_keystore.json"), "{}");
    for dir in ["", "validators"] {
        assert_eq!(found(folder.open(dir, Layout::Auto)), (Layout::Nimbus, sorted(keys)));
    }
    assert_eq!(found(folder.open("", Layout::Nimbus)).1.len(), 2);
}

#[test]
fn prysm_wallet_with_its_one_password() {
    let folder = Folder::new();
    let keys = [SecretKey::generate().unwrap(), SecretKey::generate().unwrap()];
    let wallet = encrypt_wallet(&keys, &Password::new("walletpass"), KdfCost::Pbkdf2 { rounds: 2 }).unwrap();
    let file = folder.write("direct/accounts/all-accounts.keystore.json", &wallet);
    folder.write("direct/keymanageropts.json", r#"{"direct_eip_version":"EIP-2335"}"#);
    let password = folder.write("password.txt", "walletpass");
    let expected = sorted(keys.iter().map(SecretKey::public_key));
    for dir in [folder.path(""), folder.path("direct"), folder.path("direct/accounts"), file] {
        assert_eq!(
            found(open(&dir, Layout::Auto, Some(password.clone()))),
            (Layout::Prysm, expected.clone()),
            "{}",
            dir.display()
        );
    }
    let error = folder.open("", Layout::Prysm).unwrap_err();
    assert!(matches!(error, OpenError::Config { key: "secrets", .. }), "{error}");
    fs::write(&password, "another").unwrap();
    let error = open(&folder.path(""), Layout::Auto, Some(password)).unwrap_err();
    assert!(matches!(error, OpenError::Keystore { source: KeystoreError::WrongPassword, .. }), "{error}");
}

#[test]
fn teku_in_all_its_forms() {
    let folder = Folder::new();
    let keys: Vec<_> = (0..3).map(|_| SecretKey::generate().unwrap()).collect();
    folder.keystore("keys/a.json", &keys[0], "pass-a");
    folder.keystore("keys/sub/b.json", &keys[1], "pass-b");
    folder.write("keys/deposit_data-1.json", "[]");
    folder.write("passwords/a.txt", "pass-a");
    folder.write("passwords/sub/b.txt", "pass-b");
    let single = folder.keystore("single.json", &keys[2], "pass-c");
    let password = folder.write("single.txt", "pass-c");
    let (dir, passwords) = (folder.path("keys"), folder.path("passwords"));

    let two = sorted(keys[..2].iter().map(SecretKey::public_key));
    assert_eq!(found(open(&dir, Layout::Auto, Some(passwords.clone()))), (Layout::Teku, two));
    let pairs = format!("{}:{},{}:{}", dir.display(), passwords.display(), single.display(), password.display());
    assert_eq!(
        found(open(Path::new(&pairs), Layout::Auto, None)),
        (Layout::Teku, sorted(keys.iter().map(SecretKey::public_key)))
    );
    // Passwords beside the keystore.
    assert_eq!(found(open(&single, Layout::Auto, None)).1.len(), 1);

    fs::remove_file(passwords.join("sub/b.txt")).unwrap();
    let error = open(&dir, Layout::Teku, Some(passwords)).unwrap_err();
    assert!(matches!(&error, OpenError::NoPassword { keystore, .. } if keystore.ends_with("keys/sub/b.json")), "{error}");
}

#[test]
fn errors_name_the_file() {
    let folder = Folder::new();
    assert!(matches!(folder.open("missing", Layout::Auto), Err(OpenError::Io { .. })));
    folder.write("empty/readme", "");
    assert!(matches!(folder.open("empty", Layout::Auto), Err(OpenError::NoLayout(_))));
    assert!(matches!(folder.open("empty", Layout::Nimbus), Err(OpenError::NoKeys { layout: Layout::Nimbus, .. })));

    // A keystore in another key's folder.
    let (one, two) = (folder.key("validators", "keystore.json"), SecretKey::generate().unwrap());
    folder.keystore(&format!("validators/{one}/keystore.json"), &two, "secret");
    let error = folder.open("", Layout::Auto).unwrap_err();
    assert!(matches!(&error, OpenError::OtherKey { named, .. } if *named == one.to_string()), "{error}");

    // Keys of two clients.
    folder.key("keystores", "voting-keystore.json");
    let error = folder.open("", Layout::Auto).unwrap_err();
    let expected = [Layout::Lodestar, Layout::Nimbus];
    assert!(matches!(&error, OpenError::AmbiguousLayout { found, .. } if *found == expected), "{error}");
    assert_eq!(found(folder.open("", Layout::Lodestar)).1.len(), 1);
}

#[test]
fn key_that_is_there_twice_is_refused() {
    let (folder, key) = (Folder::new(), SecretKey::generate().unwrap());
    for name in ["a", "b"] {
        folder.keystore(&format!("keys/{name}.json"), &key, "p");
        folder.write(&format!("keys/{name}.txt"), "p");
    }
    assert!(matches!(folder.open("keys", Layout::Auto), Err(OpenError::Twice { .. })));
}

#[test]
fn second_sidecar_with_the_same_keystore_is_refused() {
    let folder = Folder::new();
    let key = folder.key("validators", "keystore.json");
    let held = folder.open("", Layout::Auto).unwrap();
    let error = folder.open("", Layout::Auto).unwrap_err();
    assert!(matches!(error, OpenError::Keystore { source: KeystoreError::InUse { .. }, .. }), "{error}");
    assert!(format!("{held:?}").contains(&key.to_string()));
    drop(held);
    folder.open("", Layout::Auto).unwrap();
}

#[tokio::test]
async fn keystores_prove_possession() {
    let key = SecretKey::generate().unwrap();
    let public = key.public_key();
    let backend = KeystoreBackend::from_secrets([key]);
    let proof = backend.prove_possession(&public.into(), [9; 32]).await.unwrap();
    let proof = ProofOfPossession::from_bytes(&proof.0).unwrap();
    assert!(proof.verify_bound(&public, &[9; 32]) && !proof.verify_bound(&public, &[8; 32]));
}
