//! Writes a parameter file: every key with its meaning, sources' names first.

use super::Spec;

impl Spec {
    /// The parameter file of this network. [`Spec::from_toml`] reads it back; the files in `configs/networks` are
    /// exactly this, which a test holds them to.
    pub fn to_toml(&self) -> String {
        // A struct of integers, strings and booleans always has a JSON form.
        let table = serde_json::to_value(self).unwrap_or_default();
        let mut out = format!(
            "# Parameters of the network \"{}\".\n\
             # Rewards and penalties are in the source's unit; the ledger counts 10⁻⁹ of it.\n",
            self.config_name
        );
        for from_source in [true, false] {
            out.push_str(if from_source {
                "\n# --- Variables of the source -------------------------------------------------------------\n"
            } else {
                "\n# --- Ours ---------------------------------------------------------------------------------\n"
            });
            let mut meaning = "";
            for info in Self::PARAMETERS.iter().filter(|info| info.from_source == from_source) {
                if info.meaning != meaning {
                    meaning = info.meaning;
                    out.push_str(&format!("\n# {meaning}\n"));
                }
                out.push_str(&format!("{} = {}\n", info.key, toml_value(&table[info.key])));
            }
        }
        out
    }
}

/// Integers stand in quotes in JSON and bare in TOML; other strings keep their quotes.
fn toml_value(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) if text.parse::<i128>().is_ok() => text.to_owned(),
        _ => value.to_string(),
    }
}
