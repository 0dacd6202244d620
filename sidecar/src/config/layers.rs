//! File, environment and flags on top of each other, each value remembering where it is from.

use std::{collections::BTreeMap, fmt, path::Path};

use anyhow::{Context as _, anyhow, bail};
use toml::{Table, Value};

use super::{
    Config, KEYS,
    keys::{Form, Key, find, nearest},
};

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// A file.
    File(String),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => f.write_str(path),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Values from all sides, later ones over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    table: Table,
    sources: BTreeMap<&'static str, Source>,
}

impl Layers {
    /// Adds a file. Relative paths in it are taken as they are, from the working directory.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or has a key that is none.
    pub fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        self.text(&text, &path.display().to_string())
    }

    /// Adds the text of a file.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn text(&mut self, text: &str, name: &str) -> anyhow::Result<()> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| anyhow!("{name}: {}", error.to_string().trim_end()))?;
        let mut found = Vec::new();
        flatten("", table, &mut found);
        for (path, value) in found {
            let Some(key) = find(&path) else {
                bail!("{name}: there is no key {path:?}; did you mean {:?}?", nearest(&path));
            };
            self.put(key, value, Source::File(name.to_owned()));
        }
        Ok(())
    }

    /// Adds what the environment has.
    ///
    /// # Errors
    /// If a variable's value has not the form of its key.
    pub fn environment(&mut self, get: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
        for key in KEYS {
            let name = key.env();
            if let Some(text) = get(&name).filter(|text| !text.is_empty()) {
                self.put(key, value_of(key, &text).with_context(|| name.clone())?, Source::Environment(name));
            }
        }
        Ok(())
    }

    /// Adds a flag's value for a key.
    ///
    /// # Errors
    /// If there is no such key, or the value has not its form.
    pub fn flag(&mut self, flag: &str, path: &str, text: &str) -> anyhow::Result<()> {
        let key = find(path).with_context(|| format!("{flag}: there is no key {path:?}; did you mean {:?}?", nearest(path)))?;
        self.put(key, value_of(key, text).with_context(|| format!("{flag}: {path}"))?, Source::Flag(flag.to_owned()));
        Ok(())
    }

    fn put(&mut self, key: &'static Key, value: Value, source: Source) {
        let mut table = &mut self.table;
        let mut parts = key.path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value);
                break;
            }
            let entry = table.entry(part.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            match entry {
                Value::Table(inner) => table = inner,
                // Sections come into being here only.
                _ => break,
            }
        }
        self.sources.insert(key.path, source);
    }

    /// Where a key's value is from.
    pub fn source(&self, path: &str) -> Source {
        self.sources.get(path).cloned().unwrap_or(Source::Default)
    }

    /// The configuration that comes of it, checked.
    ///
    /// # Errors
    /// Names where a wrong value is from, its key, and what is wrong.
    pub fn config(&self) -> anyhow::Result<Config> {
        let config = self.unchecked()?;
        config.check().map_err(|(key, reason)| anyhow!("{}: {key}: {reason}", self.source(key)))?;
        Ok(config)
    }

    /// As [`Self::config`], without the checks of values against each other.
    ///
    /// # Errors
    /// If a value has not the type of its key.
    pub fn unchecked(&self) -> anyhow::Result<Config> {
        serde_path_to_error::deserialize(Value::Table(self.table.clone())).map_err(|error| {
            let path = error.path().to_string();
            // Elements of lists have paths of their own.
            let key = KEYS.iter().find(|key| path == key.path || path.starts_with(&format!("{}[", key.path)));
            let source = self.source(key.map_or(&path, |key| key.path));
            let reason = error.inner().to_string();
            // toml repeats the key.
            let reason = reason.split("\nin `").next().unwrap_or_default();
            anyhow!("{source}: {path}: {reason}")
        })
    }
}

/// Leaves of a table by their dotted paths.
fn flatten(prefix: &str, table: Table, found: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !inner.is_empty() || is_section(&path) => flatten(&path, inner, found),
            value => found.push((path, value)),
        }
    }
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn value_of(key: &Key, text: &str) -> anyhow::Result<Value> {
    Ok(match key.form {
        Form::Text => Value::String(text.to_owned()),
        Form::Integer => Value::Integer(text.parse().map_err(|_| anyhow!("{text:?} is no integer"))?),
        Form::Boolean => Value::Boolean(text.parse().map_err(|_| anyhow!("{text:?} is neither true nor false"))?),
        Form::List => Value::Array(
            text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(|t| Value::String(t.to_owned())).collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let mut layers = Layers::default();
        match layers.text(text, "f.toml").and_then(|()| layers.config()) {
            Ok(config) => panic!("{config:?}"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn unknown_keys_are_refused_and_the_nearest_is_named() {
        assert_eq!(error("beacon_url = []"), "f.toml: there is no key \"beacon_url\"; did you mean \"beacon_urls\"?");
        assert_eq!(
            error("[gateway.tls]\ncrt = \"x\""),
            "f.toml: there is no key \"gateway.tls.crt\"; did you mean \"gateway.tls.cert\"?"
        );
        assert!(error("[gateway]\nlisten = 3\nlisten = 4").starts_with("f.toml: TOML parse error at line 3"));
    }

    #[test]
    fn wrong_values_are_named_with_file_and_key() {
        let shown = error("[gateway]\nlisten = \"here\"");
        assert!(shown.starts_with("f.toml: gateway.listen: ") && shown.contains("socket address"), "{shown}");
        let shown = error("[limits]\nthreads = -1");
        assert!(shown.starts_with("f.toml: limits.threads: "), "{shown}");
        let shown = error("[gateway]\ntrusted_proxies = [\"10.0.0.0/8\", \"10.0.0.0/40\"]");
        assert!(shown.starts_with("f.toml: gateway.trusted_proxies[1]: \"10.0.0.0/40\""), "{shown}");
        assert!(error("network = \"goerli\"").starts_with("f.toml: network: "), "checks name the file as well");
        assert!(error("gateway = 7").starts_with("f.toml: there is no key \"gateway\""));
    }

    #[test]
    fn environment_beats_the_file_and_flags_beat_both() {
        let mut layers = Layers::default();
        layers.text("registry = \"r\"\nvalidator_index = 1\n[limits]\nthreads = 1\nwaiting = 9", "f.toml").unwrap();
        let get = |name: &str| match name {
            "QUINTET_VALIDATOR_INDEX" => Some("2".into()),
            "QUINTET_LIMITS_THREADS" => Some("2".into()),
            "QUINTET_BEACON_URLS" => Some("http://a, http://b".into()),
            _ => None,
        };
        layers.environment(get).unwrap();
        layers.flag("--threads", "limits.threads", "3").unwrap();
        let config = layers.config().unwrap();
        assert_eq!((config.limits.waiting, config.validator_index, config.limits.threads), (9, 2, 3));
        assert_eq!(config.beacon_urls, ["http://a", "http://b"]);
        let sources =
            ["limits.waiting", "validator_index", "limits.threads", "data_dir"].map(|key| layers.source(key).to_string());
        assert_eq!(sources, ["f.toml", "QUINTET_VALIDATOR_INDEX", "--threads", "default"]);

        let wrong = layers.environment(|name| (name == "QUINTET_LIMITS_THREADS").then(|| "many".into())).unwrap_err();
        assert_eq!(format!("{wrong:#}"), "QUINTET_LIMITS_THREADS: \"many\" is no integer");
        let wrong = layers.flag("--set", "limits.thread", "1").unwrap_err();
        assert_eq!(wrong.to_string(), "--set: there is no key \"limits.thread\"; did you mean \"limits.threads\"?");
    }
}
