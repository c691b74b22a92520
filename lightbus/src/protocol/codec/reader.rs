//! Reads MessagePack one head at a time, without types.

use rmp::Marker;
use serde::de::Unexpected;

use super::error::{Error, Problem};
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

/// A number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Uint(u64),
    /// A negative integer.
    Int(i64),
    F32(f32),
    F64(f64),
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

    /// Reads a number. Reads nothing if something else follows.
    #[inline]
    pub(super) fn number(&mut self) -> Option<Number> {
        let mut next = self.clone();
        let [marker] = next.array()?;
        let number = match Marker::from_u8(marker) {
            Marker::FixPos(value) => Number::Uint(value.into()),
            Marker::U8 => Number::Uint(u8::from_be_bytes(next.array()?).into()),
            Marker::U16 => Number::Uint(u16::from_be_bytes(next.array()?).into()),
            Marker::U32 => Number::Uint(u32::from_be_bytes(next.array()?).into()),
            Marker::U64 => Number::Uint(u64::from_be_bytes(next.array()?)),
            Marker::FixNeg(value) => Number::Int(value.into()),
            Marker::I8 => signed(i8::from_be_bytes(next.array()?).into()),
            Marker::I16 => signed(i16::from_be_bytes(next.array()?).into()),
            Marker::I32 => signed(i32::from_be_bytes(next.array()?).into()),
            Marker::I64 => signed(i64::from_be_bytes(next.array()?)),
            Marker::F32 => Number::F32(f32::from_be_bytes(next.array()?)),
            Marker::F64 => Number::F64(f64::from_be_bytes(next.array()?)),
            _ => return None,
        };
        *self = next;
        Some(number)
    }

    /// Reads text, which may not be UTF-8. Reads nothing if something else follows.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'b [u8]> {
        let mut next = self.clone();
        let [marker] = next.array()?;
        let text = match Marker::from_u8(marker) {
            Marker::FixStr(length) => next.take(length.into()),
            Marker::Str8 => next.counted::<1>(),
            Marker::Str16 => next.counted::<2>(),
            Marker::Str32 => next.counted::<4>(),
            _ => return None,
        }?;
        *self = next;
        Some(text)
    }

    pub(super) fn next_is_nil(&self) -> bool {
        self.body.get(self.at) == Some(&Marker::Null.to_u8())
    }

    /// Reads a scalar value or the head of a container.
    pub(super) fn head(&mut self) -> Result<Head<'b>, Error> {
        if let Some(text) = self.text() {
            return Ok(Head::Text(text));
        }
        if let Some(number) = self.number() {
            return Ok(number.into());
        }
        self.other()?.ok_or_else(|| Problem::Ends.into())
    }

    /// What is neither text nor a number, and has not ended too early.
    fn other(&mut self) -> Result<Option<Head<'b>>, Error> {
        let Some([marker]) = self.array() else { return Ok(None) };
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Some(Head::Nil),
            Marker::False => Some(Head::Bool(false)),
            Marker::True => Some(Head::Bool(true)),
            Marker::Bin8 => self.counted::<1>().map(Head::Bin),
            Marker::Bin16 => self.counted::<2>().map(Head::Bin),
            Marker::Bin32 => self.counted::<4>().map(Head::Bin),
            Marker::FixArray(length) => Some(Head::Array(length.into())),
            Marker::Array16 => self.length::<2>().map(Head::Array),
            Marker::Array32 => self.length::<4>().map(Head::Array),
            Marker::FixMap(length) => Some(Head::Map(length.into())),
            Marker::Map16 => self.length::<2>().map(Head::Map),
            Marker::Map32 => self.length::<4>().map(Head::Map),
            Marker::FixExt1 => self.extension(1),
            Marker::FixExt2 => self.extension(2),
            Marker::FixExt4 => self.extension(4),
            Marker::FixExt8 => self.extension(8),
            Marker::FixExt16 => self.extension(16),
            Marker::Ext8 => self.counted_extension::<1>(),
            Marker::Ext16 => self.counted_extension::<2>(),
            Marker::Ext32 => self.counted_extension::<4>(),
            Marker::Reserved => return Err(Error::value("the byte 0xc1 never occurs in MessagePack")),
            // A number or text that is cut off.
            _ => None,
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
                    _ => return Err(Problem::TooDeep.into()),
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

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.body.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, _) = self.body.get(self.at..)?.split_first_chunk()?;
        self.at += N;
        Some(*array)
    }

    /// A length of so many bytes.
    fn length<const N: usize>(&mut self) -> Option<u32> {
        let bytes: [u8; N] = self.array()?;
        Some(bytes.iter().fold(0, |length, byte| length << 8 | u32::from(*byte)))
    }

    fn counted<const N: usize>(&mut self) -> Option<&'b [u8]> {
        let length = self.length::<N>()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn extension(&mut self, length: usize) -> Option<Head<'b>> {
        // The type of the extension is in front.
        self.take(1)?;
        self.take(length)?;
        Some(Head::Ext)
    }

    fn counted_extension<const N: usize>(&mut self) -> Option<Head<'b>> {
        let length = self.length::<N>()?;
        self.extension(usize::try_from(length).ok()?)
    }
}

fn signed(value: i64) -> Number {
    u64::try_from(value).map_or(Number::Int(value), Number::Uint)
}

impl From<Number> for Head<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Uint(value) => Self::Uint(value),
            Number::Int(value) => Self::Int(value),
            Number::F32(value) => Self::F32(value),
            Number::F64(value) => Self::F64(value),
        }
    }
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
