//! The crate from outside: layouts of all clients, mocks of the remote signers, the record across crashes.

mod commit_boost;
mod kill;
mod layouts;
mod mock;
mod record;
mod tls;
mod web3signer;

use quintet_signer::{PhaseMessage, SigningRequest, Turn};
use quintet_types::{JobId, Phase, Root, Slot, Spec, spec::Network};

/// A network with a chain id.
fn spec() -> Spec {
    Network::Hoodi.spec()
}

fn turn(slot: u64, round: u32) -> Turn {
    let job = JobId::new(Slot(slot), Root::repeat_byte(7));
    Turn { job, phase: Phase::T2, round, kind: PhaseMessage::Prevote }
}

/// A prevote for a bundle whose root is made of one byte.
fn prevote(slot: u64, object: u8) -> SigningRequest {
    SigningRequest::turn(turn(slot, 0), Root::repeat_byte(object), &spec())
}
