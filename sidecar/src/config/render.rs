//! The configuration as text: an annotated file, and the table of the README.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::{Config, KEYS, Key, Source};

/// The value at a dotted path.
fn look_up<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_table()?.get(part))
}

fn table_of(config: &Config) -> Table {
    // Every value of a configuration has a form in TOML.
    Table::try_from(config).unwrap_or_default()
}

/// Section and name of a key.
fn split(key: &Key) -> (&'static str, &'static str) {
    key.path.rsplit_once('.').unwrap_or(("", key.path))
}

/// A file with every key, its meaning and value, and, where `source` says so, where that is from.
pub fn to_toml(config: &Config, source: impl Fn(&str) -> Source) -> String {
    let table = table_of(config);
    let mut text = String::new();
    let mut section = "";
    // Writing to a string does not fail.
    for key in KEYS {
        let (of, name) = split(key);
        if of != section {
            section = of;
            let _ = writeln!(text, "\n[{section}]");
        }
        let from = match source(key.path) {
            Source::Default => String::new(),
            source => format!(" (from {source})"),
        };
        let _ = writeln!(text, "# {}. {}{from}", capitalised(key.help), key.env());
        let _ = match look_up(&table, key.path) {
            Some(value) => writeln!(text, "{name} = {value}"),
            None => writeln!(text, "# {name} ="),
        };
    }
    text
}

/// The table of the README: key, variable, default, meaning.
pub fn markdown() -> String {
    let table = table_of(&Config::default());
    let mut text = String::from("| key | environment | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in KEYS {
        let default = look_up(&table, key.path).map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
        let _ = writeln!(text, "| `{}` | `{}` | {default} | {} |", key.path, key.env(), key.help);
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, Staking};

    fn leaves(table: &Table, prefix: &str) -> Vec<String> {
        let path = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let of = |(name, value): (&String, &Value)| match value {
            Value::Table(inner) => leaves(inner, &path(name)),
            _ => vec![path(name)],
        };
        table.iter().flat_map(of).collect()
    }

    #[test]
    fn every_field_has_a_key_and_every_key_a_field() {
        let mut config = Config { registry: Some("r".into()), params_dir: Some("p".into()), ..Config::default() };
        config.gateway.tls.cert = Some("c".into());
        config.gateway.tls.key = Some("k".into());
        config.admin.listen = Some(config.admin_listen());
        config.staking = Staking::example();
        config.p2p.validators = Some("v".into());
        config.p2p.signer = Some("s".into());
        config.p2p.listen = vec!["/ip4/127.0.0.1/tcp/9100".into()];
        let mut fields = leaves(&table_of(&config), "");
        let mut keys: Vec<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
        fields.sort();
        keys.sort();
        assert_eq!(fields, keys);

        // What is printed is read again as the same.
        config.registry = None;
        let mut layers = Layers::default();
        layers.text(&to_toml(&config, |_| Source::Default), "printed").unwrap();
        assert_eq!(layers.config().unwrap(), config);
    }

    #[test]
    fn the_sample_file_and_the_readme_have_every_key() {
        let sample = include_str!("../../../configs/sidecar.toml");
        assert!(sample.ends_with(&to_toml(&Config::default(), |_| Source::Default)), "run: quintet-sidecar config print");
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&markdown()), "run: quintet-sidecar config keys");
    }
}
