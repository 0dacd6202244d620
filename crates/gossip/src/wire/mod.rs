//! What goes over the wire: names, containers, sizes, compression.

pub mod chunk;
pub mod codec;
pub mod digest;
pub mod message_id;
pub mod outline;
pub mod requests;
pub mod snappy;
pub mod submission_id;
pub mod topic;
pub mod transform;
