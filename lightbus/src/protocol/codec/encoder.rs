//! The one encoder that types meet: serde's `Serializer` to MessagePack.
//!
//! As the decoder, it is compiled once for each of the user's types, and what does not need the type is in functions without
//! type parameters. It refuses what some peer could not decode, or would decode as another value.

use std::io;

use bytes::BytesMut;
use rmp::encode;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::Error;
use super::json;
use super::reader::{Head, Reader};
use super::secret::{NUMBER, RAW_VALUE};

/// Writes one body, or a part of it.
#[derive(Debug)]
pub(super) struct Encoder<'b> {
    out: &'b mut BytesMut,
    /// How many levels deeper values may be nested.
    depth: usize,
    /// Where the first integer of 128 bits begins.
    wide: Option<usize>,
}

impl<'b> Encoder<'b> {
    pub(super) fn new(out: &'b mut BytesMut, depth: usize) -> Self {
        Self { out, depth, wide: None }
    }

    /// Where the first integer of 128 bits begins, which serde cannot read in every place.
    pub(super) fn wide(&self) -> Option<usize> {
        self.wide
    }

    pub(super) fn nil(&mut self) {
        let _ = encode::write_nil(&mut Writer(self.out));
    }

    pub(super) fn bool(&mut self, value: bool) {
        let _ = encode::write_bool(&mut Writer(self.out), value);
    }

    #[inline(never)]
    pub(super) fn uint(&mut self, value: u64) {
        let _ = encode::write_uint(&mut Writer(self.out), value);
    }

    #[inline(never)]
    pub(super) fn int(&mut self, value: i64) {
        let _ = encode::write_sint(&mut Writer(self.out), value);
    }

    #[inline(never)]
    pub(super) fn float(&mut self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Error::NotFinite);
        }
        let _ = encode::write_f64(&mut Writer(self.out), value);
        Ok(())
    }

    #[inline(never)]
    fn single(&mut self, value: f32) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Error::NotFinite);
        }
        let _ = encode::write_f32(&mut Writer(self.out), value);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn text(&mut self, value: &str) -> Result<(), Error> {
        length(value.len())?;
        let _ = encode::write_str(&mut Writer(self.out), value);
        Ok(())
    }

    /// Bytes as the array of integers that they are in JSON.
    #[inline(never)]
    fn bytes(&mut self, value: &[u8]) -> Result<(), Error> {
        self.begin(false, Some(value.len()))?;
        for byte in value {
            self.uint((*byte).into());
        }
        self.leave(1);
        Ok(())
    }

    /// Begins an array or a map of that length, which [`end`](Self::end) corrects when it is not known or not true.
    #[inline(never)]
    pub(super) fn begin(&mut self, is_map: bool, announced: Option<usize>) -> Result<usize, Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::TooDeep)?;
        let start = self.out.len();
        // Without a length it counts as endless, so that the place of an error can be found.
        let length = announced.map_or(Ok(u32::MAX), length)?;
        let writer = &mut Writer(self.out);
        let _ = if is_map { encode::write_map_len(writer, length) } else { encode::write_array_len(writer, length) };
        Ok(start)
    }

    /// Ends an array or a map that has so many elements or pairs.
    #[inline(never)]
    pub(super) fn end(
        &mut self,
        start: usize,
        is_map: bool,
        announced: Option<usize>,
        count: usize,
    ) -> Result<(), Error> {
        self.leave(1);
        if announced == Some(count) {
            return Ok(());
        }
        let mut head = BytesMut::new();
        let mut rest = Encoder::new(&mut head, 1);
        rest.begin(is_map, Some(count))?;
        let mut old = Reader::new(self.out, start);
        old.head()?;
        let contents = old.at()..self.out.len();
        let begin = start + head.len();
        let end = begin + contents.len();
        self.out.resize(end.max(contents.end), 0);
        self.out.copy_within(contents, begin);
        self.out.truncate(end);
        self.out[start..begin].copy_from_slice(&head);
        Ok(())
    }

    fn leave(&mut self, levels: usize) {
        self.depth += levels;
    }

    /// Begins the map of a variant's name to its fields.
    #[inline(never)]
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.begin(true, Some(1))?;
        self.text(name)
    }

    /// Refuses the key that begins there unless it is a string.
    #[inline(never)]
    fn check_key(&mut self, start: usize) -> Result<(), Error> {
        let key = match Reader::new(self.out, start).head()? {
            Head::Text(_) => return Ok(()),
            Head::Nil => "null".into(),
            Head::Bool(value) => value.to_string(),
            Head::Uint(value) => value.to_string(),
            Head::Int(value) => value.to_string(),
            Head::F32(value) => value.to_string(),
            Head::F64(value) => value.to_string(),
            head => head.unexpected().to_string(),
        };
        self.out.truncate(start);
        Err(Error::KeyNotText(key.into()))
    }

    /// Refuses the content of a `Some` that begins there if it is null.
    #[inline(never)]
    fn check_some(&mut self, start: usize) -> Result<(), Error> {
        if !Reader::new(self.out, start).next_is_nil() {
            return Ok(());
        }
        self.out.truncate(start);
        Err(Error::SomeNull)
    }

    /// Replaces the text that begins there by what serde_json means by it.
    #[inline(never)]
    fn reveal(&mut self, start: usize, secret: Secret) -> Result<(), Error> {
        let Head::Text(text) = Reader::new(self.out, start).head()? else { return Ok(()) };
        let text = text.to_vec();
        self.out.truncate(start);
        match secret {
            Secret::RawValue => json::encode(&text, self),
            Secret::Number => match json::number(&text) {
                Some(Head::Uint(value)) => {
                    self.uint(value);
                    Ok(())
                }
                Some(Head::Int(value)) => {
                    self.int(value);
                    Ok(())
                }
                // What looks like an integer and is none that fits would lose digits.
                Some(Head::F64(value)) if text.iter().any(|byte| b".eE".contains(byte)) => self.float(value),
                _ => Err(Error::IntegerTooLarge(String::from_utf8_lossy(&text).into())),
            },
        }
    }
}

/// A length as MessagePack can carry it.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::value("it is longer than MessagePack can carry, which is 4 GiB"))
}

/// Writes to memory, which cannot fail. What `bytes` has for it asks for the room that is left at each write.
struct Writer<'b>(&'b mut BytesMut);

impl io::Write for Writer<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
        self.wide.get_or_insert(self.out.len());
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.uint(value),
            (_, Ok(value)) => self.int(value),
            _ => return Err(Error::IntegerTooLarge(value.to_string().into())),
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
        let value = u64::try_from(value).map_err(|_| Error::IntegerTooLarge(value.to_string().into()))?;
        self.wide.get_or_insert(self.out.len());
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
        let start = self.out.len();
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
        let start = encoder.out.len();
        Ok(Self { encoder, start, is_map: false, announced: None, count: 0, around: 0, secret: Some(secret) })
    }

    #[inline(never)]
    fn field(&mut self, name: &'static str) -> Result<(), Error> {
        self.count += 1;
        if self.secret.is_some() { Ok(()) } else { self.encoder.text(name) }
    }

    #[inline(never)]
    fn finish(self) -> Result<(), Error> {
        if let Some(secret) = self.secret {
            return self.encoder.reveal(self.start, secret);
        }
        self.encoder.end(self.start, self.is_map, self.announced, self.count)?;
        self.encoder.leave(self.around);
        Ok(())
    }
}

impl SerializeSeq for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.count += 1;
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTuple for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTupleStruct for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTupleVariant for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeMap for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let start = self.encoder.out.len();
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

impl SerializeStruct for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name)?;
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStructVariant for Contents<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
