//! A scene as a picture. Pure: the same scene at the same time is the same picture.

use quintet_api::{JobState, PhaseView};
use quintet_types::Phase;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize as _},
    text::{Line, Span},
    widgets::{Block, Gauge, Paragraph, Wrap},
};

use super::{instances, scene::Scene};

/// Draws `scene` as it is at `now_ms` of our clock.
pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene, now_ms: u64) {
    let now = now_ms.saturating_add_signed(scene.ahead_ms);
    let phases = scene.job.as_ref().map_or(0, |job| job.phases.len()) as u16;
    let own = own(scene);
    let [head, job, clock, grid, duty, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3 + phases.max(1)),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(if own.is_empty() { 0 } else { own.len() as u16 + 2 }),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(heading(scene), head);
    frame.render_widget(Paragraph::new(about(scene, now)).block(Block::bordered().title(" job ")), job);
    countdown(frame, clock, scene, now);
    let block = Block::bordered().title(" instances ").title_bottom(instances::legend());
    let width = usize::from(block.inner(grid).width);
    let lines = scene.job.as_ref().map(|job| instances::lines(&job.instances, &scene.duty, width)).unwrap_or_default();
    frame.render_widget(Paragraph::new(lines).block(block), grid);
    frame.render_widget(Paragraph::new(own).wrap(Wrap { trim: false }).block(Block::bordered().title(" this prover ")), duty);
    let keys = Line::from(" q quit   ← older   → newer   c current").style(Style::new().fg(Color::DarkGray));
    frame.render_widget(keys, foot);
}

fn heading(scene: &Scene) -> Line<'static> {
    let mut spans = vec![
        Span::styled(" Quintet ", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("{}  head {}  {}", scene.network, scene.head, scene.gateway)),
    ];
    if let Some(trouble) = &scene.trouble {
        spans.push(Span::styled(format!("  {trouble}"), Style::new().fg(Color::Red)));
    }
    Line::from(spans)
}

/// The job in words: id, state, phases.
fn about(scene: &Scene, now: u64) -> Vec<Line<'static>> {
    let Some(job) = &scene.job else {
        let text = if scene.network.is_empty() { "waiting for the gateway" } else { "no job yet" };
        return vec![Line::from(text)];
    };
    let summary = &job.summary;
    let state = match summary.state {
        JobState::Finalized => Span::from("finalized").green(),
        JobState::Failed => Span::from("failed").red(),
        JobState::Unserved => Span::from("unserved").red(),
        JobState::Suspended => Span::from("suspended").yellow(),
        JobState::Announced => Span::from("announced"),
        JobState::T1 | JobState::T2 | JobState::T3 | JobState::T4 | JobState::T5 => {
            Span::from(format!("{:?}", summary.state)).bold()
        }
    };
    let counts = format!(
        "  {} transactions, {} gas, {} provers, {} instances of 2^{} rows",
        summary.transactions, summary.gas_used, summary.num_provers, summary.num_instances, job.k
    );
    let mut first = vec![Span::raw(format!("{}  ", summary.id)), state];
    first.extend(job.note.iter().map(|note| Span::raw(format!("  {note}"))));
    let mut lines = vec![Line::from(first), Line::from(counts.trim_start().to_owned())];
    lines.truncate(if job.phases.is_empty() { 2 } else { 1 });
    lines.extend(job.phases.iter().map(|phase| line(phase, now)));
    if !job.phases.is_empty() {
        lines[0].push_span(Span::raw(counts));
    }
    lines
}

fn line(phase: &PhaseView, now: u64) -> Line<'static> {
    let took = |ms: u64| format!("{:.1} s", ms as f64 / 1000.0);
    let (mark, rest) = match phase.closed_ms {
        Some(closed) => ("✓", format!("closed after {}", took(closed.saturating_sub(phase.starts_ms)))),
        None if now >= phase.deadline_ms => ("…", "waits to be closed".to_owned()),
        None => ("▶", format!("{} left", took(phase.deadline_ms - now))),
    };
    let text = format!("{mark} {}  {:>4} submissions  {rest}", phase.phase, phase.submissions);
    if phase.closed_ms.is_some() { Line::from(text).dim() } else { Line::from(text) }
}

/// The open phase as a bar that runs out.
fn countdown(frame: &mut Frame<'_>, area: Rect, scene: &Scene, now: u64) {
    let open = scene.job.iter().flat_map(|job| &job.phases).find(|phase| phase.closed_ms.is_none());
    let Some(phase) = open.filter(|_| scene.job.as_ref().is_some_and(|job| !job.summary.state.is_final())) else { return };
    let whole = phase.deadline_ms.saturating_sub(phase.starts_ms).max(1);
    let left = phase.deadline_ms.saturating_sub(now).min(whole);
    let ratio = left as f64 / whole as f64;
    let colour = if ratio < 0.2 { Color::Red } else { Color::Blue };
    let label = format!("{} {:.0} s left", phase.phase, (left as f64 / 1000.0).ceil());
    frame.render_widget(Gauge::default().ratio(ratio).label(label).gauge_style(Style::new().fg(colour)), area);
}

/// What the prover that is followed is and does; nothing if none is.
fn own(scene: &Scene) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(us) = &scene.us {
        let weight = us.weight as f64 / 65_536.0;
        let status = format!("{:?}", us.status).to_lowercase();
        lines.push(Line::from(format!("#{} {}  {status}  weight {weight:.3}  balance {}", us.index, us.pubkey, us.balance)));
        let part = match (scene.duty.commit.len(), scene.duty.prove.len()) {
            (0, 0) => "no part in this job".to_owned(),
            (commit, prove) => format!("in this job: commit {commit}, prove {prove} ({} proven by us)", proven(scene)),
        };
        lines.push(Line::from(part));
    }
    if let Some(daemon) = &scene.daemon {
        let shown = scene.job.as_ref().map(|job| job.summary.id.as_str());
        let doing = daemon.jobs.iter().find(|job| Some(job.id.as_str()) == shown);
        let words = doing.map_or_else(
            || format!("daemon: {:?}, {} jobs open", daemon.mode, daemon.jobs.len()),
            |job| {
                let phases: Vec<String> = job.submitted.iter().map(Phase::to_string).collect();
                let submitted = if phases.is_empty() { "nothing".to_owned() } else { phases.join(" ") };
                format!("daemon: {}, submitted {submitted}", job.doing.as_deref().unwrap_or("waiting"))
            },
        );
        lines.push(Line::from(words));
        lines.extend(daemon.missed.first().map(|missed| {
            let phase = missed.phase.map_or_else(|| "job".to_owned(), |phase| phase.to_string());
            Line::from(format!("last missed: {} {phase}: {}", missed.job, missed.reason)).red()
        }));
    }
    lines
}

fn proven(scene: &Scene) -> usize {
    let (Some(job), Some(us)) = (&scene.job, &scene.us) else { return 0 };
    job.instances.iter().filter(|instance| instance.proven_by.contains(&us.pubkey)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::scene::{Duty, tests::summary};
    use quintet_api::{CertificateState, InstanceState, InstanceView, JobDetail, ProverStatus, ProverView};
    use quintet_types::{Balance, InstanceIndex, ProverIndex, PublicKeyBytes, Root};
    use ratatui::{Terminal, backend::TestBackend};

    fn drawn(scene: &Scene, now: u64, (width, height): (u16, u16)) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, scene, now)).unwrap();
        terminal
            .backend()
            .to_string()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect()
    }

    fn scene(count: u32) -> Scene {
        let us = PublicKeyBytes::repeat_byte(2);
        let phase = |phase, starts_ms, closed_ms| PhaseView {
            phase,
            starts_ms,
            deadline_ms: starts_ms + 15_000,
            closed_ms,
            bundle_root: None,
            leader: None,
            rank: None,
            certificate: CertificateState::Alone,
            submissions: 4,
        };
        let instance = |index: u32| InstanceView {
            instance: InstanceIndex(index),
            air: if index.is_multiple_of(2) { "cpu" } else { "keccak" }.into(),
            index: index.into(),
            rows: 5,
            state: if index == 0 { InstanceState::Proven } else { InstanceState::Committed },
            proven_by: if index == 0 { vec![us] } else { Vec::new() },
        };
        let job = JobDetail {
            summary: summary(7, JobState::T2),
            plan_root: None,
            k: 11,
            input_root: Root::ZERO,
            selected: vec![us],
            phases: vec![phase(Phase::T1, 0, Some(9_000)), phase(Phase::T2, 15_000, None)],
            instances: (0..count).map(instance).collect(),
            full_proof: None,
            note: None,
        };
        let prover = ProverView {
            index: ProverIndex(3),
            pubkey: us,
            stake_gwei: 1,
            status: ProverStatus::Busy,
            weight: 65_536,
            balance: Balance(12_000_000_000),
        };
        Scene {
            gateway: "http://127.0.0.1:5062/".into(),
            network: "devnet".into(),
            head: 9,
            jobs: vec![summary(7, JobState::T2)],
            job: Some(job),
            us: Some(prover),
            duty: Duty { commit: [InstanceIndex(0), InstanceIndex(1)].into(), prove: [InstanceIndex(0)].into() },
            ..Scene::default()
        }
    }

    #[test]
    fn a_job_is_drawn_with_phases_countdown_instances_and_our_part() {
        let text = drawn(&scene(6), 20_000, (150, 24));
        for expected in [
            "devnet head 9 http://127.0.0.1:5062/",
            "✓ T1 4 submissions closed after 9.0 s",
            "▶ T2 4 submissions 10.0 s left",
            "T2 10 s left",
            "cpu 1/3 ▓▒▒",
            "keccak 0/3 ▒▒▒",
            "#3 0x0202",
            "busy weight 1.000 balance 12",
            "in this job: commit 2, prove 1 (1 proven by us)",
            "q quit",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
        }
    }

    #[test]
    fn deadlines_are_read_by_the_gateways_clock() {
        let ahead = Scene { ahead_ms: 4_000, ..scene(6) };
        assert!(drawn(&ahead, 20_000, (150, 24)).contains("6.0 s left"));
        assert!(drawn(&ahead, 40_000, (150, 24)).contains("waits to be closed"));
    }

    #[test]
    fn no_size_and_no_state_breaks_the_picture() {
        let trouble = Scene { trouble: Some("http://127.0.0.1:5062/: connection refused".into()), ..Scene::default() };
        assert!(drawn(&trouble, 0, (100, 12)).contains("connection refused"));
        for size in [(1, 1), (10, 3), (40, 10), (80, 24), (200, 60)] {
            drawn(&trouble, 0, size);
            drawn(&scene(400), 20_000, size);
            drawn(&scene(0), u64::MAX, size);
        }
    }
}
