//! The one decoder that types meet: serde's `Deserializer` over MessagePack.
//!
//! Users compile it once for each of their types, so everything that does not need the type is in functions without type
//! parameters: [`Reader::head`], and the errors.

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::de::{Error as _, IntoDeserializer, Unexpected};

use super::error::Error;
use super::json;
use super::reader::{Head, Reader};
use super::secret::RAW_VALUE;

/// Reads one body, or a part of it.
#[derive(Debug)]
pub(super) struct Decoder<'de> {
    reader: Reader<'de>,
    /// How many levels deeper values may be nested.
    depth: usize,
    /// Where the value begins that is being read or was the last to be read: where an error belongs.
    at: usize,
    /// Where the last key of a map begins.
    key: Option<usize>,
    /// How many bytes of a `bin` are left, which is read as an array of integers.
    bin: &'de [u8],
    /// The field whose absence is decoded.
    missing: Option<&'static str>,
}

impl<'de> Decoder<'de> {
    /// Reads from that offset of the body.
    pub(super) fn new(body: &'de [u8], at: usize, depth: usize) -> Self {
        Self { reader: Reader::new(body, at), depth, at, key: None, bin: &[], missing: None }
    }

    /// Reads the absence of a field: an `Option` is `None`, and everything else an error.
    pub(super) fn missing(name: &'static str) -> Self {
        Self { missing: Some(name), ..Self::new(&[], 0, 0) }
    }

    /// Where the value begins that the last error is about.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Fails unless the whole body has been read.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.at = 0;
        self.reader.end()
    }

    #[inline(never)]
    fn head(&mut self) -> Result<Head<'de>, Error> {
        if let [byte, rest @ ..] = self.bin {
            self.bin = rest;
            return Ok(Head::Uint((*byte).into()));
        }
        self.at = self.reader.at();
        if let Some(name) = self.missing {
            return Err(Error::missing_field(name));
        }
        let head = self.reader.head()?;
        let is_finite = match head {
            Head::F32(value) => value.is_finite(),
            Head::F64(value) => value.is_finite(),
            _ => true,
        };
        if is_finite { Ok(head) } else { Err(Error::NotFinite) }
    }

    fn next_is_nil(&self) -> bool {
        self.bin.is_empty() && self.reader.next_is_nil()
    }

    /// A number, which is text where it is the key of a map.
    #[inline(never)]
    fn number(&mut self) -> Result<Head<'de>, Error> {
        let start = self.reader.at();
        if self.bin.is_empty()
            && let Some(value) = self.reader.small_integer()
        {
            self.at = start;
            return Ok(Head::Uint(value));
        }
        Ok(match self.head()? {
            Head::Text(text) if self.key == Some(self.at) => json::number(text).unwrap_or(Head::Text(text)),
            head => head,
        })
    }

    #[inline(never)]
    fn wide(&mut self, expected: &dyn Expected) -> Result<Wide, Error> {
        let head = self.number()?;
        match head {
            Head::Uint(value) => Ok(Wide::Integer(value.into())),
            Head::Int(value) => Ok(Wide::Integer(value.into())),
            Head::Bin(bytes) => match bytes.try_into() {
                Ok(bytes) => Ok(Wide::Bits(u128::from_be_bytes(bytes))),
                Err(_) => Err(unexpected(&head, expected)),
            },
            head => Err(unexpected(&head, expected)),
        }
    }

    #[inline(never)]
    fn text(&mut self, expected: &dyn Expected) -> Result<&'de str, Error> {
        let start = self.reader.at();
        let short = if self.bin.is_empty() { self.reader.short_text() } else { None };
        let head = match short {
            Some(text) => {
                self.at = start;
                Head::Text(text)
            }
            None => self.head()?,
        };
        let Head::Text(text) = head else { return Err(unexpected(&head, expected)) };
        std::str::from_utf8(text).map_err(|_| unexpected(&head, expected))
    }

    #[inline(never)]
    fn boolean(&mut self, expected: &dyn Expected) -> Result<bool, Error> {
        match self.head()? {
            Head::Bool(value) => Ok(value),
            Head::Text(b"true") if self.key == Some(self.at) => Ok(true),
            Head::Text(b"false") if self.key == Some(self.at) => Ok(false),
            head => Err(unexpected(&head, expected)),
        }
    }

    /// Null, or the empty array that unit structs used to be.
    #[inline(never)]
    fn unit(&mut self, expected: &dyn Expected) -> Result<(), Error> {
        match self.head()? {
            Head::Nil | Head::Array(0) => Ok(()),
            head => Err(unexpected(&head, expected)),
        }
    }

    #[inline(never)]
    fn skip(&mut self) -> Result<(), Error> {
        if !self.bin.is_empty() || self.missing.is_some() {
            return self.head().map(drop);
        }
        self.at = self.reader.at();
        self.reader.skip(self.depth)
    }

    /// The next value as JSON text.
    #[inline(never)]
    fn raw_value(&mut self) -> Result<String, Error> {
        let start = self.reader.at();
        self.skip()?;
        json::text(self.reader.since(start))
    }

    /// Bytes, which are an array of integers on the wire.
    #[inline(never)]
    fn bytes(&mut self, length: u32, expected: &dyn Expected) -> Result<Vec<u8>, Error> {
        let start = self.enter()?;
        let mut bytes = Vec::with_capacity(self.at_most(length));
        for _ in 0..length {
            match self.head()? {
                Head::Uint(value @ 0..=255) => bytes.push(value as u8),
                head => return Err(unexpected(&head, expected)),
            }
        }
        self.leave(start);
        Ok(bytes)
    }

    /// Begins an array.
    #[inline(never)]
    fn array(&mut self, expected: &dyn Expected) -> Result<(usize, u32), Error> {
        match self.head()? {
            Head::Array(length) => Ok((self.enter()?, length)),
            Head::Bin(bytes) => {
                self.bin = bytes;
                Ok((self.enter()?, u32::try_from(bytes.len()).unwrap_or(u32::MAX)))
            }
            head => Err(unexpected(&head, expected)),
        }
    }

    /// Begins a map.
    #[inline(never)]
    fn map(&mut self, expected: &dyn Expected) -> Result<(usize, u32), Error> {
        match self.head()? {
            Head::Map(length) => Ok((self.enter()?, length)),
            head => Err(unexpected(&head, expected)),
        }
    }

    /// Begins an enum, and tells whether it is a variant without fields, written as a string.
    #[inline(never)]
    fn variant(&mut self) -> Result<(usize, bool), Error> {
        let before = self.reader.clone();
        match self.head()? {
            Head::Text(_) => {
                // The name is read by the visitor of the enum.
                self.reader = before;
                Ok((self.at, true))
            }
            Head::Map(1) => Ok((self.enter()?, false)),
            head => Err(unexpected(&head, &"the name of a variant, or a map of one variant's name to its fields")),
        }
    }

    fn enter(&mut self) -> Result<usize, Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::TooDeep)?;
        Ok(self.at)
    }

    fn leave(&mut self, start: usize) {
        self.depth += 1;
        self.at = start;
    }

    /// Ends an array or a map of which so much has not been read.
    #[inline(never)]
    fn close(&mut self, start: usize, length: u32, left: u32) -> Result<(), Error> {
        self.leave(start);
        if left == 0 {
            return Ok(());
        }
        let expected = length - left;
        Err(Error::custom(format_args!("invalid length {length}, expected {expected}")))
    }

    /// How much to allocate for so many values: no more than the body can hold.
    fn at_most(&self, length: u32) -> usize {
        usize::try_from(length).unwrap_or(usize::MAX).min(self.reader.left().max(self.bin.len()))
    }

    fn elements<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let (start, length) = self.array(&visitor)?;
        self.visit_elements(start, length, visitor)
    }

    fn visit_elements<V: Visitor<'de>>(&mut self, start: usize, length: u32, visitor: V) -> Result<V::Value, Error> {
        let mut contents = Contents { decoder: self, start, left: length };
        let value = visitor.visit_seq(&mut contents)?;
        let left = contents.left;
        self.close(start, length, left)?;
        Ok(value)
    }

    fn pairs<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let (start, length) = self.map(&visitor)?;
        self.visit_pairs(start, length, visitor)
    }

    fn visit_pairs<V: Visitor<'de>>(&mut self, start: usize, length: u32, visitor: V) -> Result<V::Value, Error> {
        let mut contents = Contents { decoder: self, start, left: length };
        let value = visitor.visit_map(&mut contents)?;
        let left = contents.left;
        self.close(start, length, left)?;
        Ok(value)
    }

    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.number()? {
            Head::Uint(value) => visitor.visit_u64(value),
            Head::Int(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f64(value.into()),
            Head::F64(value) => visitor.visit_f64(value),
            head => Err(unexpected(&head, &visitor)),
        }
    }
}

#[cold]
#[inline(never)]
fn unexpected(head: &Head<'_>, expected: &dyn Expected) -> Error {
    Error::invalid_type(head.unexpected(), expected)
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Uint(value) => visitor.visit_u64(value),
            Head::Int(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f64(value.into()),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            Head::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(length) => {
                let start = self.enter()?;
                self.visit_elements(start, length, visitor)
            }
            Head::Map(length) => {
                let start = self.enter()?;
                self.visit_pairs(start, length, visitor)
            }
            head @ Head::Ext => Err(unexpected(&head, &visitor)),
        }
    }

    numbers!(
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_f32 deserialize_f64
    );

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.wide(&visitor)? {
            Wide::Integer(value) => visitor.visit_i128(value),
            Wide::Bits(value) => visitor.visit_i128(value.cast_signed()),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.wide(&visitor)? {
            Wide::Integer(value) => visitor.visit_i128(value),
            Wide::Bits(value) => visitor.visit_u128(value),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.boolean(&visitor)?;
        visitor.visit_bool(value)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text(&visitor)?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Bin(bytes) | Head::Text(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(length) => {
                let bytes = self.bytes(length, &visitor)?;
                visitor.visit_byte_buf(bytes)
            }
            head => Err(unexpected(&head, &visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.missing.is_some() {
            visitor.visit_none()
        } else if self.next_is_nil() {
            self.head()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.unit(&visitor)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == RAW_VALUE {
            visitor.visit_map(RawValue { text: Some(self.raw_value()?) })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.elements(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.elements(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.elements(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.pairs(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.pairs(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (start, is_unit) = self.variant()?;
        let value = visitor.visit_enum(Variant { decoder: self, is_unit })?;
        if !is_unit {
            self.leave(start);
        }
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// An integer of 128 bits.
enum Wide {
    Integer(i128),
    /// The sixteen bytes that rmp-serde makes of it. Lightbus does not send them, but reads them.
    Bits(u128),
}

/// What is left of an array or a map.
struct Contents<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    start: usize,
    left: u32,
}

impl Contents<'_, '_> {
    fn next(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.decoder.at = self.start;
                false
            }
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Contents<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.next() { seed.deserialize(&mut *self.decoder).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.decoder.at_most(self.left))
    }
}

impl<'de> MapAccess<'de> for &mut Contents<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.next() {
            return Ok(None);
        }
        self.decoder.key = Some(self.decoder.reader.at());
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.decoder.at_most(self.left))
    }
}

/// A variant of an enum: its name as a string, or a map of its name to its fields.
struct Variant<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    is_unit: bool,
}

impl Variant<'_, '_> {
    fn has_fields(&self, expected: &'static str) -> Result<(), Error> {
        if self.is_unit { Err(Error::invalid_type(Unexpected::UnitVariant, &expected)) } else { Ok(()) }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(&mut *self.decoder)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.is_unit { Ok(()) } else { self.decoder.unit(&"unit variant") }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.has_fields("newtype variant")?;
        seed.deserialize(self.decoder)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.has_fields("tuple variant")?;
        self.decoder.elements(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.has_fields("struct variant")?;
        self.decoder.pairs(visitor)
    }
}

/// The map by which serde_json's `RawValue` asks for JSON text.
struct RawValue {
    text: Option<String>,
}

impl<'de> MapAccess<'de> for RawValue {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.text.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW_VALUE)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let text: StringDeserializer<Error> = self.text.take().unwrap_or_default().into_deserializer();
        seed.deserialize(text)
    }
}
