//! Reads MessagePack one head at a time, without types.

use rmp::Marker;
use serde::de::Unexpected;

use super::error::Error;
use super::{MAX_DEPTH, MAX_REASON};
use crate::protocol::text::truncate;

/// A scalar value, or the head of a container whose contents follow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head<'b> {
    Nil,
    Bool(bool),
    /// A non-negative integer.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    F32(f32),
    F64(f64),
    /// Text that may not be UTF-8.
    Text(&'b [u8]),
    Bin(&'b [u8]),
    /// An array of so many elements.
    Array(u32),
    /// A map of so many pairs.
    Map(u32),
    /// A value of an extension type, which no peer may send.
    Ext,
}

/// A position in a body.
#[derive(Debug, Clone)]
pub(super) struct Reader<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(body: &'b [u8], at: usize) -> Self {
        Self { body, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.body.len().saturating_sub(self.at)
    }

    /// Fails unless the whole body has been read.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.left() == 0 {
            return Ok(());
        }
        Err(Error::value("more bytes follow the value. The body must be one value and nothing else"))
    }

    /// The bytes that have been read since that offset.
    pub(super) fn since(&self, start: usize) -> &'b [u8] {
        self.body.get(start..self.at).unwrap_or_default()
    }

    /// Reads text of up to 31 bytes, which most names and many values are. Reads nothing if something else follows.
    #[inline]
    pub(super) fn short_text(&mut self) -> Option<&'b [u8]> {
        let (marker, rest) = self.body.get(self.at..)?.split_first()?;
        let length = usize::from(marker & 0x1f);
        let text = rest.get(..length).filter(|_| marker & 0xe0 == 0xa0)?;
        self.at += 1 + length;
        Some(text)
    }

    /// Reads an integer below 128. Reads nothing if something else follows.
    #[inline]
    pub(super) fn small_integer(&mut self) -> Option<u64> {
        let value = *self.body.get(self.at).filter(|marker| **marker < 0x80)?;
        self.at += 1;
        Some(value.into())
    }

    pub(super) fn next_is_nil(&self) -> bool {
        self.body.get(self.at) == Some(&Marker::Null.to_u8())
    }

    /// Reads a scalar value or the head of a container.
    pub(super) fn head(&mut self) -> Result<Head<'b>, Error> {
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Head::Nil,
            Marker::False => Head::Bool(false),
            Marker::True => Head::Bool(true),
            Marker::FixPos(value) => Head::Uint(value.into()),
            Marker::U8 => Head::Uint(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Head::Uint(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Head::Uint(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Head::Uint(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(value) => Head::Int(value.into()),
            Marker::I8 => signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Head::F32(f32::from_be_bytes(self.array()?)),
            Marker::F64 => Head::F64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => Head::Text(self.take(length.into())?),
            Marker::Str8 => Head::Text(self.counted::<1>()?),
            Marker::Str16 => Head::Text(self.counted::<2>()?),
            Marker::Str32 => Head::Text(self.counted::<4>()?),
            Marker::Bin8 => Head::Bin(self.counted::<1>()?),
            Marker::Bin16 => Head::Bin(self.counted::<2>()?),
            Marker::Bin32 => Head::Bin(self.counted::<4>()?),
            Marker::FixArray(length) => Head::Array(length.into()),
            Marker::Array16 => Head::Array(self.length::<2>()?),
            Marker::Array32 => Head::Array(self.length::<4>()?),
            Marker::FixMap(length) => Head::Map(length.into()),
            Marker::Map16 => Head::Map(self.length::<2>()?),
            Marker::Map32 => Head::Map(self.length::<4>()?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.counted_extension::<1>()?,
            Marker::Ext16 => self.counted_extension::<2>()?,
            Marker::Ext32 => self.counted_extension::<4>()?,
            Marker::Reserved => return Err(Error::value("the byte 0xc1 never occurs in MessagePack")),
        })
    }

    /// Passes over one value that may be nested so deeply.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), Error> {
        // How many values are left at each level.
        let mut left = [0_u64; MAX_DEPTH];
        let mut level = 0;
        loop {
            let inside = match self.head()? {
                Head::Array(length) => Some(u64::from(length)),
                Head::Map(length) => Some(2 * u64::from(length)),
                _ => None,
            };
            if let Some(values) = inside {
                match left.get_mut(level) {
                    Some(slot) if level < depth => *slot = values,
                    _ => return Err(Error::TooDeep),
                }
                level += 1;
            }
            loop {
                let Some(slot) = level.checked_sub(1).and_then(|top| left.get_mut(top)) else { return Ok(()) };
                if *slot > 0 {
                    *slot -= 1;
                    break;
                }
                level -= 1;
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let end = self.at.checked_add(length).ok_or(Error::Ends)?;
        let taken = self.body.get(self.at..end).ok_or(Error::Ends)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, _) = self.body.get(self.at..).and_then(<[u8]>::split_first_chunk).ok_or(Error::Ends)?;
        self.at += N;
        Ok(*array)
    }

    /// A length of so many bytes.
    fn length<const N: usize>(&mut self) -> Result<u32, Error> {
        let bytes: [u8; N] = self.array()?;
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | u32::from(*byte)))
    }

    fn counted<const N: usize>(&mut self) -> Result<&'b [u8], Error> {
        let length = self.length::<N>()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn extension(&mut self, length: usize) -> Result<Head<'b>, Error> {
        // The type of the extension is in front.
        self.take(1)?;
        self.take(length)?;
        Ok(Head::Ext)
    }

    fn counted_extension<const N: usize>(&mut self) -> Result<Head<'b>, Error> {
        let length = self.length::<N>()?;
        self.extension(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

fn signed(value: i64) -> Head<'static> {
    u64::try_from(value).map_or(Head::Int(value), Head::Uint)
}

impl<'b> Head<'b> {
    /// The value in serde's words, for an error.
    pub(super) fn unexpected(&self) -> Unexpected<'b> {
        match *self {
            Head::Nil => Unexpected::Other("null"),
            Head::Bool(value) => Unexpected::Bool(value),
            Head::Uint(value) => Unexpected::Unsigned(value),
            Head::Int(value) => Unexpected::Signed(value),
            Head::F32(value) => Unexpected::Float(value.into()),
            Head::F64(value) => Unexpected::Float(value),
            // Serde quotes it in full, however long it is.
            Head::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Unexpected::Str(truncate(text, MAX_REASON)),
                Err(_) => Unexpected::Other("text that is not UTF-8"),
            },
            Head::Bin(_) => Unexpected::Other("binary data"),
            Head::Array(_) => Unexpected::Seq,
            Head::Map(_) => Unexpected::Map,
            Head::Ext => Unexpected::Other("a value of an extension type"),
        }
    }
}
