//! What the `key` commands do, seen from outside.

use std::{os::unix::fs::PermissionsExt, path::Path};

use quintet_keys::{DerivationPath, KdfCost, Keystore, KeystoreDir, KeystoreError, NewKey, Password, SecretKey, Seed};

fn new(password: &Password) -> NewKey<'_> {
    NewKey { password, cost: KdfCost::DEVNET, description: None }
}

fn opened(dir: &Path) -> KeystoreDir {
    KeystoreDir::open(&dir.join("keys")).unwrap()
}

#[test]
fn created_key_is_listed_private_and_opens_with_its_password_only() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let password = Password::new("pass word");
    let key = dir.create(NewKey { description: Some("first".into()), ..new(&password) }).unwrap();
    assert_eq!(key.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(tmp.path().join("keys").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let listing = dir.list().unwrap();
    assert_eq!(listing.keys, std::slice::from_ref(&key));
    assert!(listing.unreadable.is_empty());
    assert_eq!(key.description.as_deref(), Some("first"));
    assert!(matches!(dir.unlock(&key.public_key, &Password::new("password")), Err(KeystoreError::WrongPassword)));
    let unlocked = dir.unlock(&key.public_key, &password).unwrap();
    assert_eq!(*unlocked.public_key(), key.public_key);
    assert!(unlocked.secret().sign(&[1; 32]).verify(&[1; 32], &key.public_key));
}

#[test]
fn key_in_use_is_refused_shown_and_free_again_afterwards() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let password = Password::new("p");
    let key = dir.create(new(&password)).unwrap().public_key;
    let first = dir.unlock(&key, &password).unwrap();
    assert!(matches!(dir.unlock(&key, &password), Err(KeystoreError::InUse { .. })));
    let expected = format!("process {}", std::process::id());
    assert_eq!(dir.list().unwrap().keys[0].in_use_by, Some(expected));
    drop(first);
    assert_eq!(dir.list().unwrap().keys[0].in_use_by, None);
    dir.unlock(&key, &password).unwrap();
}

#[test]
fn seed_gives_the_same_key_again_and_never_twice_in_one_folder() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let password = Password::new("p");
    let seed = Seed::from_hex(&"17".repeat(32)).unwrap();
    let path = DerivationPath::prover(3);
    let key = dir.import_seed(&seed, &path, new(&password)).unwrap();
    assert_eq!(key.path, "m/12381/3600/3/0/81");
    assert_eq!(key.public_key, seed.derive(&path).unwrap().public_key());
    assert!(matches!(dir.import_seed(&seed, &path, new(&password)), Err(KeystoreError::Exists { .. })));
    let foreign = "m/44/60/0/0".parse().unwrap();
    assert!(dir.import_seed(&seed, &foreign, new(&password)).is_err());
}

#[test]
fn exported_key_opens_elsewhere_under_its_new_password() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let (old, fresh) = (Password::new("old"), Password::new("new"));
    let key = dir.create(new(&old)).unwrap().public_key;
    let cost = KdfCost::Pbkdf2 { rounds: 1000 };
    let exported = dir.export(&key, &old, NewKey { cost, ..new(&fresh) }).unwrap();
    assert!(matches!(exported.decrypt(&old), Err(KeystoreError::WrongPassword)));
    let file = tmp.path().join("export.json");
    exported.write(&file).unwrap();
    let elsewhere = KeystoreDir::open(&tmp.path().join("elsewhere")).unwrap();
    let imported = elsewhere.import(Keystore::read(&file).unwrap(), &fresh, None).unwrap();
    assert_eq!((imported.public_key, imported.cost), (key, cost));
    assert!(elsewhere.unlock(&key, &fresh).is_ok());
    let other = SecretKey::generate().unwrap().public_key();
    assert!(matches!(dir.export(&other, &old, new(&fresh)), Err(KeystoreError::NotFound { .. })));
}

#[test]
fn keystore_without_a_public_key_gets_one_on_import() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let password = Password::new("p");
    let secret = SecretKey::generate().unwrap();
    let keystore = Keystore::encrypt(&secret, &password, KdfCost::DEVNET, None, None).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&keystore.to_json()).unwrap();
    json.as_object_mut().unwrap().remove("pubkey");
    let nameless = Keystore::from_json(json.to_string().as_bytes()).unwrap();
    assert!(nameless.public_key().is_none());
    let info = dir.import(nameless, &password, None).unwrap();
    assert_eq!(info.public_key, secret.public_key());
    assert_eq!(info.uuid, keystore.uuid());
}

#[test]
fn keystore_that_names_another_key_is_refused() {
    let password = Password::new("p");
    let secret = SecretKey::generate().unwrap();
    let other = SecretKey::generate().unwrap().public_key();
    let keystore = Keystore::encrypt(&secret, &password, KdfCost::DEVNET, None, None).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&keystore.to_json()).unwrap();
    json["pubkey"] = other.to_string().into();
    let forged = Keystore::from_json(json.to_string().as_bytes()).unwrap();
    assert!(matches!(forged.decrypt(&password), Err(KeystoreError::PublicKeyMismatch { .. })));
}

#[test]
fn import_can_change_the_password() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let (old, fresh) = (Password::new("old"), Password::new("new"));
    let secret = SecretKey::generate().unwrap();
    let path = DerivationPath::prover(0);
    let keystore = Keystore::encrypt(&secret, &old, KdfCost::DEVNET, Some(&path), None).unwrap();
    let info = dir.import(keystore, &old, Some(new(&fresh))).unwrap();
    assert_eq!(info.path, path.to_string());
    assert!(dir.unlock(&info.public_key, &fresh).is_ok());
}

#[test]
fn foreign_files_in_the_folder_are_reported_and_do_no_harm() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let keys = tmp.path().join("keys");
    std::fs::write(keys.join("a.json"), "{").unwrap();
    std::fs::write(keys.join("b.json"), r#"{"version":3}"#).unwrap();
    std::fs::write(keys.join("c.json"), vec![b' '; 70_000]).unwrap();
    std::fs::write(keys.join("notes.txt"), "hello").unwrap();
    let password = Password::new("p");
    dir.create(new(&password)).unwrap();
    let listing = dir.list().unwrap();
    assert_eq!(listing.keys.len(), 1);
    let why: Vec<_> = listing.unreadable.iter().map(|(_, error)| error.to_string()).collect();
    assert_eq!(why.len(), 3);
    assert!(why[1].contains("version 3"), "{}", why[1]);
    assert!(why[2].contains("larger than"), "{}", why[2]);
}

#[test]
fn password_file_may_end_with_a_newline_and_empty_passwords_protect_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = opened(tmp.path());
    let file = tmp.path().join("password");
    std::fs::write(&file, "correct horse\r\n").unwrap();
    let key = dir.create(new(&Password::new("correct horse"))).unwrap().public_key;
    assert!(dir.unlock(&key, &Password::from_file(&file).unwrap()).is_ok());
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(matches!(Password::from_file(&file), Err(KeystoreError::PasswordNotUtf8 { .. })));
    assert!(matches!(dir.create(new(&Password::new("\n"))), Err(KeystoreError::EmptyPassword)));
}
