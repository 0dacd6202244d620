//! Hash tree roots straight from serialised bytes.

use alloy_primitives::B256;
use tree_hash::{BYTES_PER_CHUNK, merkle_root, mix_in_length};

use super::bytes::{bitlist_length, elements, fields};
use super::{Limit, SszError, SszType, check};

/// `hash_tree_root` of the value of type `ty` that `bytes` serialise.
///
/// # Errors
/// When `bytes` are not a canonical value of `ty`.
pub fn root(ty: &SszType, bytes: &[u8]) -> Result<B256, SszError> {
    check(ty, bytes)?;
    checked_root(ty, bytes)
}

fn checked_root(ty: &SszType, bytes: &[u8]) -> Result<B256, SszError> {
    Ok(match ty {
        SszType::Uint(_) | SszType::Bool | SszType::Bytes(_) | SszType::Bitvector(_) => merkle_root(bytes, 0),
        SszType::ByteList(limit) => mix_in_length(&merkleize(bytes, *limit, BYTES_PER_CHUNK as u64), bytes.len()),
        SszType::Bitlist(limit) => {
            let length = bitlist_length(bytes)?;
            let mut bits = bytes.to_vec();
            // The delimiter is not part of the value.
            bits[length / 8] &= !(1 << (length % 8));
            bits.truncate(length.div_ceil(8));
            mix_in_length(&merkleize(&bits, *limit, 8 * BYTES_PER_CHUNK as u64), length)
        }
        SszType::Vector(element, _) if element.is_basic() => merkle_root(bytes, 0),
        SszType::Vector(element, length) => merkle_root(&leaves(element, elements(ty, bytes)?)?, *length),
        SszType::List(element, limit) if element.is_basic() => {
            let size = element.fixed_size().unwrap_or(1);
            let per_chunk = (BYTES_PER_CHUNK / size) as u64;
            mix_in_length(&merkleize(bytes, *limit, per_chunk), bytes.len() / size)
        }
        SszType::List(element, limit) => {
            let parts = elements(ty, bytes)?;
            let length = parts.len();
            mix_in_length(&merkleize(&leaves(element, parts)?, *limit, 1), length)
        }
        SszType::Container(container) => {
            let mut leaves = Vec::with_capacity(container.fields.len() * BYTES_PER_CHUNK);
            for (part, (name, field)) in fields(ty, bytes)?.into_iter().zip(&container.fields) {
                let leaf = checked_root(field, part).map_err(|error| error.at(name))?;
                leaves.extend_from_slice(leaf.as_slice());
            }
            if container.progressive {
                let active = active_fields(container.fields.len());
                hash_pair(&merkleize_progressive(&leaves, 1), &active)
            } else {
                merkle_root(&leaves, container.fields.len())
            }
        }
    })
}

fn leaves(element: &SszType, parts: Vec<&[u8]>) -> Result<Vec<u8>, SszError> {
    let mut leaves = Vec::with_capacity(parts.len() * BYTES_PER_CHUNK);
    for (index, part) in parts.into_iter().enumerate() {
        let leaf = checked_root(element, part).map_err(|error| error.at_index(index))?;
        leaves.extend_from_slice(leaf.as_slice());
    }
    Ok(leaves)
}

/// `merkleize(pack(bytes), limit)`, where a chunk holds `per_chunk` elements.
fn merkleize(bytes: &[u8], limit: Limit, per_chunk: u64) -> B256 {
    match limit {
        // Limits reach 2^40 and more; they only set the depth of the tree, zero subtrees are not built.
        Limit::Max(max) => merkle_root(bytes, usize::try_from(max.div_ceil(per_chunk)).unwrap_or(usize::MAX)),
        Limit::Progressive => merkleize_progressive(bytes, 1),
    }
}

/// `merkleize_progressive` of EIP-7916: subtrees of 1, 4, 16, … chunks along a spine.
fn merkleize_progressive(bytes: &[u8], num_leaves: usize) -> B256 {
    if bytes.is_empty() {
        return B256::ZERO;
    }
    let here = bytes.len().min(num_leaves * BYTES_PER_CHUNK);
    let subtree = merkle_root(&bytes[..here], num_leaves);
    hash_pair(&subtree, &merkleize_progressive(&bytes[here..], num_leaves * 4))
}

/// The first `count` of 256 bits set.
fn active_fields(count: usize) -> B256 {
    let mut bits = B256::ZERO;
    for index in 0..count.min(256) {
        bits[index / 8] |= 1 << (index % 8);
    }
    bits
}

fn hash_pair(left: &B256, right: &B256) -> B256 {
    let mut pair = [0; 2 * BYTES_PER_CHUNK];
    pair[..BYTES_PER_CHUNK].copy_from_slice(left.as_slice());
    pair[BYTES_PER_CHUNK..].copy_from_slice(right.as_slice());
    merkle_root(&pair, 2)
}
