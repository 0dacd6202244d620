//! The libp2p network between sidecars.
