//! The `Deserializer`.
//!
//! It is compiled once for each of the user's types, so everything that does not depend on the type is in [`Decoder`].

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::de::{IntoDeserializer, Unexpected};

use super::decoder::{Decoder, Wide, finite, unexpected};
use super::error::Error;
use super::reader::{Head, Number};
use super::secret::RAW_VALUE;

impl<'de> Decoder<'de> {
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
        match self.number(&visitor)? {
            Number::Uint(value) => visitor.visit_u64(value),
            Number::Int(value) => visitor.visit_i64(value),
            Number::F32(value) => visitor.visit_f64(value.into()),
            Number::F64(value) => visitor.visit_f64(value),
        }
    }
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
            Head::F32(value) => visitor.visit_f64(finite(value.into())?),
            Head::F64(value) => visitor.visit_f64(finite(value)?),
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
        match self.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(self.not_text(&visitor)),
        }
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
        if self.is_missing() {
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

/// The unread rest of an array or a map.
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
                self.decoder.return_to(self.start);
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
        self.decoder.begin_key();
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
