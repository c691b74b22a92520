//! A deserializer that notes the names which structs ask for.

use std::cell::RefCell;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::Names;

type Error = serde::de::value::Error;

/// Deserializes a value of JSON. Derived implementations name the fields that they know, with their aliases.
#[derive(Clone)]
pub(super) struct Spy<'b> {
    value: &'b Value,
    path: String,
    names: &'b RefCell<Names>,
}

impl<'b> Spy<'b> {
    pub(super) const fn new(value: &'b Value, names: &'b RefCell<Names>) -> Self {
        Self { value, path: String::new(), names }
    }

    fn inner(&self, step: &str, value: &'b Value) -> Self {
        Self { value, path: format!("{}/{step}", self.path), names: self.names }
    }

    fn note(&self, fields: &'static [&'static str]) {
        self.names.borrow_mut().insert(self.path.clone(), fields.to_vec());
    }
}

impl<'b> IntoDeserializer<'b, Error> for Spy<'b> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'b> Deserializer<'b> for Spy<'b> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                let inner = items.iter().enumerate().map(|(index, item)| self.inner(&index.to_string(), item));
                visitor.visit_seq(SeqDeserializer::new(inner))
            }
            Value::Object(entries) => {
                let inner = entries.iter().map(|(name, value)| (name.as_str(), self.inner(name, value)));
                visitor.visit_map(MapDeserializer::new(inner))
            }
        }
    }

    fn deserialize_option<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'b>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'b>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'b>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'b> EnumAccess<'b> for Spy<'b> {
    type Error = Error;
    type Variant = Content<'b>;

    fn variant_seed<S: DeserializeSeed<'b>>(self, seed: S) -> Result<(S::Value, Content<'b>), Error> {
        let (name, content) = match self.value {
            Value::String(name) => (name, None),
            Value::Object(entries) => match entries.iter().next() {
                Some((name, content)) => (name, Some(self.inner(name, content))),
                None => return Err(Error::custom("no variant")),
            },
            _ => return Err(Error::custom("not an enum")),
        };
        Ok((seed.deserialize(name.as_str().into_deserializer())?, Content(content)))
    }
}

/// The content of a variant.
pub(super) struct Content<'b>(Option<Spy<'b>>);

impl<'b> Content<'b> {
    fn some(self) -> Result<Spy<'b>, Error> {
        self.0.ok_or_else(|| Error::custom("no content"))
    }
}

impl<'b> VariantAccess<'b> for Content<'b> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'b>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.some()?)
    }

    fn tuple_variant<V: Visitor<'b>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.some()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'b>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.some()?.deserialize_struct("", fields, visitor)
    }
}
