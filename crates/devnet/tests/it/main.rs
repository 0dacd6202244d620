//! Integration tests of the embedded chain, through its Beacon API.

mod api;
mod binary;
mod chain;
mod independent;
