//! Message ids as in the consensus specs (altair/p2p-interface.md, "topics and messages"): by topic and content, not by sender.

use libp2p::gossipsub::MessageId;
use sha2::{Digest as _, Sha256};

/// `MESSAGE_DOMAIN_VALID_SNAPPY` of the consensus specs. Messages that do not decompress never get an id here: gossipsub drops them before it asks for one.
pub const MESSAGE_DOMAIN_VALID_SNAPPY: [u8; 4] = [1, 0, 0, 0];

/// First 20 bytes of `SHA-256(MESSAGE_DOMAIN_VALID_SNAPPY ‖ uint64(length of topic) ‖ topic ‖ decompressed data)`.
pub fn message_id(topic: &str, data: &[u8]) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(MESSAGE_DOMAIN_VALID_SNAPPY);
    hash.update((topic.len() as u64).to_le_bytes());
    hash.update(topic.as_bytes());
    hash.update(data);
    MessageId::new(&hash.finalize()[..20])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_and_data_do_not_run_into_each_other() {
        assert_eq!(message_id("ab", b"c").0.len(), 20);
        assert_eq!(message_id("ab", b"c"), message_id("ab", b"c"));
        assert_ne!(message_id("ab", b"c"), message_id("a", b"bc"));
        assert_ne!(message_id("ab", b"c"), message_id("ab", b"d"));
    }

    #[test]
    fn id_is_that_of_the_written_rule() {
        // python3: hashlib.sha256(b'\x01\0\0\0' + (1).to_bytes(8, 'little') + b't' + b'data').digest()[:20].hex()
        assert_eq!(message_id("t", b"data").to_string(), ID);
    }

    const ID: &str = "e36fd538057ab9bdc0a0d68aeaa5769531742ab0";
}
