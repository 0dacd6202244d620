//! Everything that a peer sends: gossip, requests and responses as they come off a stream, and what the sidecar decodes from them. Nothing panics; nothing
//! larger is taken in, or held on the way, than its topic or request allows; what is accepted has no other encoding.
//!
//! The first byte says what it is, the second how the rest is meant: as bytes of the wire; as what a well-formed block holds, so that containers are reached
//! without finding snappy's format first; or as changes to a message that is in order.
#![no_main]

mod containers;
mod heap;
mod templates;
mod wire;

use libfuzzer_sys::fuzz_target;
use quintet_gossip::Topic;
use quintet_gossip::wire::requests::RequestKind;

fuzz_target!(|input: &[u8]| {
    let [kind, form, rest @ ..] = input else { return };
    let content = match form {
        0 => None,
        1 => Some(rest.to_vec()),
        template => Some(templates::changed(usize::from(*template) - 2, rest)),
    };
    let kind = usize::from(*kind) % (Topic::ALL.len() + 2 * RequestKind::ALL.len());
    if let Some(topic) = Topic::ALL.get(kind) {
        return wire::gossip(*topic, &content.map_or(rest.to_vec(), |content| wire::block(*topic, content)));
    }
    let kind = kind - Topic::ALL.len();
    if let Some(request) = RequestKind::ALL.get(kind) {
        return wire::request(*request, &content.map_or(rest.to_vec(), |content| wire::frame(*request, content)));
    }
    let response = RequestKind::ALL[kind - RequestKind::ALL.len()];
    wire::response(response, &content.map_or(rest.to_vec(), |content| wire::items(response, content)));
});
