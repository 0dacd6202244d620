//! What sidecar and prover check of themselves and of what they depend on: each finding says what was found and how to mend it.
//!
//! * [`Report`] collects [`Finding`]s; its exit status is 1 as soon as one of them is [`Standing::Bad`].
//! * [`beacon`], [`clock`], [`address`], [`disk`] and [`files`] look at what both programs need. Nothing here changes anything but for a probe file that
//!   [`disk::folder`] writes and removes.

pub mod address;
pub mod beacon;
pub mod certificate;
pub mod clock;
pub mod disk;
pub mod files;
mod report;

pub use report::{Finding, Report, Standing, causes};
