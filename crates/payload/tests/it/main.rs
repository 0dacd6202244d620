//! Integration tests of the payload check: real blocks, other implementations as oracles, codec properties.

mod codec;
mod mutations;
mod oracle;
mod samples;
mod trie;
