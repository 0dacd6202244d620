//! Listening: connections are counted, timed, encrypted and drained here, before anything of HTTP is looked at.
//!
//! HTTP/1.1 only: its time-outs are simple, and who wants more puts a proxy in front.

mod accept;
mod address;
mod buckets;
mod counted;
mod stall;
mod tls;

pub use accept::{Listener, ListenerLimits};
pub use address::{Cidr, ClientAddress, client_address, rate_key};
pub use buckets::{Buckets, Rate};
pub use counted::{Counted, Seats};
pub use tls::{TlsError, TlsFiles};
