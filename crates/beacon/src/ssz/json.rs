//! The canonical JSON mapping of SSZ (consensus-specs, `ssz/simple-serialize.md`), both ways.

use alloy_primitives::{U256, hex};
use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use super::bytes::{elements, fields};
use super::transcode::{Member, Transcode};
use super::{SszError, SszFault, SszType, check};

/// Serialises a JSON value as SSZ. Fields that the schema does not name are ignored, as the specification allows.
///
/// # Errors
/// Names the path to a missing field or a value that is not of its type.
pub fn from_json(ty: &SszType, value: &Value) -> Result<Vec<u8>, SszError> {
    let mut fault = None;
    let mut out = Vec::new();
    let seed = Transcode { ty, out: &mut out, fault: &mut fault };
    match (seed.deserialize(value), fault) {
        (Ok(()), None) => {
            check(ty, &out)?;
            Ok(out)
        }
        (_, Some(fault)) => Err(fault),
        (Err(_), None) => Err(SszFault::Json("the JSON of its type").into()),
    }
}

/// As [`from_json`], from JSON text: the whole of it, or the member `member` of its outermost object. Memory stays within
/// a small multiple of the text.
///
/// # Errors
/// As [`from_json`], and when the text is not JSON.
pub fn from_json_text(ty: &SszType, text: &[u8], member: Option<&'static str>) -> Result<Vec<u8>, JsonTextError> {
    let mut fault = None;
    let mut out = Vec::new();
    let seed = Transcode { ty, out: &mut out, fault: &mut fault };
    let mut parser = serde_json::Deserializer::from_slice(text);
    let parsed = match member {
        Some(name) => Member { name, seed }.deserialize(&mut parser),
        None => seed.deserialize(&mut parser),
    };
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    parsed?;
    parser.end()?;
    check(ty, &out)?;
    Ok(out)
}

/// Why text is not the JSON of a value.
#[derive(Debug, thiserror::Error)]
pub enum JsonTextError {
    /// It is not JSON.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// It is JSON, but not of the type.
    #[error(transparent)]
    Type(#[from] SszError),
}

/// Renders a serialised value as canonical JSON.
///
/// # Errors
/// When `bytes` are not a canonical value of `ty`.
pub fn to_json(ty: &SszType, bytes: &[u8]) -> Result<Value, SszError> {
    check(ty, bytes)?;
    render(ty, bytes)
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
