//! Real clients from npm. The short test runs in CI, and is skipped where npm or its registry cannot be had.

mod follow;
mod jobs;
mod settling;
mod stack;
mod staking;
