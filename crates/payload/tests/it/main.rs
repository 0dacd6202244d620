//! Integration tests of the payload check: real blocks, other implementations as oracles, codec properties, and the committed
//! guest on the machine.

mod codec;
mod guest;
mod mutations;
mod oracle;
mod rlp;
mod samples;
mod trie;
