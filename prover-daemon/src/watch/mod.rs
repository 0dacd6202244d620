//! `quintet-prover watch`: the current job on a terminal.
//!
//! * [`feed`] asks gateway and daemon once a second and makes a [`scene::Scene`] of the answers.
//! * [`view`] draws a scene; it does no I/O and reads no clock.
//! * [`screen`] owns the terminal: keys come in, frames go out, and however it ends the terminal is as it was.

pub(crate) mod feed;
mod instances;
pub(crate) mod scene;
pub(crate) mod screen;
mod view;
