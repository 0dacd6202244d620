//! The canonical JSON mapping of SSZ (consensus-specs, `ssz/simple-serialize.md`), both ways.

use alloy_primitives::{U256, hex};
use serde_json::{Map, Value};

use super::bytes::{elements, fields};
use super::{OFFSET_BYTES, SszError, SszFault, SszType, check};

/// Serialises a JSON value as SSZ. Fields that the schema does not name are ignored, as the specification allows.
///
/// # Errors
/// Names the path to a missing field or a value that is not of its type.
pub fn from_json(ty: &SszType, value: &Value) -> Result<Vec<u8>, SszError> {
    let mut out = Vec::new();
    encode(ty, value, &mut out)?;
    check(ty, &out)?;
    Ok(out)
}

/// Renders a serialised value as canonical JSON.
///
/// # Errors
/// When `bytes` are not a canonical value of `ty`.
pub fn to_json(ty: &SszType, bytes: &[u8]) -> Result<Value, SszError> {
    check(ty, bytes)?;
    render(ty, bytes)
}

fn encode(ty: &SszType, value: &Value, out: &mut Vec<u8>) -> Result<(), SszError> {
    match ty {
        SszType::Uint(size) => {
            let number = decimal(value).ok_or(SszFault::Json("a decimal integer"))?;
            let bytes = number.to_le_bytes::<32>();
            if bytes[*size..].iter().any(|byte| *byte != 0) {
                return Err(SszFault::Json("an integer that fits its type").into());
            }
            out.extend_from_slice(&bytes[..*size]);
        }
        SszType::Bool => out.push(u8::from(value.as_bool().ok_or(SszFault::Json("a boolean"))?)),
        SszType::Bytes(_) | SszType::ByteList(_) | SszType::Bitvector(_) | SszType::Bitlist(_) => {
            let text = value.as_str().and_then(|text| text.strip_prefix("0x"));
            let text = text.ok_or(SszFault::Json("a 0x-prefixed hexadecimal string"))?;
            let bytes = hex::decode(text).map_err(|_| SszFault::Json("hexadecimal digits"))?;
            if let Some(expected) = ty.fixed_size()
                && expected != bytes.len()
            {
                return Err(SszFault::Length { expected, got: bytes.len() }.into());
            }
            out.extend_from_slice(&bytes);
        }
        SszType::Vector(element, _) | SszType::List(element, _) => {
            let items = value.as_array().ok_or(SszFault::Json("an array"))?;
            let mut parts = Parts::new(out, items.iter().map(|_| element.fixed_size()));
            for (index, item) in items.iter().enumerate() {
                parts.push(out, |out| encode(element, item, out)).map_err(|error| error.at_index(index))?;
            }
        }
        SszType::Container(container) => {
            let object = value.as_object().ok_or(SszFault::Json("an object"))?;
            let mut parts = Parts::new(out, container.fields.iter().map(|(_, field)| field.fixed_size()));
            for (name, field) in &container.fields {
                let item = object.get(*name).ok_or_else(|| SszError::new(SszFault::Missing).at(name))?;
                parts.push(out, |out| encode(field, item, out)).map_err(|error| error.at(name))?;
            }
        }
    }
    Ok(())
}

/// Lays out a fixed part with offsets and the variable parts behind it.
struct Parts {
    /// Where offsets count from.
    base: usize,
    /// Position and size of the slot of each part; `None` for an offset.
    slots: std::vec::IntoIter<(usize, Option<usize>)>,
}

impl Parts {
    fn new(out: &mut Vec<u8>, sizes: impl Iterator<Item = Option<usize>>) -> Self {
        let base = out.len();
        let mut position = base;
        let slots: Vec<_> = sizes
            .map(|size| {
                let slot = (position, size);
                position += size.unwrap_or(OFFSET_BYTES);
                slot
            })
            .collect();
        out.resize(position, 0);
        Self { base, slots: slots.into_iter() }
    }

    fn push(&mut self, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), SszError>) -> Result<(), SszError> {
        let Some((position, size)) = self.slots.next() else { return Ok(()) };
        match size {
            Some(size) => {
                let mut part = Vec::with_capacity(size);
                encode(&mut part)?;
                if part.len() != size {
                    return Err(SszFault::Length { expected: size, got: part.len() }.into());
                }
                out[position..position + size].copy_from_slice(&part);
            }
            None => {
                let offset =
                    u32::try_from(out.len() - self.base).map_err(|_| SszFault::Offset { offset: out.len() - self.base })?;
                out[position..position + OFFSET_BYTES].copy_from_slice(&offset.to_le_bytes());
                encode(out)?;
            }
        }
        Ok(())
    }
}

/// A quoted decimal; a bare number too, since some nodes answer so.
fn decimal(value: &Value) -> Option<U256> {
    match value {
        Value::String(text) if text.len() <= 78 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            U256::from_str_radix(text, 10).ok().filter(|_| !text.is_empty())
        }
        Value::Number(number) => number.as_u64().map(U256::from),
        _ => None,
    }
}

fn render(ty: &SszType, bytes: &[u8]) -> Result<Value, SszError> {
    Ok(match ty {
        SszType::Uint(_) => {
            let mut word = [0; 32];
            word[..bytes.len()].copy_from_slice(bytes);
            Value::String(U256::from_le_bytes(word).to_string())
        }
        SszType::Bool => Value::Bool(bytes == [1]),
        SszType::Bytes(_) | SszType::ByteList(_) | SszType::Bitvector(_) | SszType::Bitlist(_) => {
            Value::String(hex::encode_prefixed(bytes))
        }
        SszType::Vector(element, _) | SszType::List(element, _) => {
            Value::Array(elements(ty, bytes)?.into_iter().map(|part| render(element, part)).collect::<Result<_, _>>()?)
        }
        SszType::Container(container) => {
            let mut object = Map::with_capacity(container.fields.len());
            for (part, (name, field)) in fields(ty, bytes)?.into_iter().zip(&container.fields) {
                object.insert((*name).to_owned(), render(field, part)?);
            }
            Value::Object(object)
        }
    })
}
