//! Takes a serialised value apart: offsets, lengths and canonical form.

use super::{Limit, OFFSET_BYTES, SszError, SszFault, SszType};

/// Checks that `bytes` are exactly one canonical value of `ty`.
///
/// # Errors
/// Names the path to the first field that is not of its type.
pub fn check(ty: &SszType, bytes: &[u8]) -> Result<(), SszError> {
    if let Some(size) = ty.fixed_size()
        && size != bytes.len()
    {
        return Err(SszFault::Length { expected: size, got: bytes.len() }.into());
    }
    match ty {
        SszType::Uint(_) | SszType::Bytes(_) => Ok(()),
        SszType::Bool if bytes[0] > 1 => Err(SszFault::NotCanonical("boolean").into()),
        SszType::Bool => Ok(()),
        SszType::ByteList(limit) => within(*limit, bytes.len()),
        SszType::Bitvector(bits) => {
            let used = bits % 8;
            let padding_set = used != 0 && bytes.last().is_some_and(|last| last >> used != 0);
            if padding_set { Err(SszFault::NotCanonical("bitvector").into()) } else { Ok(()) }
        }
        SszType::Bitlist(limit) => within(*limit, bitlist_length(bytes)?),
        SszType::Vector(element, _) | SszType::List(element, _) => {
            for (index, part) in elements(ty, bytes)?.into_iter().enumerate() {
                check(element, part).map_err(|error| error.at_index(index))?;
            }
            Ok(())
        }
        SszType::Container(container) => {
            for (part, (name, field)) in fields(ty, bytes)?.into_iter().zip(&container.fields) {
                check(field, part).map_err(|error| error.at(name))?;
            }
            Ok(())
        }
    }
}

/// Number of bits in a serialised bitlist.
pub(super) fn bitlist_length(bytes: &[u8]) -> Result<usize, SszError> {
    match bytes.last() {
        None | Some(0) => Err(SszFault::NotCanonical("bitlist").into()),
        Some(last) => Ok(bytes.len() * 8 - 1 - last.leading_zeros() as usize),
    }
}

pub(super) fn within(limit: Limit, length: usize) -> Result<(), SszError> {
    match limit {
        Limit::Max(max) if !limit.allows(length) => Err(SszFault::TooMany { got: length, limit: max }.into()),
        _ => Ok(()),
    }
}

/// The serialised fields of a container, in order. `ty` must be a container.
pub(super) fn fields<'a>(ty: &SszType, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, SszError> {
    let SszType::Container(container) = ty else { return Err(SszFault::Json("a container").into()) };
    let fixed_part: usize = container.fields.iter().map(|(_, field)| field.fixed_size().unwrap_or(OFFSET_BYTES)).sum();
    if bytes.len() < fixed_part {
        return Err(SszFault::Length { expected: fixed_part, got: bytes.len() }.into());
    }
    let mut parts = Vec::with_capacity(container.fields.len());
    let mut open: Option<(usize, usize)> = None;
    let mut position = 0;
    for (name, field) in &container.fields {
        if let Some(size) = field.fixed_size() {
            parts.push(&bytes[position..position + size]);
            position += size;
            continue;
        }
        let offset = read_offset(bytes, position);
        position += OFFSET_BYTES;
        // Offsets start right behind the fixed part and never go back, so that no byte is read twice or skipped.
        let start = open.map_or(fixed_part, |(_, start)| start);
        let out_of_order = if open.is_none() { offset != fixed_part } else { offset < start };
        if out_of_order || offset > bytes.len() {
            return Err(SszError::new(SszFault::Offset { offset }).at(name));
        }
        if let Some((index, start)) = open {
            parts[index] = &bytes[start..offset];
        }
        open = Some((parts.len(), offset));
        parts.push(&[]);
    }
    match open {
        Some((index, start)) => parts[index] = &bytes[start..],
        None if bytes.len() != fixed_part => {
            return Err(SszFault::Length { expected: fixed_part, got: bytes.len() }.into());
        }
        None => {}
    }
    Ok(parts)
}

/// The serialised elements of a list or vector, in order.
pub(super) fn elements<'a>(ty: &SszType, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, SszError> {
    let (element, limit, exact) = match ty {
        SszType::Vector(element, length) => (element, Limit::Max(*length as u64), Some(*length)),
        SszType::List(element, limit) => (element, *limit, None),
        _ => return Err(SszFault::Json("a list").into()),
    };
    let parts = match element.fixed_size() {
        Some(size) => {
            if size == 0 || !bytes.len().is_multiple_of(size) {
                let expected = bytes.len() / size.max(1) * size;
                return Err(SszFault::Length { expected, got: bytes.len() }.into());
            }
            within(limit, bytes.len() / size)?;
            bytes.chunks_exact(size).collect()
        }
        None => variable_elements(bytes, limit)?,
    };
    match exact {
        Some(length) if parts.len() != length => Err(SszFault::Length { expected: length, got: parts.len() }.into()),
        _ => Ok(parts),
    }
}

fn variable_elements(bytes: &[u8], limit: Limit) -> Result<Vec<&[u8]>, SszError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if bytes.len() < OFFSET_BYTES {
        return Err(SszFault::Length { expected: OFFSET_BYTES, got: bytes.len() }.into());
    }
    let first = read_offset(bytes, 0);
    if first == 0 || !first.is_multiple_of(OFFSET_BYTES) || first > bytes.len() {
        return Err(SszFault::Offset { offset: first }.into());
    }
    let count = first / OFFSET_BYTES;
    within(limit, count)?;
    let mut parts = Vec::with_capacity(count);
    let mut start = first;
    for index in 1..=count {
        let end = if index == count { bytes.len() } else { read_offset(bytes, index * OFFSET_BYTES) };
        if end < start || end > bytes.len() {
            return Err(SszFault::Offset { offset: end }.into());
        }
        parts.push(&bytes[start..end]);
        start = end;
    }
    Ok(parts)
}

/// Reads the offset at `position`, which the caller has checked to lie inside.
fn read_offset(bytes: &[u8], position: usize) -> usize {
    let mut word = [0; OFFSET_BYTES];
    word.copy_from_slice(&bytes[position..position + OFFSET_BYTES]);
    u32::from_le_bytes(word) as usize
}
