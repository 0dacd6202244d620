//! Networks of several nodes on loopback.

mod bandwidth;
mod bodies;
mod connections;
mod gossip;
mod hostile;
mod memory;
mod node;
mod outlines;
mod requests;
mod thousand;
