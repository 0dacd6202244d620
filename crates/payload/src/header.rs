//! The block header's RLP (EIP-4399, 1559, 4895, 4844, 4788, 7685 on top of the yellow paper) and its hash.

use crate::keccak::{Frame, Keccak};
use crate::layout as at;
use crate::rlp::{Writer, prepend_list_header};
use crate::view::PayloadView;

/// Hash of the RLP of an empty list: `ommers_hash` of every header since the merge.
const EMPTY_OMMERS_HASH: [u8; 32] = [
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3, 0x12, 0x45, 0x1b,
    0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
];

/// Room for the list's header.
const PAYLOAD: usize = 3;
/// Nine hashes and roots, extra data and a 256-bit number, an address, the bloom, the nonce, the difficulty, six numbers;
/// each with its RLP header.
const MAX_LEN: usize = PAYLOAD + 9 * 33 + 2 * 33 + 21 + 259 + 9 + 1 + 6 * 9;

/// The block hash of the header that a payload and the two roots make.
#[must_use]
pub fn block_hash<H: Keccak>(payload: &PayloadView<'_>, transactions_root: &[u8; 32], withdrawals_root: &[u8; 32]) -> [u8; 32] {
    let mut buffer = [0; MAX_LEN];
    let mut out = Writer::new(&mut buffer, PAYLOAD);
    out.fixed::<32>(payload.bytes(at::PARENT_HASH));
    out.fixed(&EMPTY_OMMERS_HASH);
    out.fixed::<20>(payload.bytes(at::FEE_RECIPIENT));
    out.fixed::<32>(payload.bytes(at::STATE_ROOT));
    out.fixed(transactions_root);
    out.fixed::<32>(payload.bytes(at::RECEIPTS_ROOT));
    out.string(payload.bytes::<256>(at::LOGS_BLOOM));
    out.number(0); // difficulty
    out.number(payload.word(at::BLOCK_NUMBER));
    out.number(payload.word(at::GAS_LIMIT));
    out.number(payload.word(at::GAS_USED));
    out.number(payload.word(at::TIMESTAMP));
    out.string(payload.extra_data());
    out.fixed::<32>(payload.bytes(at::PREV_RANDAO));
    out.fixed(&[0; 8]); // nonce
    out.number_256(payload.bytes(at::BASE_FEE));
    out.fixed(withdrawals_root);
    if payload.fork().has_blobs() {
        out.number(payload.word(at::BLOB_GAS_USED));
        out.number(payload.word(at::EXCESS_BLOB_GAS));
        out.fixed::<32>(payload.bytes(at::PARENT_BEACON_BLOCK_ROOT));
    }
    if payload.fork().has_requests() {
        out.fixed::<32>(payload.bytes(at::REQUESTS_HASH));
    }
    let end = out.position();
    let start = prepend_list_header(&mut buffer, PAYLOAD, end);
    H::hash(&Frame::EMPTY, &buffer[start..end])
}
