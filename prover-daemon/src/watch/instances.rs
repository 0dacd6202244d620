//! Instances as cells, an AIR a line: how far each is, and which are ours.

use std::collections::BTreeMap;

use quintet_api::{InstanceState, InstanceView};
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use super::scene::Duty;

/// Width of the AIR's name.
const NAME: usize = 14;
/// Width of the counts behind it.
const COUNTS: usize = 12;

/// What a cell looks like, also without colours.
const fn mark(state: InstanceState) -> (&'static str, Color) {
    match state {
        InstanceState::Assigned => ("·", Color::DarkGray),
        InstanceState::Committed => ("▒", Color::Yellow),
        InstanceState::Proven => ("▓", Color::Green),
        InstanceState::Aggregated => ("█", Color::Cyan),
    }
}

/// What the marks mean.
pub(super) fn legend() -> Line<'static> {
    let mut spans = Vec::new();
    let names = [
        (InstanceState::Assigned, "assigned"),
        (InstanceState::Committed, "committed"),
        (InstanceState::Proven, "proven"),
        (InstanceState::Aggregated, "aggregated"),
    ];
    for (state, name) in names {
        let (cell, colour) = mark(state);
        spans.extend([Span::styled(cell, Style::new().fg(colour)), Span::raw(format!(" {name}  "))]);
    }
    spans.push(Span::styled("ours to prove", ours()));
    Line::from(spans)
}

const fn ours() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// Lines of at most `width` cells.
pub(super) fn lines(instances: &[InstanceView], duty: &Duty, width: usize) -> Vec<Line<'static>> {
    let mut airs: BTreeMap<&str, Vec<&InstanceView>> = BTreeMap::new();
    for instance in instances {
        airs.entry(&instance.air).or_default().push(instance);
    }
    let room = width.saturating_sub(NAME + COUNTS).max(8);
    let mut lines = Vec::new();
    for (air, of_it) in airs {
        let proven =
            of_it.iter().filter(|instance| matches!(instance.state, InstanceState::Proven | InstanceState::Aggregated)).count();
        for (number, part) in of_it.chunks(room).enumerate() {
            let name = if number == 0 { air.chars().take(NAME - 1).collect() } else { String::new() };
            let counts = if number == 0 { format!("{proven:>4}/{:<5}", of_it.len()) } else { String::new() };
            let mut spans = vec![Span::raw(format!("{name:<NAME$}{counts:<COUNTS$}"))];
            spans.extend(part.iter().map(|instance| {
                let (cell, colour) = mark(instance.state);
                let style = Style::new().fg(colour);
                Span::styled(cell, if duty.prove.contains(&instance.instance) { style.patch(ours()) } else { style })
            }));
            lines.push(Line::from(spans));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::InstanceIndex;

    fn instance(index: u32, air: &str, state: InstanceState) -> InstanceView {
        InstanceView {
            instance: InstanceIndex(index),
            air: air.into(),
            index: index.into(),
            rows: 1,
            state,
            proven_by: Vec::new(),
        }
    }

    #[test]
    fn cells_show_state_and_ownership_and_wrap() {
        let instances: Vec<_> = (0..10)
            .map(|index| instance(index, "cpu", if index < 3 { InstanceState::Proven } else { InstanceState::Assigned }))
            .collect();
        let duty = Duty { prove: [InstanceIndex(1)].into(), ..Duty::default() };
        let lines = lines(&instances, &duty, 34);
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let words: Vec<Vec<&str>> = text.iter().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words, [vec!["cpu", "3/10", "▓▓▓·····"], vec!["··"]]);
        assert!(text.iter().all(|line| line.chars().count() <= 34), "{text:?}");
        let reversed = |cell: usize| lines[0].spans[1 + cell].style.add_modifier.contains(Modifier::REVERSED);
        assert_eq!([reversed(0), reversed(1)], [false, true]);
    }
}
