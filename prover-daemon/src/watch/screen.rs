//! The terminal: raw while the view is shown, as it was before whatever ends it: a key, a signal, an error or a panic.

use std::{io, thread, time::Duration};

use anyhow::{Context as _, anyhow};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use tokio::sync::{mpsc, watch};

use super::{
    feed::Feed,
    scene::{Look, Scene},
    view::draw,
};
use crate::run::gateways::now_ms;

/// Between two frames, so that the countdown runs.
const FRAME: Duration = Duration::from_millis(200);
/// How long a key may wait for the thread that reads them.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Move(isize),
    Current,
}

impl Wish {
    fn of(key: KeyEvent) -> Option<Self> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if key.kind == KeyEventKind::Release => None,
            // Raw terminals send no signal for these.
            KeyCode::Char('c' | 'd') if control => Some(Self::Quit),
            KeyCode::Char('q') | KeyCode::Esc => Some(Self::Quit),
            KeyCode::Left | KeyCode::Char('h') => Some(Self::Move(-1)),
            KeyCode::Right | KeyCode::Char('l') => Some(Self::Move(1)),
            KeyCode::Char('c') | KeyCode::End => Some(Self::Current),
            _ => None,
        }
    }
}

/// Gives the terminal back when dropped.
struct Raw(DefaultTerminal);

impl Raw {
    fn enter() -> io::Result<Self> {
        // Panics give it back too: `try_init` sets a hook for them.
        ratatui::try_init().map(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows `feed` until a key or a signal ends it.
///
/// # Errors
/// If the terminal cannot be had or drawn to.
pub(crate) async fn show(feed: Feed) -> anyhow::Result<()> {
    let (look, looked) = watch::channel(Look::default());
    let (scenes, mut scene) = watch::channel(Scene::default());
    let feeding = tokio::spawn(feed.run(looked, scenes));
    let (wishes, mut wished) = mpsc::channel(16);
    let mut raw = Raw::enter().context("this terminal cannot be drawn to; `status` works everywhere")?;
    // Ends with the receiver.
    let keys = thread::spawn(move || read_keys(&wishes));
    let mut frames = tokio::time::interval(FRAME);
    let interrupted = quintet_node::interrupted();
    tokio::pin!(interrupted);
    let outcome = loop {
        tokio::select! {
            _ = frames.tick() => {}
            changed = scene.changed() => if changed.is_err() { break Err(anyhow!("no more answers")) },
            () = &mut interrupted => break Ok(()),
            wish = wished.recv() => match wish {
                Some(Wish::Quit) | None => break Ok(()),
                Some(Wish::Current) => { look.send_replace(Look::Current); }
                Some(Wish::Move(steps)) => {
                    let moved = {
                        let scene = scene.borrow();
                        let shown = scene.job.as_ref().map(|job| job.summary.job);
                        look.borrow().moved(&scene.jobs, shown, steps)
                    };
                    look.send_replace(moved);
                }
            },
        }
        let now = scene.borrow_and_update().clone();
        if let Err(error) = raw.0.draw(|frame| draw(frame, &now, now_ms())) {
            break Err(error).context("drawing");
        }
    };
    drop(raw);
    feeding.abort();
    drop(wished);
    let _ = keys.join();
    outcome
}

/// Reads keys until nobody wants them or the terminal is gone.
fn read_keys(wishes: &mpsc::Sender<Wish>) {
    while !wishes.is_closed() {
        match event::poll(KEY_WAIT) {
            Ok(false) => {}
            Ok(true) => match event::read() {
                Ok(Event::Key(key)) => {
                    if let Some(wish) = Wish::of(key)
                        && wishes.blocking_send(wish).is_err()
                    {
                        return;
                    }
                }
                // Another size, and the like: the next frame shows it.
                Ok(_) => {}
                Err(_) => return,
            },
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_keys_quit_and_arrows_move() {
        let of = |code, modifiers| Wish::of(KeyEvent::new(code, modifiers));
        for (code, modifiers) in [
            (KeyCode::Char('q'), KeyModifiers::NONE),
            (KeyCode::Esc, KeyModifiers::NONE),
            (KeyCode::Char('c'), KeyModifiers::CONTROL),
        ] {
            assert_eq!(of(code, modifiers), Some(Wish::Quit));
        }
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::NONE), Some(Wish::Current));
        assert_eq!(of(KeyCode::Left, KeyModifiers::NONE), Some(Wish::Move(-1)));
        assert_eq!(of(KeyCode::Char('x'), KeyModifiers::NONE), None);
        let mut released = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert_eq!(Wish::of(released), None);
    }
}
