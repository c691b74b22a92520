//! Writes MessagePack that carries the JSON data model. Nothing here depends on a type.

use bytes::{BufMut, BytesMut};
use rmp::Marker;

use super::error::{Error, Problem};
use super::reader::{Head, Reader};

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

    /// Where the next value begins.
    pub(super) fn at(&self) -> usize {
        self.out.len()
    }

    /// Where the first integer of 128 bits begins, which serde cannot read in every place.
    pub(super) fn wide(&self) -> Option<usize> {
        self.wide
    }

    /// Notes that the next value is an integer of 128 bits.
    pub(super) fn begin_wide(&mut self) {
        self.wide.get_or_insert(self.out.len());
    }

    pub(super) fn nil(&mut self) {
        self.out.put_u8(Marker::Null.to_u8());
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.out.put_u8(if value { Marker::True } else { Marker::False }.to_u8());
    }

    #[inline(never)]
    pub(super) fn uint(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.put_u8(value as u8),
            0x80..=0xff => self.marked(Marker::U8, [value as u8]),
            0x100..=0xffff => self.marked(Marker::U16, (value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.marked(Marker::U32, (value as u32).to_be_bytes()),
            _ => self.marked(Marker::U64, value.to_be_bytes()),
        }
    }

    #[inline(never)]
    pub(super) fn int(&mut self, value: i64) {
        match value {
            0.. => self.uint(value.unsigned_abs()),
            -32..0 => self.out.put_i8(value as i8),
            -0x80..-32 => self.marked(Marker::I8, (value as i8).to_be_bytes()),
            -0x8000..-0x80 => self.marked(Marker::I16, (value as i16).to_be_bytes()),
            -0x8000_0000..-0x8000 => self.marked(Marker::I32, (value as i32).to_be_bytes()),
            _ => self.marked(Marker::I64, value.to_be_bytes()),
        }
    }

    #[inline(never)]
    pub(super) fn float(&mut self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Problem::NotFinite.into());
        }
        self.marked(Marker::F64, value.to_be_bytes());
        Ok(())
    }

    #[inline(never)]
    pub(super) fn single(&mut self, value: f32) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Problem::NotFinite.into());
        }
        self.marked(Marker::F32, value.to_be_bytes());
        Ok(())
    }

    #[inline(never)]
    pub(super) fn text(&mut self, value: &str) -> Result<(), Error> {
        match length(value.len())? {
            length @ 0..32 => self.out.put_u8(Marker::FixStr(length as u8).to_u8()),
            length @ 32..=0xff => self.marked(Marker::Str8, [length as u8]),
            length @ 0x100..=0xffff => self.marked(Marker::Str16, (length as u16).to_be_bytes()),
            length => self.marked(Marker::Str32, length.to_be_bytes()),
        }
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn marked<const N: usize>(&mut self, marker: Marker, bytes: [u8; N]) {
        self.out.put_u8(marker.to_u8());
        self.out.extend_from_slice(&bytes);
    }

    /// Bytes as the array of integers that they are in JSON.
    #[inline(never)]
    pub(super) fn bytes(&mut self, value: &[u8]) -> Result<(), Error> {
        self.begin(false, Some(value.len()))?;
        for byte in value {
            self.uint((*byte).into());
        }
        self.leave(1);
        Ok(())
    }

    /// Begins an array or a map. [`end`](Self::end) corrects the length if it was unknown or wrong.
    #[inline(never)]
    pub(super) fn begin(&mut self, is_map: bool, announced: Option<usize>) -> Result<usize, Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Problem::TooDeep)?;
        let start = self.out.len();
        // An unknown length is written as the largest one, so that the path of an error can be found.
        let length = announced.map_or(Ok(u32::MAX), length)?;
        let (short, medium, long) = match is_map {
            true => (Marker::FixMap(length as u8 & 0x0f), Marker::Map16, Marker::Map32),
            false => (Marker::FixArray(length as u8 & 0x0f), Marker::Array16, Marker::Array32),
        };
        match length {
            0..16 => self.out.put_u8(short.to_u8()),
            16..=0xffff => self.marked(medium, (length as u16).to_be_bytes()),
            _ => self.marked(long, length.to_be_bytes()),
        }
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

    pub(super) fn leave(&mut self, levels: usize) {
        self.depth += levels;
    }

    /// Begins the map of a variant's name to its fields.
    #[inline(never)]
    pub(super) fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.begin(true, Some(1))?;
        self.text(name)
    }

    /// Refuses the key that begins there unless it is a string.
    #[inline(never)]
    pub(super) fn check_key(&mut self, start: usize) -> Result<(), Error> {
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
        Err(Problem::KeyNotText(key.into()).into())
    }

    /// Refuses the content of a `Some` that begins there if it is null.
    #[inline(never)]
    pub(super) fn check_some(&mut self, start: usize) -> Result<(), Error> {
        if !Reader::new(self.out, start).next_is_nil() {
            return Ok(());
        }
        self.out.truncate(start);
        Err(Problem::SomeNull.into())
    }

    /// Takes back the text that begins there, if it is text.
    pub(super) fn take_text(&mut self, start: usize) -> Result<Option<Vec<u8>>, Error> {
        let Head::Text(text) = Reader::new(self.out, start).head()? else { return Ok(None) };
        let text = text.to_vec();
        self.out.truncate(start);
        Ok(Some(text))
    }
}

/// A length as MessagePack can carry it.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::value("it is longer than MessagePack can carry, which is 4 GiB"))
}
