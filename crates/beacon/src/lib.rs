//! Beacon API client: blocks, RANDAO, duties and events of a beacon node, verified as far as a client can.
pub mod block;
mod bls;
pub mod decode;
pub mod fork;
pub mod payload;
pub mod preset;
pub mod randao;
mod requests;
pub mod schema;
pub mod spec;
pub mod ssz;
pub mod state;
