//! The `Serializer`.
//!
//! It is compiled once for each of the user's types, so everything that does not depend on the type is in [`Encoder`]. It refuses
//! values that a peer could not decode, or would decode as other values.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::encoder::Encoder;
use super::error::{Error, Problem};
use super::json;
use super::reader::Number;
use super::secret::{NUMBER, RAW_VALUE};

impl<'a, 'b> Serializer for &'a mut Encoder<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Contents<'a, 'b>;
    type SerializeTuple = Contents<'a, 'b>;
    type SerializeTupleStruct = Contents<'a, 'b>;
    type SerializeTupleVariant = Contents<'a, 'b>;
    type SerializeMap = Contents<'a, 'b>;
    type SerializeStruct = Contents<'a, 'b>;
    type SerializeStructVariant = Contents<'a, 'b>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.bool(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.int(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.begin_wide();
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.uint(value),
            (_, Ok(value)) => self.int(value),
            _ => return Err(Problem::IntegerTooLarge(value.to_string().into()).into()),
        }
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.uint(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        let value = u64::try_from(value).map_err(|_| Problem::IntegerTooLarge(value.to_string().into()))?;
        self.begin_wide();
        self.serialize_u64(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.single(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.float(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.nil();
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        let start = self.at();
        value.serialize(&mut *self)?;
        self.check_some(start)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.nil();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.nil();
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.leave(1);
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Contents::begin(self, false, length, 0)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Error> {
        Contents::begin(self, false, Some(length), 0)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Contents::begin(self, false, Some(length), 0)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        self.variant(variant)?;
        Contents::begin(self, false, Some(length), 1)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Contents::begin(self, true, length, 0)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, Error> {
        Contents::begin_struct(self, name, length)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        self.variant(variant)?;
        Contents::begin(self, true, Some(length), 1)
    }
}

/// A struct by which serde_json tells itself what a value is.
#[derive(Debug, Clone, Copy)]
enum Secret {
    Number,
    RawValue,
}

/// An array or a map that is being written.
#[derive(Debug)]
pub(super) struct Contents<'a, 'b> {
    encoder: &'a mut Encoder<'b>,
    start: usize,
    is_map: bool,
    announced: Option<usize>,
    count: usize,
    /// How many maps around it end with it.
    around: usize,
    secret: Option<Secret>,
}

impl<'a, 'b> Contents<'a, 'b> {
    #[inline(never)]
    fn begin(
        encoder: &'a mut Encoder<'b>,
        is_map: bool,
        announced: Option<usize>,
        around: usize,
    ) -> Result<Self, Error> {
        let start = encoder.begin(is_map, announced)?;
        Ok(Self { encoder, start, is_map, announced, count: 0, around, secret: None })
    }

    #[inline(never)]
    fn begin_struct(encoder: &'a mut Encoder<'b>, name: &'static str, length: usize) -> Result<Self, Error> {
        let secret = match name {
            NUMBER => Secret::Number,
            RAW_VALUE => Secret::RawValue,
            _ => return Self::begin(encoder, true, Some(length), 0),
        };
        let start = encoder.at();
        Ok(Self { encoder, start, is_map: false, announced: None, count: 0, around: 0, secret: Some(secret) })
    }

    #[inline(never)]
    fn name(&mut self, name: &'static str) -> Result<(), Error> {
        if self.secret.is_some() { Ok(()) } else { self.encoder.text(name) }
    }

    #[inline(never)]
    fn finish(self) -> Result<(), Error> {
        if let Some(secret) = self.secret {
            return reveal(self.encoder, self.start, secret);
        }
        self.encoder.end(self.start, self.is_map, self.announced, self.count)?;
        self.encoder.leave(self.around);
        Ok(())
    }
}

/// The traits that serde has for arrays, and those for maps with known keys.
macro_rules! contents {
    ($($of:ident::$method:ident($($name:ident)?))*) => {$(
        impl $of for Contents<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Result<(), Error> {
                self.count += 1;
                $(self.name($name)?;)?
                value.serialize(&mut *self.encoder)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    )*};
}

contents! {
    SerializeSeq::serialize_element()
    SerializeTuple::serialize_element()
    SerializeTupleStruct::serialize_field()
    SerializeTupleVariant::serialize_field()
    SerializeStruct::serialize_field(name)
    SerializeStructVariant::serialize_field(name)
}

impl SerializeMap for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let start = self.encoder.at();
        key.serialize(&mut *self.encoder)?;
        self.encoder.check_key(start)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

/// Replaces the text that begins there by what serde_json means by it.
#[inline(never)]
fn reveal(encoder: &mut Encoder<'_>, start: usize, secret: Secret) -> Result<(), Error> {
    let Some(text) = encoder.take_text(start)? else { return Ok(()) };
    match secret {
        Secret::RawValue => return json::encode(&text, encoder),
        Secret::Number => match json::number(&text) {
            Some(Number::Uint(value)) => encoder.uint(value),
            Some(Number::Int(value)) => encoder.int(value),
            // What looks like an integer and is none that fits would lose digits.
            Some(Number::F64(value)) if text.iter().any(|byte| b".eE".contains(byte)) => return encoder.float(value),
            _ => return Err(Problem::IntegerTooLarge(String::from_utf8_lossy(&text).into()).into()),
        },
    }
    Ok(())
}
