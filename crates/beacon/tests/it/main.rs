//! Integration tests of the Beacon API client, against recorded answers of real nodes.

mod client;
mod data;
mod decode;
mod follower;
mod forks;
mod gloas;
mod server;
