//! Payload integrity: what the first guest program checks, and how host and guest agree on its input and outputs.
//!
//! A beacon block's execution payload names a block hash. The statement proven here: the hash is the keccak of the RLP
//! of a header that consists of the payload's fields, the root of the trie of its transactions and the root of the trie
//! of its withdrawals. The guest program in `guests/payload` is this crate's [`check`] with the machine's keccak-f.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`input`] | [`PayloadInput`], the owned form that a host fills in |
//! | [`layout`] | where each field stands in the encoding |
//! | [`encode`] | value to bytes, `input_root` |
//! | [`view`] | [`PayloadView`], bytes checked and read in place, and bytes to value |
//! | [`check`](mod@check) | the check, and the exit code of each way to fail |
//! | [`header`], [`rlp`], [`trie`] | header and node encodings, root of an ordered trie |
//! | [`output`] | the words that the guest commits |
//! | [`keccak`] | the hash as a parameter: an ecall in the guest, software elsewhere |
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod check;
pub mod encode;
pub mod header;
pub mod input;
pub mod keccak;
pub mod layout;
pub mod output;
pub mod rlp;
pub mod trie;
pub mod view;

pub use check::{CheckError, check, check_bytes};
pub use encode::{EncodeError, input_root};
pub use input::{PayloadFork, PayloadInput, Withdrawal};
pub use keccak::{Frame, Keccak, SoftKeccak};
pub use output::{OUTPUT_WORDS, PayloadOutput};
pub use view::{DecodeError, PayloadView};
