//! The WGSL modules in `shaders/`, put together per kernel.

mod compose;
mod constants;
mod expression;
mod modules;

pub use compose::{Context, compose};
pub use constants::{FieldKind, Layout, constants};
pub use modules::module;
