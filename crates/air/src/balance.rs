//! The bus in the clear: which messages are sent and received how often, for tests and for finding out why sums do not cancel.

use std::collections::BTreeMap;

use ff::{Field, PrimeField};

use crate::{AirSpec, Cell, F, Tag, Trace};

/// A message that is not in balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// The tag.
    pub tag: Tag,
    /// The tuple.
    pub parts: Vec<F>,
    /// Sent minus received.
    pub excess: F,
    /// `air: interaction` of those who took part, at most eight.
    pub by: Vec<String>,
}

/// A tag and the bytes of the tuple.
type Key = (Tag, Vec<[u8; 32]>);

/// All messages of some instances: how much more was sent than received, and by whom.
#[derive(Debug, Default)]
pub struct BusBalance {
    messages: BTreeMap<Key, (F, Vec<String>)>,
}

impl BusBalance {
    /// Adds one message by hand: a public term.
    pub fn add(&mut self, tag: Tag, parts: &[F], multiplicity: F, by: &str) {
        if multiplicity == F::ZERO {
            return;
        }
        let key = (tag, parts.iter().map(PrimeField::to_repr).collect());
        let (excess, names) = self.messages.entry(key).or_default();
        *excess += multiplicity;
        if names.len() < 8 && !names.iter().any(|name| name == by) {
            names.push(by.to_owned());
        }
    }

    /// Adds all interactions of an instance.
    pub fn add_instance(&mut self, spec: &AirSpec, trace: &Trace) {
        for row in 0..spec.height() {
            let load = |cell| match cell {
                Cell::Advice(column, rotation) => trace.get(column, row.wrapping_add_signed(rotation as isize)),
                Cell::Fixed(column, rotation) => spec.fixed[column].values[row.wrapping_add_signed(rotation as isize)],
                Cell::Public(_) => F::ZERO,
            };
            for interaction in &spec.interactions {
                let multiplicity = interaction.multiplicity.eval(&load);
                if multiplicity != F::ZERO {
                    let parts: Vec<F> = interaction.message.parts.iter().map(|part| part.eval(&load)).collect();
                    self.add(interaction.message.tag, &parts, multiplicity, &format!("{}: {}", spec.name, interaction.name));
                }
            }
        }
    }

    /// The messages that are not in balance.
    pub fn imbalances(&self) -> Vec<Imbalance> {
        let value = |bytes: &[u8; 32]| F::from_repr(*bytes).unwrap_or(F::ZERO);
        self.messages
            .iter()
            .filter(|(_, (excess, _))| *excess != F::ZERO)
            .map(|((tag, parts), (excess, by))| Imbalance {
                tag: *tag,
                parts: parts.iter().map(value).collect(),
                excess: *excess,
                by: by.clone(),
            })
            .collect()
    }
}
