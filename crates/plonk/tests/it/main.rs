//! Commit, prove and verify over a toy machine, and every way in which that has to fail.

mod flow;
mod toy;
