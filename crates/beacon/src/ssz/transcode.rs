//! JSON to SSZ in one pass, without a tree of values in between.
//!
//! A tree of `serde_json` values takes tens of bytes for each byte of hostile input. Here the schema drives the parser:
//! what it does not name is skipped, and what it names is written as SSZ at once.

use std::borrow::Cow;
use std::fmt;

use alloy_primitives::{U256, hex};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bytes::within;
use super::{OFFSET_BYTES, SszError, SszFault, SszType};

/// Appends one value of `ty` to `out`.
pub(super) struct Transcode<'a> {
    pub(super) ty: &'a SszType,
    pub(super) out: &'a mut Vec<u8>,
    /// Where the schema was violated. Errors of `serde` have no room for it.
    pub(super) fault: &'a mut Option<SszError>,
}

impl Transcode<'_> {
    fn fail<T, E: Error>(self, fault: SszFault) -> Result<T, E> {
        let message = fault.to_string();
        *self.fault = Some(SszError::new(fault));
        Err(E::custom(message))
    }

    fn expected<T, E: Error>(self) -> Result<T, E> {
        let what = expectation(self.ty);
        self.fail(SszFault::Json(what))
    }

    fn integer<E: Error>(self, number: Option<U256>) -> Result<(), E> {
        let SszType::Uint(size) = self.ty else { return self.expected() };
        let Some(number) = number else { return self.expected() };
        let bytes = number.to_le_bytes::<32>();
        if bytes[*size..].iter().any(|byte| *byte != 0) {
            return self.fail(SszFault::Json("an integer that fits its type"));
        }
        self.out.extend_from_slice(&bytes[..*size]);
        Ok(())
    }

    fn bytes<E: Error>(self, text: &str) -> Result<(), E> {
        let Some(digits) = text.strip_prefix("0x") else { return self.expected() };
        let Ok(bytes) = hex::decode(digits) else { return self.fail(SszFault::Json("hexadecimal digits")) };
        match self.ty.fixed_size() {
            Some(expected) if expected != bytes.len() => self.fail(SszFault::Length { expected, got: bytes.len() }),
            _ => {
                self.out.extend_from_slice(&bytes);
                Ok(())
            }
        }
    }
}

/// What JSON a type is written as.
const fn expectation(ty: &SszType) -> &'static str {
    match ty {
        SszType::Uint(_) => "a decimal integer",
        SszType::Bool => "a boolean",
        SszType::Bytes(_) | SszType::ByteList(_) | SszType::Bitvector(_) | SszType::Bitlist(_) => {
            "a 0x-prefixed hexadecimal string"
        }
        SszType::Vector(..) | SszType::List(..) => "an array",
        SszType::Container(_) => "an object",
    }
}

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(expectation(self.ty))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if let SszType::Bool = self.ty {
            self.out.push(u8::from(value));
            return Ok(());
        }
        self.expected()
    }

    /// Some nodes do not quote their integers.
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.integer(Some(U256::from(value)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.expected()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.expected()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.expected()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.ty {
            SszType::Uint(_) => self.integer(decimal(text)),
            SszType::Bytes(_) | SszType::ByteList(_) | SszType::Bitvector(_) | SszType::Bitlist(_) => self.bytes(text),
            _ => self.expected(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((element, limit)) = self.ty.element() else { return self.expected() };
        let mut ends = Vec::new();
        let mut body = Vec::new();
        loop {
            let index = ends.len();
            if let Err(error) = within(limit, index) {
                return self.fail(error.fault);
            }
            let seed = Transcode { ty: element, out: &mut body, fault: self.fault };
            match items.next_element_seed(seed) {
                Ok(Some(())) => ends.push(body.len()),
                Ok(None) => break,
                Err(error) => {
                    *self.fault = self.fault.take().map(|fault| fault.at_index(index));
                    return Err(error);
                }
            }
        }
        if element.fixed_size().is_none() {
            let fixed_part = ends.len() * OFFSET_BYTES;
            let starts = std::iter::once(0).chain(ends.iter().copied()).take(ends.len());
            for start in starts {
                let Ok(offset) = u32::try_from(fixed_part + start) else {
                    return self.fail(SszFault::Offset { offset: fixed_part + start });
                };
                self.out.extend_from_slice(&offset.to_le_bytes());
            }
        }
        self.out.extend_from_slice(&body);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let SszType::Container(container) = self.ty else { return self.expected() };
        let fields = &container.fields;
        let mut parts: Vec<Option<Vec<u8>>> = vec![None; fields.len()];
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            let Some(index) = fields.iter().position(|(name, _)| *name == key) else {
                // Parsers may ignore additional fields (`ssz/simple-serialize.md`); nodes do send them.
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let (name, ty) = &fields[index];
            let mut part = Vec::new();
            let read = entries.next_value_seed(Transcode { ty, out: &mut part, fault: self.fault });
            if read.is_ok() && parts[index].is_some() {
                *self.fault = Some(SszError::new(SszFault::Twice));
            }
            if let Some(fault) = self.fault.take() {
                let message = fault.fault.to_string();
                *self.fault = Some(fault.at(name));
                return Err(A::Error::custom(message));
            }
            read?;
            parts[index] = Some(part);
        }
        if let Some(index) = parts.iter().position(Option::is_none) {
            *self.fault = Some(SszError::new(SszFault::Missing).at(fields[index].0));
            return Err(A::Error::missing_field(fields[index].0));
        }
        let parts: Vec<_> = parts.into_iter().flatten().zip(fields).collect();
        let fixed_part: usize = fields.iter().map(|(_, ty)| ty.fixed_size().unwrap_or(OFFSET_BYTES)).sum();
        let mut offset = fixed_part;
        for (part, (_, ty)) in &parts {
            if ty.fixed_size().is_some() {
                self.out.extend_from_slice(part);
                continue;
            }
            let Ok(word) = u32::try_from(offset) else { return self.fail(SszFault::Offset { offset }) };
            self.out.extend_from_slice(&word.to_le_bytes());
            offset += part.len();
        }
        for (part, (_, ty)) in &parts {
            if ty.fixed_size().is_none() {
                self.out.extend_from_slice(part);
            }
        }
        Ok(())
    }
}

fn decimal(text: &str) -> Option<U256> {
    let plain = !text.is_empty() && text.len() <= 78 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| U256::from_str_radix(text, 10).ok()).flatten()
}

/// One member of the outermost object, handed to a seed; the others are skipped.
pub(super) struct Member<'a> {
    pub(super) name: &'static str,
    pub(super) seed: Transcode<'a>,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seed = Some(self.seed);
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            if key != self.name {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            match seed.take() {
                Some(seed) => entries.next_value_seed(seed)?,
                None => return Err(A::Error::duplicate_field(self.name)),
            }
        }
        if seed.is_some() { Err(A::Error::missing_field(self.name)) } else { Ok(()) }
    }
}
