//! The arguments of a call, one at a time.

use std::fmt;

use serde::de::Expected;
use serde::{Deserialize, Serialize};

use super::invocation::{Invocation, Outcome};
use crate::protocol::codec::{Body, EncodeError, FieldWriter};
use crate::protocol::message::Payload;

/// The arguments of a call as a generated client writes them.
#[derive(Debug)]
pub struct Arguments(FieldWriter);

impl Arguments {
    /// Begins so many arguments.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(FieldWriter::map(count))
    }

    /// Arguments that a struct stands for.
    pub fn of<A: Serialize>(arguments: &A) -> Self {
        Self(FieldWriter::whole(arguments))
    }

    /// Writes an argument.
    pub fn write<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.0.field(name, value);
    }

    pub(crate) fn finish(self) -> Result<Payload, EncodeError> {
        self.0.finish()
    }
}

/// An argument of a request, not decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Field<'i> {
    pub(super) invocation: &'i Invocation,
    pub(super) body: &'i Body,
    pub(super) name: &'static str,
    pub(super) place: Option<usize>,
}

impl<'i> Field<'i> {
    /// Decodes the argument, which may borrow from the request.
    ///
    /// # Errors
    ///
    /// The fault to answer with if it does not decode.
    pub fn decode<T: Deserialize<'i>>(self) -> Result<T, Outcome> {
        self.body.field(self.name, self.place).map_err(|error| self.invocation.invalid_arguments(&error))
    }
}

/// What the fault says if the arguments are not a map.
pub(super) struct MapOf<'m>(pub(super) &'m str);

impl Expected for MapOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of the arguments of {}", self.0)
    }
}
