//! Reads MessagePack as serde asks for it. Nothing here depends on a type.

use serde::de::{Error as _, Expected};

use super::error::{Error, Problem};
use super::json;
use super::reader::{Head, Number, Reader};

/// Reads one body, or a part of it.
#[derive(Debug)]
pub(super) struct Decoder<'de> {
    reader: Reader<'de>,
    /// How many levels deeper values may be nested.
    depth: usize,
    /// The offset of the current value, or of the last one. Errors are about it.
    at: usize,
    /// The offset of the last key of a map.
    key: Option<usize>,
    /// The rest of a `bin`, which is read as an array of integers.
    bin: &'de [u8],
    /// The name of the missing field that is decoded, if it is one.
    missing: Option<&'static str>,
}

impl<'de> Decoder<'de> {
    /// Reads from that offset of the body.
    pub(super) fn new(body: &'de [u8], at: usize, depth: usize) -> Self {
        Self { reader: Reader::new(body, at), depth, at, key: None, bin: &[], missing: None }
    }

    /// Decodes a missing field: an `Option` becomes `None`, and everything else an error.
    pub(super) fn missing(name: &'static str) -> Self {
        Self { missing: Some(name), ..Self::new(&[], 0, 0) }
    }

    /// The offset of the value that the last error is about.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Fails unless the whole body has been read.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.at = 0;
        self.reader.end()
    }

    /// Whether this decodes a missing field.
    pub(super) fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Notes that the next value is the key of a map.
    pub(super) fn begin_key(&mut self) {
        self.key = Some(self.reader.at());
    }

    /// Makes errors be about the value that begins there.
    pub(super) fn return_to(&mut self, start: usize) {
        self.at = start;
    }

    #[inline(never)]
    pub(super) fn head(&mut self) -> Result<Head<'de>, Error> {
        if let [byte, rest @ ..] = self.bin {
            self.bin = rest;
            return Ok(Head::Uint((*byte).into()));
        }
        self.at = self.reader.at();
        match self.missing {
            Some(name) => Err(Error::missing_field(name)),
            None => self.reader.head(),
        }
    }

    pub(super) fn next_is_nil(&self) -> bool {
        self.bin.is_empty() && self.reader.next_is_nil()
    }

    /// Reads a number. As the key of a map it may be text.
    #[inline(never)]
    pub(super) fn number(&mut self, expected: &dyn Expected) -> Result<Number, Error> {
        let at = self.reader.at();
        let read = if self.bin.is_empty() { self.reader.number() } else { None };
        let Some(number) = read else { return self.other_number(expected) };
        self.at = at;
        match number {
            Number::F32(value) => finite(value.into()).map(|_| number),
            Number::F64(value) => finite(value).map(|_| number),
            _ => Ok(number),
        }
    }

    /// A byte of a `bin`, or the key of a map.
    #[cold]
    #[inline(never)]
    fn other_number(&mut self, expected: &dyn Expected) -> Result<Number, Error> {
        let head = self.head()?;
        let number = match head {
            Head::Uint(value) => Some(Number::Uint(value)),
            Head::Text(text) if self.key == Some(self.at) => json::number(text),
            _ => None,
        };
        number.ok_or_else(|| unexpected(&head, expected))
    }

    #[inline(never)]
    pub(super) fn wide(&mut self, expected: &dyn Expected) -> Result<Wide, Error> {
        let mut next = self.reader.clone();
        if self.bin.is_empty()
            && let Ok(head @ Head::Bin(bytes)) = next.head()
        {
            self.at = self.reader.at();
            self.reader = next;
            let bits = bytes.try_into().map_err(|_| unexpected(&head, expected))?;
            return Ok(Wide::Bits(u128::from_be_bytes(bits)));
        }
        match self.number(expected)? {
            Number::Uint(value) => Ok(Wide::Integer(value.into())),
            Number::Int(value) => Ok(Wide::Integer(value.into())),
            number => Err(unexpected(&number.into(), expected)),
        }
    }

    /// Text that is UTF-8. Reads nothing if something else follows.
    #[inline(never)]
    pub(super) fn text(&mut self) -> Option<&'de str> {
        if !self.bin.is_empty() {
            return None;
        }
        let before = self.reader.clone();
        let text = std::str::from_utf8(self.reader.text()?).ok();
        match text {
            Some(_) => self.at = before.at(),
            None => self.reader = before,
        }
        text
    }

    /// The error where [`text`](Self::text) read nothing.
    #[cold]
    #[inline(never)]
    pub(super) fn not_text(&mut self, expected: &dyn Expected) -> Error {
        match self.head() {
            Ok(head) => unexpected(&head, expected),
            Err(error) => error,
        }
    }

    #[inline(never)]
    pub(super) fn boolean(&mut self, expected: &dyn Expected) -> Result<bool, Error> {
        match self.head()? {
            Head::Bool(value) => Ok(value),
            Head::Text(b"true") if self.key == Some(self.at) => Ok(true),
            Head::Text(b"false") if self.key == Some(self.at) => Ok(false),
            head => Err(unexpected(&head, expected)),
        }
    }

    /// Reads null, or an empty array, which other encoders write for a unit struct.
    #[inline(never)]
    pub(super) fn unit(&mut self, expected: &dyn Expected) -> Result<(), Error> {
        match self.head()? {
            Head::Nil | Head::Array(0) => Ok(()),
            head => Err(unexpected(&head, expected)),
        }
    }

    #[inline(never)]
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        if !self.bin.is_empty() || self.missing.is_some() {
            return self.head().map(drop);
        }
        self.at = self.reader.at();
        self.reader.skip(self.depth)
    }

    /// The next value as JSON text.
    #[inline(never)]
    pub(super) fn raw_value(&mut self) -> Result<String, Error> {
        let start = self.reader.at();
        self.skip()?;
        json::text(self.reader.since(start))
    }

    /// Bytes, which are an array of integers on the wire.
    #[inline(never)]
    pub(super) fn bytes(&mut self, length: u32, expected: &dyn Expected) -> Result<Vec<u8>, Error> {
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
    pub(super) fn array(&mut self, expected: &dyn Expected) -> Result<(usize, u32), Error> {
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
    pub(super) fn map(&mut self, expected: &dyn Expected) -> Result<(usize, u32), Error> {
        match self.head()? {
            Head::Map(length) => Ok((self.enter()?, length)),
            head => Err(unexpected(&head, expected)),
        }
    }

    /// Begins an enum, and tells whether it is a variant without fields, written as a string.
    #[inline(never)]
    pub(super) fn variant(&mut self) -> Result<(usize, bool), Error> {
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

    pub(super) fn enter(&mut self) -> Result<usize, Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Problem::TooDeep)?;
        Ok(self.at)
    }

    pub(super) fn leave(&mut self, start: usize) {
        self.depth += 1;
        self.at = start;
    }

    /// Ends an array or a map. `left` counts the elements that were not read.
    #[inline(never)]
    pub(super) fn close(&mut self, start: usize, length: u32, left: u32) -> Result<(), Error> {
        self.leave(start);
        if left == 0 {
            return Ok(());
        }
        let expected = length - left;
        Err(Error::custom(format_args!("invalid length {length}, expected {expected}")))
    }

    /// The capacity to allocate for so many values: at most what the body can hold.
    pub(super) fn at_most(&self, length: u32) -> usize {
        usize::try_from(length).unwrap_or(usize::MAX).min(self.reader.left().max(self.bin.len()))
    }
}

/// What JSON can express.
pub(super) fn finite(value: f64) -> Result<f64, Error> {
    if value.is_finite() { Ok(value) } else { Err(Problem::NotFinite.into()) }
}

#[cold]
#[inline(never)]
pub(super) fn unexpected(head: &Head<'_>, expected: &dyn Expected) -> Error {
    Error::invalid_type(head.unexpected(), expected)
}

/// An integer of 128 bits.
pub(super) enum Wide {
    Integer(i128),
    /// Sixteen bytes, as rmp-serde writes it. Lightbus reads them, and does not send them.
    Bits(u128),
}
